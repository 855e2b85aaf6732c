//go:build unix

package monitor

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// errnoName names an errno of this system the way C does.
func errnoName(v int64) string {
	if name := unix.ErrnoName(syscall.Errno(v)); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", v)
}
