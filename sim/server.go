package sim

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// Server says how a host connects to others. The zero value takes the defaults of
// package peering and speaks no protocol: its peers are connected, and silent.
type Server struct {
	MaxPeers, DialRatio, MaxPending int // as in peering.Config
	Static, Trusted                 []*Host
	Protocols                       []*Protocol
}

// server is the driver of package peering, as package p2p is on real sockets.
type server struct {
	host    *Host
	core    *peering.Core
	conns   []*conn // in the order in which they began
	dials   uint32
	walk    walk
	next    int64 // when it is to act again
	waiting []arrival
	nap     []*speaker // that sleep
}

// arrival is a connection that is to wait before it is let in.
type arrival struct {
	at   int64
	from netip.AddrPort
	seg  segment
}

func newServer(h *Host, now int64) *server {
	spec := h.spec.Server
	s := &server{host: h, next: now}
	s.core = peering.New(peering.Config{
		Self: h.node.ID(), MaxPeers: spec.MaxPeers, DialRatio: spec.DialRatio, MaxPending: spec.MaxPending,
		Without: h.spec.Without.peering(), Rand: rand.New(h.world.stream(h.index, h.life, forPeers)),
	})
	s.core.Advance(h.Clock())
	for _, o := range spec.Static {
		s.core.AddStatic(o.node)
	}
	for _, o := range spec.Trusted {
		s.core.AddTrusted(o.node.ID())
	}
	return s
}

func (h *Host) rng() *rand.Rand { return rand.New(&h.links) }

// Peer is a connection of a host, once both handshakes are done.
type Peer struct {
	Host    *Host // the other side
	Inbound bool
	Since   time.Duration
}

// Peers returns whom a host is connected to, in the order in which it happened.
func (h *Host) Peers() (list []Peer) {
	if h.server == nil {
		return nil
	}
	for _, c := range h.server.conns {
		if c.stage == connected {
			list = append(list, Peer{c.other, c.inbound, time.Duration(c.since)})
		}
	}
	slices.SortStableFunc(list, func(a, b Peer) int { return int(a.Since - b.Since) })
	return list
}

// Peering returns the counters of a host's connections, zero without a Server.
func (h *Host) Peering() (s peering.Stats) {
	if h.server != nil {
		s = h.server.core.Stats()
	}
	return s
}

// step does what is due, after whatever else the host has done.
func (s *server) step(at int64) {
	s.core.Advance(s.host.Clock())
	for len(s.waiting) > 0 && s.waiting[0].at <= at {
		a := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.accept(a.from, &a.seg)
	}
	s.rouse(at)
	s.find(at)
	for again := true; again; {
		dials, drops := s.core.Flush()
		for _, t := range dials {
			s.begin(t)
		}
		for _, slot := range drops {
			s.byeTo(func(c *conn) bool { return c.slot == slot }, peering.Rotated)
		}
		again = len(drops) > 0
	}
	s.next = forEver
	if t := s.core.NextWake(); !t.IsZero() {
		s.next = int64(t.Sub(epoch))
	}
	if len(s.waiting) > 0 {
		s.next = min(s.next, s.waiting[0].at)
	}
	for _, p := range s.nap {
		s.next = min(s.next, p.until)
	}
	s.next = min(s.next, s.walk.wake(s))
}

// begin is a dial.
func (s *server) begin(t *peering.DialTask) {
	if t.Resolve && s.host.m.Table != nil {
		target := kad.TargetOf(t.Node.PublicKey())
		if _, err := s.host.m.Table.Lookup(target, kad.LookupOptions{}, func(nodes []*enode.Node) {
			s.resolved(t, nodes)
		}); err == nil {
			return
		}
	}
	s.dial(t)
}

func (s *server) resolved(t *peering.DialTask, nodes []*enode.Node) {
	if s.host.server != s { // it was taken down meanwhile
		return
	}
	var found *enode.Node
	if i := slices.IndexFunc(nodes, func(n *enode.Node) bool { return n.ID() == t.Node.ID() }); i >= 0 {
		found = nodes[i]
	}
	s.core.Resolved(t, found)
	s.dial(t)
}

func (s *server) dial(t *peering.DialTask) {
	h := s.host
	at, ok := t.Node.TCPEndpoint()
	if !ok {
		s.core.Dialed(t, peering.NoAddress, peering.NoAddress)
		return
	}
	s.dials++
	c := &conn{stream: uint64(h.index)<<32 | uint64(s.dials)<<8&0xffffffff | h.life&0xff, task: t, other: h.world.at(at)}
	s.conns = append(s.conns, c)
	s.limit(c, dialTime)
	if c.other != nil && c.other.nat == nil { // a NAT lets nothing in that was not asked for
		s.tell(c, 0, segment{kind: segSYN})
	}
}

// receive is what has come on a stream.
func (s *server) receive(seg *segment) {
	s.core.Advance(s.host.Clock())
	if seg.kind == segSYN {
		s.accept(s.host.world.hosts[seg.from].spec.Addr, seg)
		return
	}
	i := slices.IndexFunc(s.conns, func(c *conn) bool { return c.stream == seg.stream })
	if i < 0 {
		s.host.refuse(s.host.at, seg)
		return
	}
	c := s.conns[i]
	if seg.bytes != nil {
		if err := c.open(s.host, seg); err != nil {
			s.bye(c, err)
			return
		}
	}
	switch seg.kind {
	case segSYNACK:
		c.stage = shaking
		s.limit(c, handshakeTime)
		s.tell(c, cryptoCost, segment{kind: segAuth})
	case segAuth:
		s.core.Spoke(c.in)
		s.tell(c, cryptoCost, segment{kind: segAck})
		s.known(c)
	case segAck:
		s.known(c)
	case segHello:
		s.greeted(c, seg.caps)
	case segData:
		c.deliver(s, seg)
	case segBye:
		s.end(c, peering.Rejected, seg.why)
	case segRST:
		s.end(c, peering.Unreachable, errReset)
	case segLimit:
		s.late(c)
	case segSilence:
		if seg.from != s.host.index || s.host.world.apart(s.host, c.other) || s.host.world.apart(c.other, s.host) {
			s.end(c, peering.HandshakeFailed, errSilence)
		}
	}
}

var (
	errReset   = errors.New("sim: connection refused")
	errTime    = errors.New("sim: no answer in time")
	errSilence = errors.New("sim: nothing was heard for too long")
)

// accept is an inbound connection.
func (s *server) accept(from netip.AddrPort, seg *segment) {
	in, evicted, wait, _ := s.core.Accept(from.Addr())
	if evicted != nil {
		s.byeTo(func(c *conn) bool { return c.in == evicted }, peering.TooManyPending)
	}
	switch {
	case in != nil:
		c := &conn{stream: seg.stream, other: s.host.world.hosts[seg.from], inbound: true, stage: shaking, in: in}
		s.conns = append(s.conns, c)
		s.limit(c, handshakeTime)
		s.tell(c, 0, segment{kind: segSYNACK})
	case wait > 0:
		s.waiting = append(s.waiting, arrival{s.host.at + int64(wait), from, *seg})
	default:
		s.host.refuse(s.host.at, seg)
	}
}

// known is the checkpoint after the encryption handshake.
func (s *server) known(c *conn) {
	s.settle(c)
	c.slot = &peering.Conn{ID: c.other.node.ID(), Inbound: c.inbound, Static: c.task != nil && c.task.Static}
	if err := s.core.PostHandshake(c.slot, c.other.spec.Addr.Addr()); err != nil {
		s.bye(c, err)
		return
	}
	c.stage = greeting
	s.tell(c, 0, segment{kind: segHello, caps: capsOf(s.speaks())})
}

// silent is the protocol of a Server that has none.
var silent = []*Protocol{{Name: "silent"}}

func (s *server) speaks() []*Protocol {
	if len(s.host.spec.Server.Protocols) > 0 {
		return s.host.spec.Server.Protocols
	}
	return silent
}

// greeted is the checkpoint after the protocol handshake.
func (s *server) greeted(c *conn, theirs []rlpx.Cap) {
	if c.stage != greeting {
		s.bye(c, peering.HandshakeFailed)
		return
	}
	common := match(s.speaks(), theirs)
	replaced, err := s.core.AddPeer(c.slot, len(common) > 0)
	if err != nil {
		s.bye(c, err)
		return
	}
	if replaced != nil {
		s.byeTo(func(o *conn) bool { return o.slot == replaced && o != c }, peering.AlreadyConnected)
	}
	if c.task != nil {
		s.core.Dialed(c.task, 0, nil)
		c.task = nil
	}
	c.stage, c.since = connected, s.host.at
	c.run(s, common)
}

// limit bounds what comes next.
func (s *server) limit(c *conn, d time.Duration) {
	c.limit = s.host.at + int64(d)
	s.self(c, segLimit, d)
}

// late is a handshake that has taken too long: that of the connect, or both others.
func (s *server) late(c *conn) {
	switch {
	case c.stage == connected || s.host.at < c.limit: // it was the connect's limit
	case c.stage == dialing:
		s.end(c, peering.Unreachable, errTime)
	default:
		s.bye(c, peering.HandshakeFailed)
	}
}

// bye ends a connection and says why.
func (s *server) bye(c *conn, why error) {
	if c.ended {
		return
	}
	s.tell(c, 0, segment{kind: segBye, why: why})
	reason := peering.HandshakeFailed
	errors.As(why, &reason)
	s.end(c, reason, why)
}

// byeTo is bye to the first connection that is meant, if there is one.
func (s *server) byeTo(meant func(*conn) bool, why error) {
	if i := slices.IndexFunc(s.conns, meant); i >= 0 {
		s.bye(s.conns[i], why)
	}
}

// settle says that an inbound connection does not wait any more.
func (s *server) settle(c *conn) {
	if c.in != nil {
		s.core.Done(c.in)
		c.in = nil
	}
}

// end forgets a connection.
func (s *server) end(c *conn, reason peering.Reason, why error) {
	if c.ended {
		return
	}
	c.ended = true
	s.settle(c)
	if c.slot != nil {
		s.core.Remove(c.slot, why)
	}
	if c.task != nil {
		s.core.Dialed(c.task, reason, why)
		c.task = nil
	}
	s.conns = slices.DeleteFunc(s.conns, func(o *conn) bool { return o == c })
	c.quiet()
}

// The pauses of a random walk: those of package discover.
const (
	walkPause    = 500 * time.Millisecond
	walkPauseMin = 50 * time.Millisecond
	walkPauseMax = 30 * time.Second
	walkKnown    = 16
)

// walk brings nodes to connect to: those of the table, and what lookups of random
// targets find.
type walk struct {
	live    int
	running bool
	begun   int64 // when the last lookup began
	pause   int64
	next    int64
}

// wake returns when the walk goes on.
func (k *walk) wake(s *server) int64 {
	if k.running || s.host.m.Table == nil || !s.core.WantsNodes() {
		return forEver
	}
	return k.next
}

// find goes on with the walk, if more nodes are wanted.
func (s *server) find(at int64) {
	k := &s.walk
	if k.wake(s) > at {
		return
	}
	table := s.host.m.Table
	grew := table.Live() > k.live
	k.live = table.Live()
	target := table.RandomTarget()
	for _, n := range table.Closest(nil, target.ID, min(walkKnown, k.live/4), 0, nil) {
		s.core.NodeFound(n, "discovery")
	}
	k.pause = max(k.pause, int64(walkPauseMin))
	if grew || k.begun > 0 && at-k.begun < k.pause {
		k.next = at + int64(walkPauseMin)
		return
	}
	k.begun, k.running = at, true
	found := 0
	_, err := table.Lookup(target, kad.LookupOptions{Found: func(n *enode.Node) {
		found++
		s.core.NodeFound(n, "discovery")
	}}, func([]*enode.Node) {
		k.running = false
		if k.pause = min(2*k.pause, int64(walkPauseMax)); found > 0 {
			k.pause = int64(walkPause)
		}
		k.next = max(k.begun+k.pause, s.host.at+1)
	})
	if err != nil {
		k.running, k.next = false, at+int64(walkPause)
	}
}

// Places returns how many peers the host's Server takes, and how many of them are for
// those that it dials; zero without one.
func (h *Host) Places() (all, dialed int) {
	s := h.spec.Server
	if s == nil || s.MaxPeers < 0 {
		return 0, 0
	}
	if all = s.MaxPeers; all == 0 {
		all = peering.DefaultMaxPeers
	}
	ratio := s.DialRatio
	if ratio <= 0 {
		ratio = peering.DefaultDialRatio
	}
	return all, max(1, all/ratio)
}

// Connect has the host's Server dial another at once, and again and again until it is
// connected.
func (h *Host) Connect(o *Host) {
	if h.server != nil {
		h.server.core.AddStatic(o.node)
	}
}
