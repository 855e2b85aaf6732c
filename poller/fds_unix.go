//go:build unix && !linux

package poller

var openFDs = openPoll
