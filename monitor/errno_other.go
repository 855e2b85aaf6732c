//go:build !unix

package monitor

import (
	"fmt"
	"syscall"
)

// errnoName gives number and text, since systems other than Unix have no common names.
func errnoName(v int64) string { return fmt.Sprintf("errno %d (%v)", v, syscall.Errno(v)) }
