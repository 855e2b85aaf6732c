//go:build !unix

package reactor

// soakNewPipe returns nil: descriptors cannot be polled here.
func soakNewPipe() (*soakPipe, error) { return nil, nil }
