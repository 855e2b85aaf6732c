//go:build !unix

package main

import (
	"errors"
	"fmt"
	"runtime"
)

var errNoFDs = fmt.Errorf("file descriptors cannot be polled on %s: %w", runtime.GOOS, errors.ErrUnsupported)

func checkFD(int) error { return errNoFDs }

func readFD(int, []byte) (int, error) { return 0, errNoFDs }
