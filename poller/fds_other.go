//go:build !unix

package poller

// openFDs is nil: descriptors can not be polled on this system.
var openFDs func() (fdWatch, error)
