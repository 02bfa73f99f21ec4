package p2p

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// ErrClosed means that the Server does not run, or not any more.
var ErrClosed = errors.New("p2p: server does not run")

// Server finds, dials, accepts and keeps peers. Make it with New. All methods may be
// called concurrently.
type Server struct {
	cfg   Config
	log   *slog.Logger
	local *enode.LocalNode
	begun time.Time

	mu         sync.Mutex
	core       *peering.Core
	peers      map[enode.ID]*Peer
	state      state
	timer      *time.Timer
	ready      chan struct{} // closed when the sockets are open
	hungry     chan struct{} // holds one value if more nodes may be wanted
	waiting    map[*peering.Inbound]net.Conn
	settledOne chan struct{} // holds one value if fewer may be waiting
	told       [256]uint64   // refusals by the other side, by rlpx.DiscReason
	speaks     []*Protocol   // replaced, never modified
	mending    bool          // reconnect runs
	tending    bool          // tend will be called
	finders    map[*Protocol]context.CancelFunc

	changing sync.Mutex // held while protocols are added or removed; taken before mu

	ctx      context.Context // of all that Run has started
	listener net.Listener
	disc     *discover.UDP
	wg       sync.WaitGroup
	feed     feed
}

type state uint8

const (
	made state = iota
	running
	ended
)

// New checks the configuration and makes a Server. Nothing happens before Run.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, local: cfg.Local, begun: time.Now(),
		peers: make(map[enode.ID]*Peer), finders: make(map[*Protocol]context.CancelFunc), waiting: make(map[*peering.Inbound]net.Conn), hungry: make(chan struct{}, 1), settledOne: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.local == nil {
		var store enode.Store
		if cfg.DB != nil {
			store = cfg.DB
		}
		s.local = enode.NewLocalNode(cfg.Key, store)
	}
	s.cfg.Key = s.local.Key()
	if s.cfg.Name == "" {
		s.cfg.Name = "kith"
	}
	if s.cfg.Dial == nil {
		s.cfg.Dial = dialTCP
	}
	if s.cfg.Resolve == nil {
		s.cfg.Resolve = resolveDNS
	}
	if s.cfg.Upgrade == nil {
		s.cfg.Upgrade = RLPx
	}
	s.makeCore()
	for _, p := range cfg.Protocols {
		if err := s.AddProtocol(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) makeCore() {
	var seed [32]byte
	crand.Read(seed[:])
	s.core = peering.New(peering.Config{
		Self: s.local.ID(), MaxPeers: s.cfg.MaxPeers, DialRatio: s.cfg.DialRatio, MaxPending: s.cfg.MaxPending,
		NetRestrict: s.cfg.NetRestrict, Rand: rand.New(rand.NewChaCha8(seed)), Trace: s.feed.core,
		Scored: s.scored,
	})
	s.core.Advance(time.Now())
	s.loadScores()
	for _, n := range s.cfg.Static {
		s.core.AddStatic(n)
	}
	for _, id := range s.cfg.Trusted {
		s.core.AddTrusted(id)
	}
}

// nanos is the time since the Server was made.
func (s *Server) nanos() int64 { return int64(time.Since(s.begun)) }

// Run listens, finds and keeps peers until ctx ends. Then every peer is told, and Run
// returns when they are gone. It returns nil then; another error comes at once: a
// socket that can't be opened, or ErrClosed when Run was called before.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.listener != nil {
		s.wg.Go(s.acceptLoop)
	}
	if s.disc != nil {
		s.wg.Go(func() { s.find(ctx, "discovery", s.disc.RandomNodes(ctx, nil)) })
	}
	if s.cfg.DB != nil {
		s.wg.Go(func() { s.find(ctx, "database", s.goodNodes()) })
	}
	s.do(func(*peering.Core) {
		for _, p := range s.speaks {
			s.findFor(p)
		}
	})
	<-ctx.Done()
	s.close()
	return nil
}

// open opens the sockets.
func (s *Server) open(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != made {
		return ErrClosed
	}
	s.state, s.ctx = ended, ctx
	s.listener = s.cfg.Listener
	at := s.cfg.Listen
	if s.listener == nil && at.IsValid() {
		l, err := netio.ListenTCP(at)
		if err != nil {
			return fmt.Errorf("p2p: cannot listen: %w", err)
		}
		s.listener = l
	}
	if s.listener != nil {
		if addr, ok := s.listener.Addr().(*net.TCPAddr); ok {
			at = netip.AddrPortFrom(at.Addr(), uint16(addr.Port))
			s.local.SetTCP(uint16(addr.Port))
			if ip := addr.AddrPort().Addr().Unmap(); ip.IsUnspecified() {
				s.local.SetFallbackIP(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
			} else {
				s.local.SetFallbackIP(ip)
			}
		}
	}
	if !s.cfg.NoDiscovery && (at.IsValid() || s.cfg.PacketConn != nil) {
		if err := s.discover(at); err != nil {
			if s.listener != nil {
				s.listener.Close()
			}
			return err
		}
	}
	s.timer = time.AfterFunc(time.Hour, func() { s.do(func(*peering.Core) {}) })
	s.state = running
	close(s.ready)
	return nil
}

// Ready is closed when Run has opened its sockets: from then on Self says where the
// Server can be reached.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// discover starts discovery on the port that TCP has.
func (s *Server) discover(at netip.AddrPort) error {
	conn, err := s.cfg.PacketConn, error(nil)
	if conn == nil {
		if conn, err = discover.ListenUDP(at); err != nil {
			return fmt.Errorf("p2p: %w", err)
		}
	}
	cfg := s.cfg.Discovery
	cfg.Resolve = s.cfg.Resolve
	cfg.Bootnodes = append(slices.Clone(cfg.Bootnodes), s.cfg.Bootnodes...)
	cfg.NetRestrict, cfg.DB, cfg.Log = s.cfg.NetRestrict, s.cfg.DB, s.cfg.Log
	if s.disc, err = discover.Listen(conn, s.local, cfg); err != nil {
		conn.Close()
		return fmt.Errorf("p2p: %w", err)
	}
	return nil
}

// close ends everything that Run has started.
func (s *Server) close() {
	s.mu.Lock()
	s.state = ended
	s.timer.Stop()
	s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	for _, p := range s.Peers() { // there come no more: it has ended
		p.Disconnect(rlpx.DiscQuitting)
	}
	if s.disc != nil {
		s.disc.Close()
	}
	s.wg.Wait()
	s.feed.close()
}

// do is the only way into the machine. It starts the dials that are due, and reports
// whether the Server runs.
func (s *Server) do(f func(c *peering.Core)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.core.Advance(now)
	f(s.core)
	if s.state != running {
		return false
	}
	dials, drops := s.core.Flush()
	for _, t := range dials {
		s.wg.Go(func() { s.dialTask(t) }) // running: Run waits for the group later
	}
	for _, slot := range drops {
		if p := s.peers[slot.ID]; p != nil && p.slot == slot {
			p.Disconnect(rlpx.DiscTooManyPeers)
		}
	}
	if at := s.core.NextWake(); !at.IsZero() {
		s.timer.Reset(max(0, at.Sub(now)))
	}
	if s.wantsNodes() {
		signal(s.hungry)
	}
	return true
}

// wantsNodes reports whether nodes should be looked for: without a protocol whoever
// is found is of no use. The caller holds the lock.
func (s *Server) wantsNodes() bool { return len(s.speaks) > 0 && s.core.WantsNodes() }

// find gives the machine nodes from a source, as long as it wants some, until ctx
// ends.
func (s *Server) find(ctx context.Context, source string, nodes iter.Seq[*enode.Node]) {
	if !s.awaitHunger(ctx) {
		return
	}
	for n := range nodes {
		s.do(func(c *peering.Core) { c.NodeFound(n, source) })
		if !s.awaitHunger(ctx) {
			return
		}
	}
}

// awaitHunger waits until more nodes are wanted. It reports false when ctx ends.
func (s *Server) awaitHunger(ctx context.Context) bool {
	for ctx.Err() == nil {
		wants := false
		s.do(func(*peering.Core) { wants = s.wantsNodes() })
		if wants {
			return true
		}
		select {
		case <-s.hungry:
		case <-ctx.Done():
		}
	}
	return false
}

// Self returns the own node with its current record.
func (s *Server) Self() *enode.Node { return s.local.Node() }

// Local returns the own node's record keeper.
func (s *Server) Local() *enode.LocalNode { return s.local }

// Discovery returns the discovery that runs, nil if there is none.
func (s *Server) Discovery() *discover.UDP {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disc
}

// Peers returns the connected peers, in order of their IDs.
func (s *Server) Peers() []*Peer {
	s.mu.Lock()
	list := make([]*Peer, 0, len(s.peers))
	for _, p := range s.peers {
		list = append(list, p)
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b *Peer) int { return a.ID().Compare(b.ID()) })
	return list
}

// AddStatic has a node dialed and kept connected.
func (s *Server) AddStatic(n *enode.Node) { s.do(func(c *peering.Core) { c.AddStatic(n) }) }

// RemoveStatic ends that. The peer stays; see Peer.Disconnect.
func (s *Server) RemoveStatic(id enode.ID) { s.do(func(c *peering.Core) { c.RemoveStatic(id) }) }

// AddTrusted lets a node in even when all places are taken.
func (s *Server) AddTrusted(id enode.ID) { s.do(func(c *peering.Core) { c.AddTrusted(id) }) }

// RemoveTrusted ends that. The peer stays.
func (s *Server) RemoveTrusted(id enode.ID) { s.do(func(c *peering.Core) { c.RemoveTrusted(id) }) }

// Explain returns what was tried with a node: from where it was learned to where it
// ended, oldest first. The first step and the latest are kept.
func (s *Server) Explain(id enode.ID) (steps []peering.Event) {
	s.do(func(c *peering.Core) { steps = c.Explain(id) })
	return steps
}

// Stats are counters since the Server was made.
func (s *Server) Stats() (stats peering.Stats) {
	s.do(func(c *peering.Core) { stats = c.Stats() })
	return stats
}
