//go:build !linux

package socket

import "time"

// setMaxRT does nothing: TCP_USER_TIMEOUT is Linux's.
func setMaxRT(uintptr, time.Duration) error { return nil }
