package socket

import (
	"fmt"
	"sync"
	"syscall"
)

// Inproc is a space of names for inproc endpoints: sockets find each other only within one. All sockets share one per
// process, unless Config.Inproc says otherwise. (In libzmq it is the context's.) It is safe for concurrent use.
type Inproc struct {
	mu      sync.Mutex // taken under a socket's lock, never the other way round
	bound   map[string]*endpoint
	waiting map[string][]*endpoint // dialled before anyone bound the name
}

// NewInproc returns an empty space of names.
func NewInproc() *Inproc {
	return &Inproc{bound: map[string]*endpoint{}, waiting: map[string][]*endpoint{}}
}

var processInproc = NewInproc()

func (s *Socket) registry() *Inproc {
	if s.st.inproc != nil {
		return s.st.inproc
	}
	return processInproc
}

// bind gives name to e and returns the dialled endpoints that wait for it.
func (r *Inproc) bind(name string, e *endpoint) ([]*endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bound[name] != nil {
		return nil, fmt.Errorf("inproc name %q: %w", name, syscall.EADDRINUSE)
	}
	waiting := r.waiting[name]
	delete(r.waiting, name)
	r.bound[name] = e
	return waiting, nil
}

// find returns who is bound to name, or notes that e waits for it.
func (r *Inproc) find(name string, e *endpoint) *endpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.bound[name]; b != nil {
		return b
	}
	r.waiting[name] = append(r.waiting[name], e)
	return nil
}

func (r *Inproc) remove(e *endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := e.addr.rest
	if r.bound[name] == e {
		delete(r.bound, name)
	}
	for i, w := range r.waiting[name] {
		if w == e {
			r.waiting[name] = append(r.waiting[name][:i:i], r.waiting[name][i+1:]...)
			break
		}
	}
	if len(r.waiting[name]) == 0 {
		delete(r.waiting, name)
	}
}

// inprocAddr is the address of an inproc listener.
type inprocAddr string

// Network returns "inproc".
func (inprocAddr) Network() string { return "inproc" }

// String returns the name without its scheme.
func (a inprocAddr) String() string { return string(a) }

func (s *Socket) listenInproc(e *endpoint) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return s.closedError()
	}
	waiting, err := s.registry().bind(e.addr.rest, e)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	s.endpoints = append(s.endpoints, e)
	s.mu.Unlock()
	for _, d := range waiting {
		if err := d.meet(e); err != nil {
			d.s.log.Warn("inproc peer refused", "endpoint", e.addr.raw, "error", err)
		}
	}
	return nil
}

func (s *Socket) dialInproc(e *endpoint) error {
	err := e.meet(e.seek())
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.remove()
	}
	return err
}

// seek returns who is bound to the name that e has dialled, or leaves e to wait for the next who is.
func (e *endpoint) seek() *endpoint {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if e.state == Ended {
		return nil
	}
	return e.s.registry().find(e.addr.rest, e)
}
