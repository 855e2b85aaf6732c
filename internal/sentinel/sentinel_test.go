package sentinel

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew(t *testing.T) {
	err, twin := New("closed", net.ErrClosed, syscall.EAGAIN), New("closed", net.ErrClosed)
	if err.Error() != "zmqbus: closed" {
		t.Errorf("the text is %q", err)
	}
	wrapped := fmt.Errorf("recv: %w", err)
	for _, target := range []error{err, net.ErrClosed, syscall.EAGAIN} {
		if !errors.Is(wrapped, target) {
			t.Errorf("it does not match %v", target)
		}
	}
	for _, target := range []error{twin, syscall.EBUSY} {
		if errors.Is(wrapped, target) {
			t.Errorf("it matches %v", target)
		}
	}
}
