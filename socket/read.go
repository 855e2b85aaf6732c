package socket

import (
	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
)

// readLoop moves messages from the connection to the pipe, a batch at a time.
func (c *conn) readLoop() error {
	c.setupDecoder()
	var batch []zmq4.Msg
	for {
		var err error
		batch, err = c.dec.ReadBatch(batch)
		c.hb.heard()
		for rest := batch; len(rest) > 0; {
			n, ok := c.pipe.deliver(rest, c)
			if !ok {
				return errLocal // or what ended the connection before
			}
			rest = rest[n:]
		}
		c.settle()
		if err != nil {
			return err
		}
		clear(batch)
		if cap(batch) > 32 && len(batch) < 8 {
			batch = nil // idle again
		}
	}
}

func (c *conn) setupDecoder() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	d := zmtp.NewDecoder(c.r)
	d.MaxMsgSize, d.MaxFrames = c.s.st.maxMsgSize, c.s.st.maxFrames
	d.Reserve, d.Command = c.reserve, c.command
	if c.s.typ == zmq4.Router {
		d.Prefix = []byte(c.pipe.routingID)
	}
	c.dec = d
}

// command handles a ZMTP command between messages (RFC 23, 37). Unknown ones are ignored, as libzmq does.
func (c *conn) command(name string, body []byte) error {
	switch name {
	case "PING":
		ttl, context, err := zmtp.ParsePing(body)
		if err != nil {
			return err
		}
		return c.pinged(ttl, context)
	case "SUBSCRIBE", "CANCEL":
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		if pub, ok := c.s.pat.(*publisher); ok && !c.pipe.ended {
			pub.command(c.pipe, name == "SUBSCRIBE", string(body))
		}
	}
	return nil
}
