package poller

import (
	"fmt"
	"os"
	"strings"
)

// ownArmedFDs is how many descriptors the kernel says are in the epoll set.
func ownArmedFDs(w fdWatch) int {
	e := w.(*epollWatch)
	e.mu.Lock()
	defer e.mu.Unlock()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", e.epfd))
	if err != nil {
		panic(err)
	}
	if n := strings.Count(string(info), "tfd:"); n == len(e.places) {
		return n
	}
	panic(fmt.Sprintf("%d places for:\n%s", len(e.places), info))
}
