package discover

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
)

// machines are what a node consists of. They are used under the node's lock only.
type machines struct{ discmux.Node }

const both = kad.V4 | kad.V5

// order returns by which protocol to ask a node, and by which if that fails, 0 for none.
func (m *machines) order(n *enode.Node) (first, second kad.Protocol) {
	if can := m.Speaks(); can != both {
		return can, 0
	}
	known := m.Table.Speaks(n.ID())
	if known == kad.V4 || known == 0 && n.Record() == nil {
		return kad.V4, kad.V5
	}
	return kad.V5, kad.V4
}

// flush takes what is to be sent into s.
func (m *machines) flush(s *scratch) {
	s.outs, s.outs5 = s.outs[:0], s.outs5[:0]
	for {
		n, n5 := len(s.outs), len(s.outs5)
		if m.V4 != nil {
			s.outs = m.V4.Flush(s.outs)
		}
		if m.V5 != nil {
			s.outs5 = m.V5.Flush(s.outs5)
		}
		if m.Speaks() != both || len(s.outs) == n && len(s.outs5) == n5 { // the end of one may ask by the other
			return
		}
	}
}

// makeMachines makes what the node consists of.
func (t *UDP) makeMachines() {
	rng := newRand(t.cfg.Rand)
	seen := func(voice netip.Addr, endpoint netip.AddrPort) { t.ln.AddStatement(time.Now(), voice, endpoint) }
	cfg := discmux.NodeConfig{
		Protocols: t.cfg.Protocols,
		Table:     kad.Config{Self: t.ln.ID(), SelfKey: t.ln.Node().PublicKey(), Rand: rng, Trace: t.trace},
		V4: discv4.Config{
			ID: t.ln.ID(), Self: t.ln.Node, Rand: rng, NetRestrict: t.cfg.NetRestrict, Limits: t.cfg.Limits, Seen: seen,
		},
		V5: discv5.Config{
			ID: t.ln.ID(), Self: t.ln.Node, Rand: rng, NetRestrict: t.cfg.NetRestrict, Limits: t.cfg.LimitsV5, Seen: seen,
		},
	}
	for _, n := range t.cfg.Bootnodes {
		if _, ok := n.UDPEndpoint(); ok {
			cfg.Table.Bootnodes = append(cfg.Table.Bootnodes, n)
		}
	}
	if t.cfg.DB != nil {
		cfg.Table.Seeder = store{t.cfg.DB}
		cfg.V4.Store = store{t.cfg.DB}
	}
	t.m.Node = discmux.NewNode(cfg)
	if t.m.V4 != nil {
		t.restore()
	}
	if t.m.V5 != nil {
		mask := discv5.NewMask(t.ln.ID())
		t.mask = &mask
	}
}

// restore gives v4 the proofs of an earlier run.
func (t *UDP) restore() {
	if t.cfg.DB == nil {
		return
	}
	now := time.Now()
	for e := range t.cfg.DB.All() {
		t.m.V4.Restore(discv4.Proof(e), now)
	}
}

// keep puts a node that v5 has found alive into the database, so that it is tried after a
// restart; v4 puts its own there.
func (t *UDP) keep(n *enode.Node, speaks kad.Protocol, at time.Time) {
	if t.cfg.DB != nil && speaks == kad.V5 {
		t.cfg.DB.Put(nodedb.Entry{Node: n, LastPong: at})
	}
}

// keepEvery is how often the database is told again who is still there: far more often
// than what it has grows too old to be tried.
const keepEvery = time.Hour

// keepEntries puts all of the table that v5 alone has found alive into the database. The
// caller holds the lock.
func (t *UDP) keepEntries(now time.Time) {
	if t.m.V5 == nil || t.cfg.DB == nil {
		return
	}
	t.kept = now
	t.m.Table.Visit(kad.Entries, func(_ int, _ bool, n kad.NodeInfo) bool {
		t.keep(n.Node, n.Speaks, n.LastSeen)
		return true
	})
}
