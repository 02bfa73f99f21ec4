package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// step does one thing.
func (p *play) step() {
	p.Helper()
	switch op := p.next(); op % 16 {
	case 0, 1:
		p.advance(fuzzSteps[int(p.next())%len(fuzzSteps)])
	case 2, 3:
		a := p.pick()
		n := 1
		if op&32 != 0 { // a burst
			n += int(p.next()) % 32
		}
		d := p.ordinary(a, p.request(op))
		for range n {
			d.header.Nonce[1]++
			p.give(d)
		}
	case 4, 5, 6, 7, 8, 9:
		p.answer(op)
	case 10:
		p.give(p.ordinary(p.pick(), Message{Kind: Kind(1 + op>>4%6), ID: NumberID(uint64(p.next()))}))
	case 11:
		if len(p.received) > 0 { // a replay, from the same endpoint or another
			d := p.received[int(p.next())%len(p.received)]
			if op&16 != 0 {
				d.from = p.pick().at
			}
			p.give(d)
		}
	case 12, 13:
		p.call(op)
	case 14:
		if op&16 != 0 {
			p.busy, p.holdKeys, p.holdChecks, p.noKeys = op&32 != 0, op&64 != 0, op&128 != 0, p.next()&7 == 7
		}
		if len(p.held) > 0 {
			p.agree()
		}
		if len(p.checks) > 0 {
			p.check()
		}
	case 15:
		a := p.pick()
		switch {
		case op&16 != 0:
			p.give(delivery{from: a.at, header: Header{Flag: Whoareyou, Nonce: Nonce{op}}})
		case op&32 != 0:
			p.give(p.handshake(a, op, Message{Kind: Ping}))
		case len(p.replies) > 0:
			p.replies[0]([]byte{2})
			p.replies = p.replies[1:]
			p.flushed()
		}
	}
}

// request returns a request of an actor.
func (p *play) request(op byte) Message {
	id, _ := NewRequestID(make([]byte, p.next()%9))
	m := Message{ID: id}
	switch op >> 6 {
	case 0:
		m.Kind, m.Seq = Ping, uint64(op&16)
	case 1:
		m.Kind, m.Distances = Findnode, []uint16{uint16(p.next()) + 1, 0, 256}
	case 2:
		m.Kind, m.Protocol = TalkReq, []byte("later")
	default:
		m.Kind, m.Protocol = TalkReq, []byte("now")
	}
	return m
}

// keysOf returns keys of a session of the machine with an actor: the newest, or the
// other ones, or none that it has.
func (p *play) keysOf(a actor) Keys {
	s := p.m.sessions.get(a.node.ID(), a.at)
	b := p.next()
	switch {
	case s == nil || b < 30:
		return Keys{Recipient: [16]byte{b}}
	case s.other != nil && b&1 != 0:
		return s.other.keys
	}
	return s.keys
}

func (p *play) ordinary(a actor, m Message) (d delivery) {
	d = delivery{from: a.at, header: Header{Src: a.node.ID(), Nonce: Nonce{p.next()}}}
	d.envelope = envelope{keys: p.keysOf(a), msg: m}
	if m.Seq == 16 {
		d.envelope.drop = DropMalformed
	}
	return d
}

// handshake answers a challenge, rightly or not.
func (p *play) handshake(a actor, op byte, m Message) (d delivery) {
	p.serial++
	d = delivery{from: a.at, header: Header{Flag: Handshake, Src: a.node.ID(), Record: a.node.Record().Raw()}}
	d.keys = Keys{Initiator: [16]byte{2, byte(p.serial >> 8), byte(p.serial)}}
	d.envelope = envelope{keys: d.keys, msg: m}
	switch b := p.next(); {
	case b < 16:
		d.forged = true
	case b < 32:
		d.header.Record = nil
	case b < 48:
		d.header.Record = fuzzNodes[int(op)%len(fuzzNodes)].Record().Raw()
	case b < 64:
		d.envelope.keys.Initiator[4]++
	}
	return d
}

// records returns records of any nodes, or what is none.
func (p *play) records() (list [][]byte) {
	for range p.next() % 12 {
		n := fuzzNodes[int(p.next())%len(fuzzNodes)]
		if raw := n.Record().Raw(); p.next() < 20 {
			list = append(list, raw[:len(raw)-1])
		} else {
			list = append(list, raw)
		}
	}
	return list
}

// answer replies to a packet of the machine, as its receiver or as somebody else.
func (p *play) answer(op byte) {
	p.Helper()
	if len(p.heard) == 0 {
		return
	}
	o := p.heard[len(p.heard)-1-int(p.next())%len(p.heard)]
	a := p.pick()
	if op&16 == 0 {
		for _, b := range p.actors {
			if b.node.ID() == o.Dest {
				a = actor{b.node, o.To}
			}
		}
	}
	switch {
	case o.Header.Flag == Whoareyou:
		p.give(p.handshake(a, op, p.request(op)))
	case o.Session == nil || op&32 != 0:
		p.give(delivery{from: a.at, header: Header{Flag: Whoareyou, Nonce: o.Header.Nonce, Seq: uint64(op >> 6)}})
	default:
		m := Message{Kind: o.Message.Kind + 1, ID: o.Message.ID, To: netip.MustParseAddrPort(fuzzEndpoints[7]), Seq: uint64(op >> 6)}
		if m.Kind == Nodes {
			m.Total, m.Records = uint64(p.next()%5), p.records()
		}
		d := p.ordinary(a, m)
		if op&64 != 0 {
			d.envelope.keys = o.Session.keys
		}
		p.give(d)
	}
}

// call makes a request of the machine's user.
func (p *play) call(op byte) {
	p.Helper()
	a := p.pick()
	count := 1
	if op >= 240 {
		count = int(p.next())
	}
	for range count {
		n := p.model.done()
		p.model.asked[a.at] += 10
		p.advance(0)
		node := a.node.WithEndpoint(a.at.Addr(), a.at.Port())
		switch op >> 4 % 5 {
		case 0:
			p.m.Ping(node, func(PingResult, error) { *n++ })
		case 1:
			var distances []uint16
			for d := range uint16(6) {
				distances = append(distances, 256-d)
			}
			p.m.Findnode(node, distances, func([]*enode.Node, error) { *n++ })
		case 2:
			p.m.RequestENR(node, func(*enode.Node, error) { *n++ })
		case 3:
			p.m.Ping(node, func(PingResult, error) { // a done that asks on
				*n++
				again := p.model.done()
				p.m.Talk(node, "x", make([]byte, int(op)*5), func([]byte, error) { *again++ })
			})
		default:
			p.m.Talk(node, "x", make([]byte, int(p.next())*5), func([]byte, error) { *n++ })
		}
		if *n != 0 {
			p.Fatal("done called from inside the call")
		}
		p.flushed()
	}
}
