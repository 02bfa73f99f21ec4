package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

// dialTask is the way of one dial, and the life of the peer that comes of it.
func (s *Server) dialTask(t *peering.DialTask) {
	if t.Resolve {
		found := s.lookUp(t.Node)
		s.do(func(c *peering.Core) { c.Resolved(t, found) })
	}
	p, reason, err := s.dial(s.ctx, t.Node, t.Static)
	s.do(func(c *peering.Core) { c.Dialed(t, reason, err) })
	if p != nil {
		s.keep(p)
	}
}

var errNoIP = errors.New("p2p: the name has no address")

// lookUp asks discovery where a node is; nil when nobody knows.
func (s *Server) lookUp(n *enode.Node) *enode.Node {
	if s.disc == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, resolveTime)
	defer cancel()
	found, err := s.disc.Resolve(ctx, n)
	if err != nil {
		return nil
	}
	return found
}

// dial connects to a node. The reason is 0 if a peer came of it.
func (s *Server) dial(ctx context.Context, n *enode.Node, static bool) (*Peer, peering.Reason, error) {
	at, ok := n.TCPEndpoint()
	if host := n.Hostname(); host != "" { // it may be another one than last time
		ips, err := s.cfg.Resolve(ctx, host)
		if err == nil && len(ips) == 0 {
			err = errNoIP
		}
		if err != nil {
			return nil, peering.NoAddress, err
		}
		at, ok = n.WithHostIP(ips[0]).TCPEndpoint()
	}
	if !ok {
		return nil, peering.NoAddress, peering.NoAddress
	}
	dialing, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := s.cfg.Dial(dialing, at)
	if err != nil {
		return nil, peering.Unreachable, err
	}
	ctx, cancel = context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	return s.setup(ctx, conn, n, static, nil)
}

// acceptLoop takes inbound connections until the listener is closed.
func (s *Server) acceptLoop() {
	for failures := 0; ; {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptors left, say
			failures++
			s.log.Warn("cannot accept a connection", "err", err)
			select {
			case <-time.After(min(time.Second, 5*time.Millisecond<<min(failures, 10))):
				continue
			case <-s.ctx.Done():
				return
			}
		}
		failures = 0
		s.admit(conn)
	}
}

// admit lets an inbound connection begin its handshakes, if there is room.
func (s *Server) admit(conn net.Conn) {
	for wait := s.tryAdmit(conn); wait > 0; wait = s.tryAdmit(conn) {
		select {
		case <-s.settledOne:
		case <-time.After(wait):
		case <-s.ctx.Done():
		}
	}
}

// tryAdmit is one try, which says after what time to try again.
func (s *Server) tryAdmit(conn net.Conn) (wait time.Duration) {
	addr := remoteAddr(conn)
	var in *peering.Inbound
	var old net.Conn
	running := s.do(func(c *peering.Core) {
		var evicted *peering.Inbound
		in, evicted, wait, _ = c.Accept(addr.Addr())
		old = s.waiting[evicted]
		delete(s.waiting, evicted)
		if in != nil {
			s.waiting[in] = conn
			if s.state == running {
				s.wg.Go(func() { s.inbound(conn, in) })
			}
		}
	})
	if old != nil {
		old.Close()
	}
	if running && wait > 0 {
		return wait
	}
	if in == nil || !running {
		conn.Close()
	}
	return 0
}

func (s *Server) inbound(conn net.Conn, in *peering.Inbound) {
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	netio.AwaitReadable(ctx, conn) // what goes wrong here goes wrong in setup, too
	s.do(func(c *peering.Core) { c.Spoke(in) })
	p, _, err := s.setup(ctx, conn, nil, false, in)
	if err != nil {
		s.log.Debug("inbound connection refused", "addr", conn.RemoteAddr(), "err", err)
		return
	}
	s.keep(p)
}

func remoteAddr(conn net.Conn) netip.AddrPort {
	if a, ok := conn.RemoteAddr().(interface{ AddrPort() netip.AddrPort }); ok {
		at := a.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return netip.AddrPort{}
}

// setup makes both handshakes and passes the checkpoints after them. n is the node
// that was dialed, nil on an inbound connection. ctx bounds it all. The connection is
// closed unless a peer comes of it.
func (s *Server) setup(ctx context.Context, conn net.Conn, n *enode.Node, static bool, in *peering.Inbound) (_ *Peer, reason peering.Reason, err error) {
	p := newPeer(s, n, static)
	defer func() {
		if err != nil {
			s.do(func(c *peering.Core) {
				s.settled(c, in)
				if reason == peering.Rejected {
					s.told[reasonOf(err)]++
				}
				if p.slot.ID != (enode.ID{}) {
					c.Remove(p.slot, err)
				}
			})
			if p.conn != nil {
				p.end(err, reason == peering.Rejected)
				p.part()
			}
			conn.Close()
		}
	}()
	var remote *secp.PublicKey
	if n != nil {
		key := n.PublicKey()
		remote = &key
	}
	if p.conn, err = s.cfg.Upgrade(ctx, conn, s.cfg.Key, remote); err != nil {
		return nil, peering.HandshakeFailed, err
	}
	if err := s.checkKey(p, in); err != nil {
		return nil, reasonFrom(err), err
	}
	own := s.protocols() // of the Hello, and so of what the codes mean
	hello, err := p.conn.Hello(ctx, s.hello(own))
	if err != nil {
		if isDisc(err) {
			return nil, peering.Rejected, err
		}
		return nil, peering.HandshakeFailed, err
	}
	p.client, p.caps, p.port = hello.Client, hello.Caps, hello.ListenPort
	for _, m := range match(own, hello.Caps) {
		p.protos = append(p.protos, newProtoRW(p, m))
	}
	if err := s.addPeer(p, own); err != nil {
		return nil, reasonFrom(err), err
	}
	return p, 0, nil
}

func isDisc(err error) bool {
	var said rlpx.DiscReason
	return errors.As(err, &said)
}

// settled says that an inbound connection does not wait any more.
func (s *Server) settled(c *peering.Core, in *peering.Inbound) {
	if in != nil {
		c.Done(in)
		delete(s.waiting, in)
		signal(s.settledOne)
	}
}

// checkKey is the checkpoint after the encryption handshake.
func (s *Server) checkKey(p *Peer, in *peering.Inbound) (err error) {
	key := p.conn.Remote()
	at := remoteAddr(p.conn.NetConn())
	p.slot.ID = enode.PubkeyID(&key)
	if p.node == nil {
		p.node = enode.NewV4(key, at.Addr(), at.Port(), 0)
	}
	running := s.do(func(c *peering.Core) {
		s.settled(c, in)
		err = c.PostHandshake(p.slot, at.Addr())
	})
	switch {
	case !running:
		return ErrClosed
	case err != nil:
		return refusal(err)
	}
	return nil
}

// addPeer is the checkpoint after the protocol handshake, which told of own.
func (s *Server) addPeer(p *Peer, own []*Protocol) (err error) {
	running := s.do(func(c *peering.Core) {
		if s.state != running {
			return
		}
		var replaced *peering.Conn
		if replaced, err = c.AddPeer(p.slot, len(p.protos) > 0); err == nil {
			if old := s.peers[p.ID()]; replaced != nil && old != nil {
				old.Disconnect(rlpx.DiscAlreadyConnected)
			}
			p.since = time.Now()
			p.heard.Store(s.nanos())
			p.check = s.nanos() + int64(pingEvery)
			s.peers[p.ID()] = p
			s.tendPeers()
			if !slices.Equal(own, s.speaks) {
				s.mend()
			}
		}
	})
	switch {
	case !running:
		return ErrClosed
	case err != nil:
		return refusal(err)
	}
	s.feed.tell(Event{Kind: PeerAdded, At: time.Now(), ID: p.ID(), Peer: p})
	return nil
}

// keep has a peer run until it ends, and what Run waits for. The stack that the
// handshakes have needed is not kept.
func (s *Server) keep(p *Peer) {
	s.wg.Add(1)
	p.begin()
}

// forget takes out a peer that has ended.
func (s *Server) forget(p *Peer) {
	defer s.wg.Done()
	s.do(func(c *peering.Core) {
		if errors.Is(p.err, errProtocol) {
			c.Useless(p.ID())
		}
		c.Remove(p.slot, p.err)
		if s.peers[p.ID()] == p {
			delete(s.peers, p.ID())
		}
		if p.gone = true; p.freed != nil {
			close(p.freed)
		}
	})
	s.feed.tell(Event{Kind: PeerDropped, At: time.Now(), ID: p.ID(), Peer: p, Err: p.err, Remote: p.remote})
}

// freed returns what is closed when a peer's place is free.
func (s *Server) freed(p *Peer) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.freed == nil {
		if p.freed = make(chan struct{}); p.gone {
			close(p.freed)
		}
	}
	return p.freed
}

func (s *Server) hello(own []*Protocol) *rlpx.Hello {
	return &rlpx.Hello{
		Version: rlpx.Version, Client: s.cfg.Name, Caps: capsOf(own),
		ListenPort: uint64(s.local.Node().TCP()), ID: s.cfg.Key.Public(),
	}
}

// refused is a refusal of this side: why, and what the other side is told.
type refused struct {
	reason peering.Reason
	disc   rlpx.DiscReason
}

func (r refused) Error() string   { return r.reason.Error() }
func (r refused) Unwrap() []error { return []error{r.reason, r.disc} }

func refusal(err error) error {
	var r peering.Reason
	if !errors.As(err, &r) {
		return err
	}
	disc := map[peering.Reason]rlpx.DiscReason{
		peering.Self: rlpx.DiscSelf, peering.AlreadyConnected: rlpx.DiscAlreadyConnected,
		peering.TooManyPeers: rlpx.DiscTooManyPeers, peering.Useless: rlpx.DiscUselessPeer,
	}
	d, ok := disc[r]
	if !ok {
		d = rlpx.DiscRequested
	}
	return refused{r, d}
}

func reasonFrom(err error) peering.Reason {
	var r peering.Reason
	if errors.As(err, &r) {
		return r
	}
	return peering.HandshakeFailed
}

// Connect connects to a node, whatever places are taken, and returns the peer: the
// one that is there already, or a new one. The error says why not: it is or wraps
// ctx's, a rlpx.DiscReason of the other side, a peering.Reason of this one, or what
// went wrong below.
func (s *Server) Connect(ctx context.Context, n *enode.Node) (*Peer, error) {
	for {
		s.mu.Lock()
		p, up := s.peers[n.ID()], s.state == running
		if up && p == nil {
			s.wg.Add(1) // under the lock: Run waits for it, or is seen here
		}
		s.mu.Unlock()
		switch {
		case !up:
			return nil, ErrClosed
		case p == nil:
			return s.connect(ctx, n, true)
		case p.Err() == nil:
			return p, nil
		}
		select {
		case <-s.freed(p): // it is on its way out
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// connect dials a node. The caller has added to the group.
func (s *Server) connect(ctx context.Context, n *enode.Node, static bool) (*Peer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if _, ok := n.TCPEndpoint(); !ok && n.Hostname() == "" {
		if found := s.lookUp(n); found != nil {
			n = found
		}
	}
	p, reason, err := s.dial(ctx, n, static)
	if err != nil {
		s.wg.Done()
		return nil, fmt.Errorf("p2p: %v: %w", reason, err)
	}
	p.begin()
	return p, nil
}
