package socket

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setMaxRT sets how long sent data may stay unacknowledged (ZMQ_TCP_MAXRT, tcp(7) TCP_USER_TIMEOUT); connections
// accepted from a listener inherit it. 0 keeps the OS's default.
func setMaxRT(fd uintptr, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	ms := max(1, d.Milliseconds())
	return os.NewSyscallError("setsockopt",
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ms)))
}
