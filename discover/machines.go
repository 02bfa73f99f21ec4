package discover

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
)

// machines are what a node consists of: a table and the protocols that fill it, nil
// where the node does not speak one. They are used under the node's lock only.
type machines struct {
	table *kad.Table
	asks  kad.Transport // what the table asks by: mux, or the one protocol there is
	mux   *discmux.Mux  // asks each node by a protocol that it speaks; nil with one protocol
	v4    *discv4.Machine
	v5    *discv5.Machine
}

const both = kad.V4 | kad.V5

// speaks returns the protocols that the node speaks.
func (m *machines) speaks() (p kad.Protocol) {
	if m.v4 != nil {
		p |= kad.V4
	}
	if m.v5 != nil {
		p |= kad.V5
	}
	return p
}

// order returns by which protocol to ask a node, and by which if that fails, 0 for none.
func (m *machines) order(n *enode.Node) (first, second kad.Protocol) {
	if can := m.speaks(); can != both {
		return can, 0
	}
	known := m.table.Speaks(n.ID())
	if known == kad.V4 || known == 0 && n.Record() == nil {
		return kad.V4, kad.V5
	}
	return kad.V5, kad.V4
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

// flush takes what is to be sent into s.
func (m *machines) flush(s *scratch) {
	s.outs, s.outs5 = s.outs[:0], s.outs5[:0]
	for {
		n, n5 := len(s.outs), len(s.outs5)
		if m.v4 != nil {
			s.outs = m.v4.Flush(s.outs)
		}
		if m.v5 != nil {
			s.outs5 = m.v5.Flush(s.outs5)
		}
		if m.mux == nil || len(s.outs) == n && len(s.outs5) == n5 { // the end of one may ask by the other
			return
		}
	}
}

func (m *machines) nextWake() time.Time {
	next := m.table.NextWake()
	if m.v4 != nil {
		if at := m.v4.NextWake(); at.Before(next) {
			next = at
		}
	}
	if m.v5 != nil {
		if at := m.v5.NextWake(); at.Before(next) {
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

// makeMachines makes what the node consists of.
func (t *UDP) makeMachines() {
	speaks := t.cfg.Protocols
	if speaks == 0 {
		speaks = both
	}
	rng := newRand(t.cfg.Rand)
	alone := new(only)
	t.m.asks = alone
	via := speaks
	if speaks == both {
		t.m.mux = discmux.New(rng)
		t.m.asks, via = t.m.mux, 0
	}
	t.m.table = kad.New(t.tableConfig(rng, via))
	seen := func(voice netip.Addr, endpoint netip.AddrPort) { t.ln.AddStatement(time.Now(), voice, endpoint) }
	if speaks&kad.V4 != 0 {
		c := discv4.Config{
			ID: t.ln.ID(), Self: t.ln.Node, Rand: rng, Table: t.m.table,
			NetRestrict: t.cfg.NetRestrict, Limits: t.cfg.Limits, Seen: seen,
		}
		if t.cfg.DB != nil {
			c.Store = store{t.cfg.DB}
		}
		t.m.v4 = discv4.New(c)
		alone.Transport = t.m.v4.Transport()
		t.restore()
	}
	if speaks&kad.V5 != 0 {
		mask := discv5.NewMask(t.ln.ID())
		t.mask = &mask
		t.m.v5 = discv5.New(discv5.Config{
			ID: t.ln.ID(), Self: t.ln.Node, Rand: rng, Table: t.m.table,
			NetRestrict: t.cfg.NetRestrict, Limits: t.cfg.LimitsV5, Seen: seen,
		})
		alone.Transport = t.m.v5.Transport()
	}
	if t.m.mux != nil {
		t.m.mux.Connect(t.m.table, t.m.v4.Transport(), t.m.v5.Transport())
	}
}

// only is the transport of a node that speaks one protocol, which is made after its table.
type only struct{ kad.Transport }

func (t *UDP) tableConfig(rng *rand.Rand, via kad.Protocol) kad.Config {
	c := kad.Config{Self: t.ln.ID(), SelfKey: t.ln.Node().PublicKey(), Transport: t.m.asks, Rand: rng, Trace: t.trace, Via: via}
	for _, n := range t.cfg.Bootnodes {
		if _, ok := n.UDPEndpoint(); ok {
			c.Bootnodes = append(c.Bootnodes, n)
		}
	}
	if t.cfg.DB != nil {
		c.Seeder = store{t.cfg.DB}
	}
	return c
}

// restore gives v4 the proofs of an earlier run.
func (t *UDP) restore() {
	if t.cfg.DB == nil {
		return
	}
	now := time.Now()
	for e := range t.cfg.DB.All() {
		t.m.v4.Restore(discv4.Proof(e), now)
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
	if t.m.v5 == nil || t.cfg.DB == nil {
		return
	}
	t.kept = now
	t.m.table.Visit(func(_ int, entry bool, n kad.NodeInfo) bool {
		if entry {
			t.keep(n.Node, n.Speaks, n.LastSeen)
		}
		return true
	})
}
