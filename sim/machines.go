package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// machines are what a host consists of while it is up and no agent's: a table, and the
// protocols that fill it, nil where it does not speak one. They are put together as
// package discover does it.
type machines struct {
	table *kad.Table
	mux   *discmux.Mux // asks each node by a protocol that it speaks; nil with one protocol
	v4    *discv4.Machine
	v5    *discv5.Machine
}

const bothProtocols = kad.V4 | kad.V5

// only is the transport of a host that speaks one protocol, which is made after its table.
type only struct{ kad.Transport }

// newMachines makes those of a host, which know nothing of earlier lives.
func (h *Host) newMachines() (m machines) {
	rng := rand.New(h.world.stream(h.index, h.life, forProtocol))
	alone := new(only)
	c := kad.Config{
		Self: h.node.ID(), SelfKey: h.pub, Transport: alone, Rand: rng,
		Without: h.spec.Without.table(), Via: h.speaks,
	}
	for _, b := range h.spec.Bootnodes {
		c.Bootnodes = append(c.Bootnodes, b.node)
	}
	if h.speaks == bothProtocols {
		m.mux = discmux.New(rng)
		c.Transport, c.Via = m.mux, 0
	}
	m.table = kad.New(c)
	if h.speaks&kad.V4 != 0 {
		m.v4 = discv4.New(discv4.Config{
			ID: h.node.ID(), Self: h.self, Rand: rng, Table: m.table,
			Limits: h.spec.Limits, Without: h.spec.Without.discovery(),
		})
		alone.Transport = m.v4.Transport()
	}
	if h.speaks&kad.V5 != 0 {
		limits := h.spec.Limits5
		if limits.Records == 0 && h.world.cfg.Wire == Values {
			limits.Records = -1 // there is nothing to verify
		}
		m.v5 = discv5.New(discv5.Config{ID: h.node.ID(), Self: h.self, Rand: rng, Table: m.table, Limits: limits})
		alone.Transport = m.v5.Transport()
	}
	if m.mux != nil {
		m.mux.Connect(m.table, m.v4.Transport(), m.v5.Transport())
	}
	return m
}

func (m *machines) advance(now time.Time) {
	if m.mux != nil { // either may ask by the other
		m.v4.SetTime(now)
		m.v5.SetTime(now)
	}
	if m.v4 != nil {
		m.v4.Advance(now)
	}
	if m.v5 != nil {
		m.v5.Advance(now)
	}
	if m.mux != nil {
		m.mux.Advance(now)
	}
}

// nextWake returns when advance is due again.
func (m *machines) nextWake() (next time.Time) {
	if m.v4 != nil { // the table's time is in it
		next = m.v4.NextWake()
	}
	if m.v5 != nil {
		if at := m.v5.NextWake(); m.v4 == nil || at.Before(next) {
			next = at
		}
	}
	if m.mux != nil {
		if at := m.mux.NextWake(); at.Before(next) {
			next = at
		}
	}
	return next
}

// trim gives back memory, as a driver does when nothing happens.
func (m *machines) trim() {
	if m.v4 != nil {
		m.v4.Trim()
	}
	if m.v5 != nil {
		m.v5.Trim()
	}
}

func (m *machines) close() {
	switch {
	case m.mux != nil:
		m.mux.Close(m.v4.Close, m.v5.Close)
	case m.v4 != nil:
		m.v4.Close()
	default:
		m.v5.Close()
	}
}

// pending returns how many requests are under way by each protocol.
func (m *machines) pending() (v4, v5 int) {
	if m.v4 != nil {
		v4 = m.v4.Stats().Pending
	}
	if m.v5 != nil {
		v5 = m.v5.Stats().Pending
	}
	return v4, v5
}

// flush sends what the machines have to say.
func (h *Host) flush(at int64) {
	for {
		said := h.m.v4 != nil && h.flush4(at)
		if h.m.v5 != nil && h.flush5(at) {
			said = true
		}
		if h.m.mux == nil || !said { // the end of one may ask by the other
			return
		}
	}
}

func (h *Host) flush4(at int64) (said bool) {
	m := h.m.v4
	outs := m.Flush(h.worker.outs[:0])
	for i := range outs {
		o := &outs[i]
		pk := h.pack(o.To, &o.Packet)
		h.checkOut(o, pk.size)
		m.Sent(o)
		h.transmit(at, o.To, pk)
	}
	said = len(outs) > 0
	clear(outs)
	h.worker.outs = outs[:0]
	return said
}

func (h *Host) flush5(at int64) (said bool) {
	m := h.m.v5
	outs := m.Flush(h.worker.outs5[:0])
	for i := range outs {
		o := &outs[i]
		if o.NeedsKeys() {
			h.agree(o)
			if !m.Sent(o) {
				continue
			}
		}
		pk := h.pack5(o)
		h.checkOut5(o, pk.size)
		h.transmit(at, o.To, pk)
	}
	said = len(outs) > 0
	clear(outs)
	h.worker.outs5 = outs[:0]
	return said
}

// five is what a host that speaks v5 has over its lives.
type five struct {
	mask    discv5.Mask // of packets to it; of Bytes
	secrets rand.PCG    // of its one-time keys; of Bytes
	serial  uint64      // of the keys that stand for those agreed on; of Values
}

func (h *Host) newFive() *five {
	f := &five{secrets: *h.world.stream(h.index, 0, forOneTimeKeys)}
	if h.world.cfg.Wire == Bytes {
		f.mask = discv5.NewMask(h.node.ID())
	}
	return f
}

// nextKeys returns keys that no others have.
func (h *Host) nextKeys() (k discv5.Keys) {
	h.five.serial++
	binary.LittleEndian.PutUint64(k.Initiator[:], h.five.serial)
	binary.LittleEndian.PutUint64(k.Initiator[8:], uint64(h.index))
	return k
}

// nodeOf returns the node that a record describes, nil if it is none: without a
// verification where it is known whose it is.
func (w *World) nodeOf(record []byte) *enode.Node {
	if len(record) == 0 {
		return nil
	}
	if n := w.records[&record[0]]; n != nil {
		return n
	}
	return decodeNode(record)
}
