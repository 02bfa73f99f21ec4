package discv5

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/keyed"
	"github.com/kithnet/kith/internal/limit"
)

// Session is what two nodes share after a handshake: keys that hold for the other's
// node ID at one UDP endpoint (discv5-theory.md, "Session Cache"). Keys and Cipher
// never change and may be used outside of the lock.
type Session struct {
	node   *enode.Node // at the endpoint that the session is for
	keys   Keys
	sealer *sealer // nil in a simulation
	count  uint32  // of messages written: a part of their nonces

	initiated bool // this node answered the challenge
	confirmed bool // the other side has shown that it has the keys
	crossed   bool // other was agreed on at the same time
	announced bool // the node's record names the endpoint
	listed    bool // it is in sessions

	// other is a second session with the node, which is read too: the one before,
	// until this one is confirmed, or the one that crossed with this.
	other *Session

	next         *Session // of the same hash
	newer, older *Session // in order of use
	share        limit.Bucket
}

// sealer is what a session's packets are written and read with: 2 KiB.
type sealer struct {
	cipher Cipher
	mask   Mask
}

// Keys returns the session's keys. A simulation compares them.
func (s *Session) Keys() Keys { return s.keys }

// Cipher returns what the session's messages are written and read with; the zero
// Cipher in a simulation, which agrees on keys without it.
func (s *Session) Cipher() Cipher {
	if s.sealer == nil {
		return Cipher{}
	}
	return s.sealer.cipher
}

// Node returns the other side, with the newest record that it gave. It may be called
// wherever the machine may.
func (s *Session) Node() *enode.Node { return s.node }

// setNode notes the other side as seen at an endpoint.
func (s *Session) setNode(n *enode.Node, at netip.AddrPort) {
	s.node = n.WithEndpoint(at.Addr(), at.Port())
	s.announced = announces(n, at)
}

// announces reports whether a node's record says that it is at an endpoint. One
// without a record says nothing else.
func announces(n *enode.Node, at netip.AddrPort) bool {
	r := n.Record()
	if r == nil {
		return true
	}
	if at.Addr().Is4() {
		return r.IP() == at.Addr() && r.UDP() == at.Port()
	}
	port := r.UDP6()
	if port == 0 {
		port = r.UDP()
	}
	return r.IP6() == at.Addr() && port == at.Port()
}

// best returns the session that messages to the other side go under. While two
// handshakes cross it is the one that the other side is known to have.
func (s *Session) best() *Session {
	if s.crossed && !s.confirmed {
		return s.other
	}
	return s
}

// alone returns the session without the other one.
func (s *Session) alone() *Session {
	s.other, s.crossed = nil, false
	return s
}

// spent reports whether the session's nonces are used up.
func (s *Session) spent() bool { return s.count == math.MaxUint32 }

// nonce returns the nonce of a session's next message (discv5-theory.md, "Session
// Cache"). The session must not be spent.
func (m *Machine) nonce(s *Session) (n Nonce) {
	binary.BigEndian.PutUint32(n[:], s.count)
	binary.BigEndian.PutUint64(n[4:], m.cfg.Rand.Uint64())
	s.count++
	return n
}

// sessions are those that are kept, in a hash table whose elements are chained
// through the sessions, and in order of use.
type sessions struct {
	heads          []*Session
	size, limit    int
	seed           uint64
	newest, oldest *Session
}

func (t *sessions) head(id enode.ID, at netip.AddrPort) **Session {
	h := keyed.Addr(t.seed, at.Addr(), uint64(at.Port())^binary.BigEndian.Uint64(id[8:])<<16)
	return &t.heads[h&uint64(len(t.heads)-1)]
}

func (s *Session) end() netip.AddrPort { return netip.AddrPortFrom(s.node.IP(), s.node.UDP()) }

// get returns the session with a node at an endpoint, nil if there is none.
func (t *sessions) get(id enode.ID, at netip.AddrPort) *Session {
	if t.size == 0 {
		return nil
	}
	for s := *t.head(id, at); s != nil; s = s.next {
		if s.node.UDP() == at.Port() && s.node.IP() == at.Addr() && s.node.ID() == id {
			return s
		}
	}
	return nil
}

// put adds a session, in the place of one that is there.
func (t *sessions) put(s *Session) {
	if old := t.get(s.node.ID(), s.end()); old != nil {
		t.remove(old)
	}
	if t.size >= t.limit {
		t.remove(t.oldest)
	}
	if t.size >= len(t.heads) {
		t.grow()
	}
	t.size++
	s.listed = true
	head := t.head(s.node.ID(), s.end())
	s.next, *head = *head, s
	t.pushNewest(s)
}

func (t *sessions) grow() {
	old := t.heads
	t.heads = make([]*Session, max(4, 2*len(old)))
	for _, s := range old {
		for s != nil {
			next, head := s.next, t.head(s.node.ID(), s.end())
			s.next, *head = *head, s
			s = next
		}
	}
}

func (t *sessions) remove(s *Session) {
	if !s.listed {
		return
	}
	s.listed = false
	at := t.head(s.node.ID(), s.end())
	for *at != s {
		at = &(*at).next
	}
	*at, s.next = s.next, nil
	t.unlink(s)
	if t.size--; t.size == 0 {
		t.heads = nil
	}
}

// touch notes that a session was used.
func (t *sessions) touch(s *Session) {
	if s.listed && t.newest != s {
		t.unlink(s)
		t.pushNewest(s)
	}
}

func (t *sessions) pushNewest(s *Session) {
	s.older = t.newest
	if t.newest != nil {
		t.newest.newer = s
	} else {
		t.oldest = s
	}
	t.newest = s
}

func (t *sessions) unlink(s *Session) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		t.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		t.oldest = s.newer
	}
	s.newer, s.older = nil, nil
}
