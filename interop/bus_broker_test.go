package interop

import "testing"

// brokered is a tree in which nobody knows the others: buses and pyzmq connect to a "zmqbus proxy".
var brokered = []member{
	{"broker", "proxy", []link{{"front", "@", "front"}, {"back", "@", "back"}}},
	{"bus1", "bus", []link{{"export", ">", "front"}, {"import", ">", "back"}}},
	{"bus2", "bus", []link{{"export", ">", "front"}, {"import", ">", "back"}}},
	{"pub", "PUB", []link{{"export", ">", "front"}}},
	{"sub", "SUB", []link{{"import", ">", "back"}}},
}

// TestBusBroker: everybody gets everything, a bus its own values too. The broker is killed, then a bus; both take part
// again when they are started again.
func TestBusBroker(t *testing.T) {
	executable(t) // built before the time begins that the members have
	c := newTree(t, brokered, map[string]string{"front": ipcEndpoint(t), "back": ipcEndpoint(t)})
	c.order("on")
	c.exchange("")
	took := c.noticed("broker", c.kill("broker"), soon)
	t.Logf("the broker was killed; noticed after: %s", took)
	c.again("broker")
	c.kill("bus1")
	c.gone("bus1")
	c.exchange("bus1")
	c.again("bus1")
	c.finish()
}
