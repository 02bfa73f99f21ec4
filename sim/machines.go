package sim

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

const bothProtocols = kad.V4 | kad.V5

// newMachines makes those of a host, which know nothing of earlier lives.
func (h *Host) newMachines() discmux.Node {
	rng := rand.New(h.world.stream(h.index, h.life, forProtocol))
	table := kad.Config{Self: h.node.ID(), SelfKey: h.pub, Rand: rng, Without: h.spec.Without.table()}
	for _, b := range h.spec.Bootnodes {
		table.Bootnodes = append(table.Bootnodes, b.node)
	}
	return discmux.NewNode(discmux.NodeConfig{
		Protocols: h.speaks,
		Table:     table,
		V4: discv4.Config{
			ID: h.node.ID(), Self: h.self, Rand: rng, Limits: h.spec.Limits, Without: h.spec.Without.discovery(),
		},
		V5: discv5.Config{ID: h.node.ID(), Self: h.self, Rand: rng, Limits: h.limits5()},
	})
}

func (h *Host) limits5() discv5.Limits {
	limits := h.spec.Limits5
	if limits.Records == 0 && h.world.cfg.Wire == Values {
		limits.Records = -1 // there is nothing to verify
	}
	return limits
}

// newLiar makes the machine of an Agent5.
func (h *Host) newLiar() *discv5.Machine {
	rng := rand.New(h.world.stream(h.index, h.life, forProtocol))
	return discv5.New(discv5.Config{ID: h.node.ID(), Self: h.self, Rand: rng, Limits: h.limits5(), Table: h.five.liar.Table5(h)})
}

// pending returns how many requests are under way by each protocol.
func (h *Host) pending() (v4, v5 int) {
	if h.m.V4 != nil {
		v4 = h.m.V4.Stats().Pending
	}
	if h.m.V5 != nil {
		v5 = h.m.V5.Stats().Pending
	}
	return v4, v5
}

// lend gives the machines room for what they will say, which is at hand in any case:
// room of their own would have to be fetched from memory.
func (h *Host) lend() {
	if h.m.V4 != nil {
		h.m.V4.Lend(h.worker.outs)
	}
	if h.m.V5 != nil {
		h.m.V5.Lend(h.worker.outs5)
	}
}

// flush sends what the machines have to say.
func (h *Host) flush(at int64) {
	for {
		said := h.m.V4 != nil && h.flush4(at)
		if h.m.V5 != nil && h.flush5(at) {
			said = true
		}
		if h.speaks != bothProtocols || !said { // the end of one may ask by the other
			return
		}
	}
}

func (h *Host) flush4(at int64) (said bool) {
	m := h.m.V4
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
	m := h.m.V5
	outs := m.Flush(h.worker.outs5[:0])
	for i := range outs {
		o := &outs[i]
		if liar := h.five.liar; liar != nil && !liar.Says(h, o) {
			continue
		}
		if o.NeedsKeys() {
			h.agree(o)
			if !m.Sent(o) {
				continue
			}
		}
		pk := h.pack5(o)
		if h.m.Table != nil {
			h.checkOut5(o, pk.size)
		}
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
	liar    Agent5      // who has the table; nil of Kith's own discovery
}

func (h *Host) newFive(liar Agent5) *five {
	f := &five{liar: liar, secrets: *h.world.stream(h.index, 0, forOneTimeKeys)}
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
