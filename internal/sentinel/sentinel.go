// Package sentinel makes the errors that the packages of zmqbus are tested for with errors.Is.
package sentinel

import "slices"

// New returns an error that is equal only to itself, and also matches each of also through errors.Is: libzmq's errno,
// or the standard library's name. Its text begins with the module's name.
func New(text string, also ...error) error {
	return &sentinel{"zmqbus: " + text, also}
}

type sentinel struct {
	text string
	also []error
}

func (e *sentinel) Error() string        { return e.text }
func (e *sentinel) Is(target error) bool { return slices.Contains(e.also, target) }
