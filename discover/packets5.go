package discover

import (
	crand "crypto/rand"
	"net/netip"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/secp"
)

// batch5 is the working memory for the packets of Node Discovery v5 in one batch. It
// is made when the first one comes: a process that speaks v4 only holds none.
type batch5 struct {
	in     [netio.BatchSize]discv5.Received
	used   int                  // how many of in hold a packet
	from   [netio.BatchSize]int // index in the batch of each
	order  []int                // admitted packets: known sources first
	later  []int
	accept [netio.BatchSize]*discv5.Accept // of handshakes
	checks []*discv5.Check
	drops  [discv5.NumDrops]uint32
}

// forget leaves nothing of a node in b.
func (b *batch5) forget() {
	for i := range b.used {
		r := &b.in[i]
		r.Sealed, r.Record, r.Message = nil, nil, discv5.Message{}
	}
	clear(b.accept[:b.used])
	clear(b.checks)
	b.used = 0
	b.order, b.later, b.checks = b.order[:0], b.later[:0], b.checks[:0]
	clear(b.drops[:])
}

// parse5 reads a datagram as one of v5. others says that it may be one of another
// protocol when it is none.
func (t *UDP) parse5(s *scratch, i int, p netio.Packet, others bool) (taken bool) {
	if s.five == nil {
		s.five = new(batch5)
	}
	b := s.five
	drop := t.m.V5.AdmitSource(p.Addr)
	foreign := drop != discv5.DropNone // v4 counts it
	if !foreign {
		drop = b.in[b.used].Parse(p.Data, *t.mask)
		foreign = drop == discv5.DropProtocol || drop == discv5.DropOversized || drop == discv5.DropTruncated
	}
	switch {
	case drop == discv5.DropNone:
		b.from[b.used] = i
		b.used++
	case others && foreign:
		return false
	default:
		b.drops[drop]++
	}
	return true
}

// admit5 puts the packets that are worth handling in order. The caller holds the lock.
func (t *UDP) admit5(b *netio.Batch, s *scratch) {
	five := s.five
	if five == nil {
		return
	}
	busy := b.Len() == netio.BatchSize
	five.order, five.later = five.order[:0], five.later[:0]
	for i := range five.used {
		v := t.m.V5.Admit(b.Packet(five.from[i]).Addr, &five.in[i].Header, busy)
		five.accept[i] = v.Accept
		switch {
		case v.Drop != discv5.DropNone:
		case v.Known:
			five.order = append(five.order, i)
		default:
			five.later = append(five.later, i)
		}
	}
	five.order = append(five.order, five.later...)
	t.countDrops5(five)
}

// countDrops5 reports drops to the machine. The caller holds the lock.
func (t *UDP) countDrops5(b *batch5) {
	for reason, n := range b.drops {
		if n > 0 {
			t.m.V5.Drop(discv5.Drop(reason), n)
		}
	}
	clear(b.drops[:])
}

// accept5 checks handshakes, and keeps the packets where that succeeds.
func (t *UDP) accept5(s *scratch) {
	five := s.five
	if five == nil {
		return
	}
	kept := five.order[:0]
	for _, i := range five.order {
		if a := five.accept[i]; a != nil {
			if drop := a.Run(t.key, &five.in[i].Header); drop != discv5.DropNone {
				five.drops[drop]++
				continue
			}
		}
		kept = append(kept, i)
	}
	five.order = kept
}

// handle5 acts on the packets that are left. The caller holds the lock.
func (t *UDP) handle5(b *netio.Batch, s *scratch) {
	five := s.five
	if five == nil {
		return
	}
	t.countDrops5(five)
	if len(five.order) > 0 { // or else there may be no v5
		t.m.V5.Lend(s.outs5)
	}
	for _, i := range five.order {
		r := &five.in[i]
		check, _ := t.m.V5.HandlePacket(b.Packet(five.from[i]).Addr, &r.Header, r, five.accept[i])
		if check != nil {
			five.checks = append(five.checks, check)
		}
	}
}

// check5 verifies the records that came in answers, outside of the lock, and has the
// machine go on with them.
func (t *UDP) check5(s *scratch) {
	if s.five == nil || len(s.five.checks) == 0 {
		return
	}
	for _, c := range s.five.checks {
		c.Run()
	}
	t.enter(s, func(m *machines) {
		for _, c := range s.five.checks {
			m.V5.Checked(c)
		}
	})
}

// agree5 makes the keys of the handshakes in s.outs5 and tells the machine of them. Those
// that are not to be sent are taken out.
func (t *UDP) agree5(s *scratch) {
	needed := false
	for i := range s.outs5 {
		o := &s.outs5[i]
		if !o.NeedsKeys() {
			continue
		}
		needed = true
		eph, err := secp.ReadOneTimeKey(crand.Reader)
		if err == nil {
			err = o.Initiate(t.key, eph)
		}
		if err != nil {
			t.log.Debug("no key agreement", "id", o.Dest.Short(), "err", err)
		}
	}
	if !needed {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := s.outs5[:0]
	for i := range s.outs5 {
		if o := &s.outs5[i]; !o.NeedsKeys() || !t.closed && t.m.V5.Sent(o) {
			kept = append(kept, *o)
		}
	}
	clear(s.outs5[len(kept):])
	s.outs5 = kept
	if !t.closed {
		t.wake()
	}
}

// seal5 writes the packets in s.outs5.
func (t *UDP) seal5(s *scratch) {
	for i := range s.outs5 {
		o := &s.outs5[i]
		start := len(s.buf)
		buf, err := o.Seal(s.buf, &s.packet5)
		if err != nil {
			t.log.Debug("packet not written", "to", o.To, "err", err)
			continue
		}
		s.buf = buf
		s.queue(start, o.To)
	}
}

// queue has what was written to s.buf from start on sent.
func (s *scratch) queue(start int, to netip.AddrPort) {
	// The buffer may move as it grows: what earlier packets alias stays valid.
	s.write = append(s.write, netio.Packet{Data: s.buf[start:len(s.buf):len(s.buf)], Addr: to})
}
