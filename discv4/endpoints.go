package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/keyed"
	"github.com/kithnet/kith/internal/wait"
)

// call is what a PING and a query under way have in common: whom they are for, and
// by what their replies are known.
type call struct {
	task   wait.Task[*call] // when it goes on
	node   *enode.Node
	to     netip.AddrPort
	ping   *pingCall // which of the two it is
	req    *request
	next   *call   // of the same hash
	first  sending // of its packet
	others []sending
	listed bool // it is among the endpoints
	// attempts is how many packets claimed to be its reply.
	attempts uint8
}

// sending is when a packet was sent, and its hash, as far as the driver has told it.
type sending struct {
	hash   Hash
	signed bool
	at     int64
}

// sending returns that of a packet, which was sent.
func (c *call) sending(try int) *sending {
	if try == 0 {
		return &c.first
	}
	return &c.others[try-1]
}

// sends notes when its packet is sent for the first time, or once more.
func (c *call) sends(try int, at int64) {
	if try > 0 {
		c.others = append(c.others, sending{})
	}
	c.sending(try).at = at
}

// sent notes the hash of a packet.
func (c *call) sent(try int, h *Hash) {
	s := c.sending(try)
	s.hash, s.signed = *h, true
}

// try returns the last packet that has a hash, -1 if none has.
func (c *call) try(h *Hash) int {
	for i := len(c.others); i >= 0; i-- {
		if s := c.sending(i); s.signed && s.hash == *h {
			return i
		}
	}
	return -1
}

// endpoints holds calls by the endpoint that they are for: a hash table whose
// elements are chained through the calls. Most nodes have few at any time, and go
// through thousands a minute.
type endpoints struct {
	heads []*call
	size  int
	seed  uint64
}

// keepHeads is the size up to which the table is kept when it is empty: nothing
// is to be left of a burst.
const keepHeads = 32

func (e *endpoints) head(to netip.AddrPort) **call {
	return &e.heads[keyed.Addr(e.seed, to.Addr(), uint64(to.Port()))&uint64(len(e.heads)-1)]
}

// at returns the newest call to an endpoint; call.older goes on from there.
func (e *endpoints) at(to netip.AddrPort) *call {
	if e.size == 0 {
		return nil
	}
	return (*e.head(to)).orOlder(to)
}

// older returns the next older call to the same endpoint.
func (c *call) older() *call { return c.next.orOlder(c.to) }

func (c *call) orOlder(to netip.AddrPort) *call {
	for c != nil && c.to != to {
		c = c.next
	}
	return c
}

func (e *endpoints) add(c *call) {
	if c.listed {
		return
	}
	if e.size >= len(e.heads) {
		e.grow()
	}
	c.listed = true
	e.size++
	head := e.head(c.to)
	c.next, *head = *head, c
}

func (e *endpoints) grow() {
	old := e.heads
	e.heads = make([]*call, max(4, 2*len(old)))
	for _, c := range old {
		var oldest *call // the chain turned around, since what is put first is to be last
		for c != nil {
			c.next, oldest, c = oldest, c, c.next
		}
		for c = oldest; c != nil; {
			next, head := c.next, e.head(c.to)
			c.next, *head = *head, c
			c = next
		}
	}
}

func (e *endpoints) remove(c *call) {
	if !c.listed {
		return
	}
	c.listed = false
	e.size--
	at := e.head(c.to)
	for *at != c {
		at = &(*at).next
	}
	*at, c.next = c.next, nil
	if e.size == 0 && len(e.heads) > keepHeads {
		e.heads = nil
	}
}
