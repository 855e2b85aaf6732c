package socket

import (
	"context"
	"log/slog"
)

// maxLogs bounds the records that wait for a slow handler; more are left out.
const maxLogs = 256

type logRecord struct {
	level slog.Level
	msg   string
	args  []any
}

// logLater logs from under the lock. A log handler is the user's code, and may call the socket: a transient goroutine
// hands it the records without the lock.
func (s *Socket) logLater(level slog.Level, msg string, args ...any) {
	if s.cfg.Logger == nil || len(s.logs) >= maxLogs {
		return
	}
	s.logs = append(s.logs, logRecord{level, msg, args})
	if !s.logging {
		s.logging = true
		s.loggers.Add(1)
		go s.drainLogs() // owner: the socket; ends when nothing is left to log, and Close waits for it
	}
}

func (s *Socket) drainLogs() {
	defer s.loggers.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.logs) > 0 {
		records := s.logs
		s.logs = nil
		s.mu.Unlock()
		for _, r := range records {
			s.log.Log(context.Background(), r.level, r.msg, r.args...)
		}
		s.mu.Lock()
	}
	s.logging = false
}
