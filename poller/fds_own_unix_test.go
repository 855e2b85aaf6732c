//go:build unix && !linux

package poller

func ownArmedFDs(w fdWatch) int { panic("not a backend of this system") }
