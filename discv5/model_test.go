package discv5

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

// peerAt is a node at an endpoint.
type peerAt struct {
	id enode.ID
	at netip.AddrPort
}

// model is what a machine may do, kept in the plainest way.
type model struct {
	elapsed time.Duration
	asked   map[netip.AddrPort]int                // packets that came from an endpoint, or that a user's requests name it
	sent    map[netip.AddrPort]int                // packets sent there without a session
	nonces  map[netip.AddrPort]map[Nonce]int      // of what was sent there, and how many handshakes answered a WHOAREYOU for it
	open    map[peerAt]outstanding                // challenges
	keys    map[Keys]peerAt                       // of sessions
	used    map[Keys]map[Nonce]bool               // nonces of what was sent under them
	owed    map[peerAt]map[RequestID]map[Kind]int // answers that may be sent
	dones   []*int
}

type outstanding struct {
	header Header
	since  time.Duration
}

func newModel() *model {
	return &model{
		asked: make(map[netip.AddrPort]int), sent: make(map[netip.AddrPort]int),
		nonces: make(map[netip.AddrPort]map[Nonce]int), open: make(map[peerAt]outstanding),
		keys: make(map[Keys]peerAt), used: make(map[Keys]map[Nonce]bool),
		owed: make(map[peerAt]map[RequestID]map[Kind]int),
	}
}

// done returns the counter of a new done function.
func (d *model) done() *int {
	n := new(int)
	d.dones = append(d.dones, n)
	return n
}

// read notes a message that opens under a session: requests may be answered.
func (d *model) read(p peerAt, m *Message) {
	if m.Kind != Ping && m.Kind != Findnode && m.Kind != TalkReq {
		return
	}
	if d.owed[p] == nil {
		d.owed[p] = make(map[RequestID]map[Kind]int)
	}
	if d.owed[p][m.ID] == nil {
		d.owed[p][m.ID] = make(map[Kind]int)
	}
	n := 1
	if m.Kind == Findnode {
		n = maxTotal
	}
	d.owed[p][m.ID][m.Kind+1] += n
}

// mayAccept reports whether a handshake answers an outstanding challenge.
func (d *model) mayAccept(p peerAt) bool {
	o, ok := d.open[p]
	return ok && d.elapsed-o.since < challengeValid
}

// send checks a packet that the machine sends.
func (d *model) send(o *Out) error {
	p := peerAt{o.Dest, o.To}
	h := &o.Header
	if o.Session == nil {
		if d.sent[o.To]++; d.sent[o.To] > d.asked[o.To] {
			return fmt.Errorf("packet %d without a session to %v, for %d causes", d.sent[o.To], o.To, d.asked[o.To])
		}
	}
	switch {
	case h.Flag == Whoareyou:
		return d.challenge(p, h)
	case h.Flag == Handshake:
		return d.shake(p, o)
	case o.Session == nil && o.Message.Kind != 0:
		return fmt.Errorf("%v without a session", o.Message.Kind)
	}
	d.nonce(o.To, h.Nonce)
	if o.Session == nil {
		return nil
	}
	return d.message(p, o)
}

func (d *model) nonce(to netip.AddrPort, n Nonce) {
	if d.nonces[to] == nil {
		d.nonces[to] = make(map[Nonce]int)
	}
	d.nonces[to][n] = 0
}

// challenge checks a WHOAREYOU: while one is outstanding it is the same.
func (d *model) challenge(p peerAt, h *Header) error {
	if o, ok := d.open[p]; ok && d.elapsed-o.since < challengeValid {
		if o.header.challengeData() != h.challengeData() {
			return fmt.Errorf("another WHOAREYOU to %v after %v", p.at, d.elapsed-o.since)
		}
		return nil
	}
	for other, o := range d.open {
		if o.header.IDNonce == h.IDNonce {
			return fmt.Errorf("one ID nonce for %v and %v", other.at, p.at)
		}
	}
	d.open[p] = outstanding{*h, d.elapsed}
	return nil
}

// shake checks a handshake: it answers a WHOAREYOU of the right endpoint.
func (d *model) shake(p peerAt, o *Out) error {
	n, ok := d.nonces[p.at][Nonce(o.challenge[ivSize+9:])]
	if !ok || n >= maxHandshakes {
		return fmt.Errorf("handshake with %v for a packet that was not sent, or challenged %d times", p.at, n)
	}
	d.nonces[p.at][Nonce(o.challenge[ivSize+9:])]++
	d.nonce(p.at, o.Header.Nonce)
	d.keys[o.Session.keys] = p
	return d.message(p, o)
}

// message checks a message under a session.
func (d *model) message(p peerAt, o *Out) error {
	k, m := o.Session.keys, &o.Message
	if d.keys[k] != p {
		return fmt.Errorf("%v to %v under the session with %v", m.Kind, p.at, d.keys[k].at)
	}
	if d.used[k] == nil {
		d.used[k] = make(map[Nonce]bool)
	}
	if d.used[k][o.Header.Nonce] {
		return fmt.Errorf("%v to %v: nonce used twice", m.Kind, p.at)
	}
	d.used[k][o.Header.Nonce] = true
	if m.Size() > MaxMessageSize {
		return fmt.Errorf("%v of %d bytes", m.Kind, m.Size())
	}
	if m.Kind == Pong || m.Kind == Nodes || m.Kind == TalkResp {
		if d.owed[p][m.ID][m.Kind]--; d.owed[p][m.ID][m.Kind] < 0 {
			return fmt.Errorf("%v to %v, who did not ask", m.Kind, p.at)
		}
	}
	return nil
}

// ended checks that all done functions were called once.
func (d *model) ended() error {
	for i, n := range d.dones {
		if *n != 1 {
			return fmt.Errorf("done %d of %d was called %d times", i, len(d.dones), *n)
		}
	}
	return nil
}
