package peering

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

// Defaults, which are go-ethereum's: a network has to live with them.
const (
	DefaultMaxPeers   = 50
	DefaultDialRatio  = 3
	DefaultMaxPending = 50
	DefaultMaxDials   = 16
)

// Config is what a Core needs from outside. Zero numbers mean the defaults, and
// negative ones none at all.
type Config struct {
	Self        enode.ID
	MaxPeers    int // peers, but for trusted ones
	DialRatio   int // one of so many peers is dialed by this side
	MaxPending  int // inbound handshakes under way
	MaxDials    int // dials under way
	NetRestrict []netip.Prefix
	Without     Defence // what to do without: see there
	Rand        *rand.Rand
	// Trace, if set, hears of every step. It must not call the Core.
	Trace func(Event)
	// Scored, if set, hears of every change of a score, for SetScore when all this
	// begins anew. n is the node if it is known where it listens, else nil. It must
	// not call the Core.
	Scored func(id enode.ID, n *enode.Node, s Score)
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// Conn is a connection whose other side is known.
type Conn struct {
	ID      enode.ID
	Inbound bool
	Static  bool // dialed because it is a static node

	since   time.Time // when it became a peer; zero: not yet
	good    time.Time // when a protocol last called it useful
	praised time.Time // when that last made its score better
	lost    bool      // another connection to the same node is kept instead
	done    bool      // removed
}

// Core is the state. Make it with New.
type Core struct {
	cfg Config
	now time.Time

	statics map[enode.ID]*static
	order   []enode.ID // of statics, so that their turn does not depend on a map
	trusted map[enode.ID]struct{}

	queue  []candidate
	queued map[enode.ID]struct{}
	dials  map[enode.ID]*DialTask
	found  int // of dials, to nodes that were found
	recent history[enode.ID]

	conns    map[enode.ID]*Conn // peers, and connections between the last two checkpoints
	held     map[enode.ID]*Conn // whose places are kept; most are in conns no more
	peers    []*Conn            // of conns, in the order in which they became peers
	dialed   int                // of conns and held, dialed by this side and not static or trusted
	accepted int                // of conns and held, inbound and not trusted

	pending gateway
	rotate  time.Time
	journal latest[[]Event]
	scores  latest[Score]
	stats   Stats
}

// Stats are counters since the Core was made.
type Stats struct {
	Found     uint64 // nodes heard of
	Dials     uint64
	Connected uint64
	Refused   [NumReasons]uint64 // by Reason, of all kinds

	Peers, Dialing, Queued, Pending int // now
	MaxPeers                        int // places
}

// New returns a Core without peers.
func New(cfg Config) *Core {
	cfg.MaxPeers = orDefault(cfg.MaxPeers, DefaultMaxPeers)
	cfg.DialRatio = max(1, orDefault(cfg.DialRatio, DefaultDialRatio))
	cfg.MaxPending = orDefault(cfg.MaxPending, DefaultMaxPending)
	cfg.MaxDials = orDefault(cfg.MaxDials, DefaultMaxDials)
	cfg.NetRestrict = slices.Clone(cfg.NetRestrict)
	return &Core{
		cfg:     cfg,
		statics: make(map[enode.ID]*static),
		trusted: make(map[enode.ID]struct{}),
		queued:  make(map[enode.ID]struct{}),
		dials:   make(map[enode.ID]*DialTask),
		conns:   make(map[enode.ID]*Conn),
		held:    make(map[enode.ID]*Conn),
		journal: latest[[]Event]{max: maxTraced},
		scores:  latest[Score]{max: maxScored},
	}
}

// maxDialed is how many peers this side dials, besides static ones.
func (c *Core) maxDialed() int {
	if c.cfg.MaxPeers == 0 {
		return 0
	}
	return max(1, c.cfg.MaxPeers/c.cfg.DialRatio)
}

// AddTrusted lets a node in even when all places are taken.
func (c *Core) AddTrusted(id enode.ID) { c.setTrusted(id, true) }

// RemoveTrusted ends that. A peer stays one.
func (c *Core) RemoveTrusted(id enode.ID) { c.setTrusted(id, false) }

func (c *Core) setTrusted(id enode.ID, trusted bool) {
	conn := c.conns[id]
	if conn == nil {
		conn = c.held[id]
	}
	if conn != nil {
		c.count(conn, -1)
	}
	if delete(c.trusted, id); trusted {
		c.trusted[id] = struct{}{}
	}
	if conn != nil {
		c.count(conn, 1)
	}
}

// count counts a connection's place in or out.
func (c *Core) count(conn *Conn, by int) {
	switch {
	case c.isTrusted(conn.ID) || conn.Static:
	case conn.Inbound:
		c.accepted += by
	default:
		c.dialed += by
	}
}

func (c *Core) isTrusted(id enode.ID) bool {
	_, ok := c.trusted[id]
	return ok
}

// Stats returns the counters.
func (c *Core) Stats() Stats {
	s := c.stats
	s.Peers, s.Dialing, s.Queued, s.Pending = len(c.peers), len(c.dials), len(c.queue), len(c.pending.waiting)
	s.MaxPeers = c.cfg.MaxPeers
	return s
}

// refuse counts a refusal and notes it in the node's trace.
func (c *Core) refuse(id enode.ID, r Reason) error {
	c.stats.Refused[r]++
	c.note(Event{Kind: EventRefused, ID: id, Reason: r})
	return r
}

func (c *Core) permitted(addr netip.Addr) bool {
	return len(c.cfg.NetRestrict) == 0 ||
		slices.ContainsFunc(c.cfg.NetRestrict, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
