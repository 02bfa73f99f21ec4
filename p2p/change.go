package p2p

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

const (
	// againAfter is how old a connection must be before it is made anew: an
	// address is let in once in so long (peering.Core.Accept, and go-ethereum).
	againAfter = 35 * time.Second

	// againTries is how often that is tried, with pauses that begin with againPause
	// and double: the other side may need a moment to forget the old connection.
	againTries = 7
	againPause = 100 * time.Millisecond
)

// AddProtocol adds a protocol, also while the Server runs: the own record and later
// handshakes have it, and peers that said they speak it are reconnected, one by one,
// if it is known where they listen. The error says what is wrong with it; nothing is
// changed then.
func (s *Server) AddProtocol(p Protocol) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.protocols()
	now := append(slices.Clone(was), &p)
	if err := checkProtocols(now); err != nil {
		return err
	}
	if err := s.setAttributes(p.Attributes); err != nil {
		return errors.Join(fmt.Errorf("p2p: protocol %v: %w", p.Cap(), err), s.dropAttributes(p.Attributes, was))
	}
	s.setProtocols(now, &p)
	return nil
}

// RemoveProtocol ends that. Peers with which the protocol runs are reconnected, one
// by one, and it runs until then; those with no other protocol in common are dropped.
// It reports whether there was such a protocol.
func (s *Server) RemoveProtocol(c rlpx.Cap) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.protocols()
	i := slices.IndexFunc(was, func(p *Protocol) bool { return p.Cap() == c })
	if i < 0 {
		return false
	}
	now := slices.Delete(slices.Clone(was), i, i+1)
	if err := s.dropAttributes(was[i].Attributes, now); err != nil {
		s.log.Error("an entry of the own record is not restored", "protocol", c, "err", err)
	}
	s.setProtocols(now, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if stop := s.finders[was[i]]; stop != nil {
		stop()
		delete(s.finders, was[i])
	}
	return true
}

func (s *Server) protocols() []*Protocol {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speaks
}

func (s *Server) setProtocols(list []*Protocol, added *Protocol) {
	s.do(func(*peering.Core) {
		s.speaks = list
		for _, p := range s.peers {
			p.stays = false
		}
		if added != nil {
			s.findFor(added)
		}
		s.mend()
	})
}

func (s *Server) setAttributes(entries map[string][]byte) error {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if err := s.local.Set(key, entries[key]); err != nil {
			return fmt.Errorf("record entry %q: %w", key, err)
		}
	}
	return nil
}

// dropAttributes takes entries out of the own record, but for those that one of the
// protocols has.
func (s *Server) dropAttributes(entries map[string][]byte, left []*Protocol) (err error) {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		var value []byte
		for _, p := range left {
			if v, ok := p.Attributes[key]; ok {
				value = v
			}
		}
		if value == nil {
			s.local.Delete(key)
		} else {
			err = errors.Join(err, s.local.Set(key, value))
		}
	}
	return err
}

// findFor begins to ask a protocol for nodes, if the Server runs. The caller holds
// the lock.
func (s *Server) findFor(p *Protocol) {
	if s.state != running || p.Candidates == nil {
		return
	}
	ctx, stop := context.WithCancel(s.ctx)
	s.finders[p] = stop
	go s.find(ctx, p.Cap().String(), p.Candidates) // whoever made it knows when it ends
}

// mend has peers reconnected whose protocols are not what they would be now. The
// caller holds the lock.
func (s *Server) mend() {
	if p, _ := s.outdated(); p != nil && !s.mending && s.state == running {
		s.mending = true
		s.wg.Go(s.reconnect)
	}
}

// outdated returns the peer to reconnect next, and when. The caller holds the lock.
func (s *Server) outdated() (next *Peer, at time.Time) {
	for _, p := range s.peers {
		if p.stays || p.Err() != nil || slices.EqualFunc(match(s.speaks, p.caps), p.protos,
			func(m shared, rw *protoRW) bool { return m == rw.proto }) {
			continue
		}
		due := p.since
		if _, limited := enode.Network(remoteAddr(p.conn.NetConn()).Addr()); limited {
			due = due.Add(againAfter)
		}
		if next == nil || due.Before(at) || due.Equal(at) && p.ID().Compare(next.ID()) < 0 {
			next, at = p, due
		}
	}
	return next, at
}

// reconnect works until no peer is outdated.
func (s *Server) reconnect() {
	for s.ctx.Err() == nil {
		s.mu.Lock()
		p, at := s.outdated()
		if p == nil {
			s.mending = false
			s.mu.Unlock()
			return
		}
		useful := len(match(s.speaks, p.caps)) > 0
		s.mu.Unlock()
		switch {
		case !useful:
			p.Disconnect(rlpx.DiscUselessPeer)
			<-s.freed(p)
		case time.Until(at) > 0:
			select {
			case <-time.After(time.Until(at)): // and then look who is there
			case <-s.ctx.Done():
			}
		default:
			s.connectAgain(p)
		}
	}
}

// connectAgain drops a peer and connects to it anew. Its place is kept meanwhile.
func (s *Server) connectAgain(p *Peer) {
	n := s.reachable(p)
	loses := slices.ContainsFunc(p.protos, func(rw *protoRW) bool { return !slices.Contains(s.protocols(), rw.proto.Protocol) })
	if n == nil && !loses { // it would be gone, for a protocol more
		s.log.Debug("a peer that could speak more cannot be reached", "peer", p.ID().Short())
		s.mu.Lock()
		p.stays = true
		s.mu.Unlock()
		return
	}
	static := false
	s.do(func(c *peering.Core) { static = c.Hold(p.slot) })
	defer s.do(func(c *peering.Core) { c.Release(p.ID()) })
	p.Disconnect(rlpx.DiscRequested)
	<-s.freed(p)
	if n == nil { // the other side may dial
		return
	}
	for try := range againTries {
		select {
		case <-time.After(againPause << try):
		case <-s.ctx.Done():
			return
		}
		if static { // the machine dials
			if s.isPeer(p.ID()) {
				return
			}
			continue
		}
		s.wg.Add(1) // within the group
		_, err := s.connect(s.ctx, n, p.slot.Static)
		if own := peering.Reason(0); err == nil || errors.As(err, &own) { // it is this side that doesn't want to, by now
			return
		}
		s.log.Debug("cannot reconnect to a peer", "peer", p.ID().Short(), "err", err)
	}
}

func (s *Server) isPeer(id enode.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[id] != nil
}

// reachable returns the peer's node with an address where it listens; nil when that
// is not known.
func (s *Server) reachable(p *Peer) *enode.Node {
	if !p.Inbound() {
		return p.node
	}
	if n := s.lookUp(p.node); n != nil {
		if _, ok := n.TCPEndpoint(); ok {
			return n
		}
	}
	if ip := remoteAddr(p.conn.NetConn()).Addr(); p.port > 0 && p.port < 1<<16 && ip.IsValid() {
		return enode.NewV4(p.node.PublicKey(), ip, uint16(p.port), 0)
	}
	return nil
}
