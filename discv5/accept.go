package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// Accept is what it takes to accept the answer to a challenge. It holds no reference
// to the packet.
type Accept struct {
	own       enode.ID
	challenge ChallengeData
	node      *enode.Node // the sender: as known before, or as its record says
	fresh     bool        // the record is needed, and has to be verified
	newer     bool        // node is what the record says
	session   *Session    // what comes of it
}

// admitHandshake decides about the answer to a challenge. s is the session with its
// sender, if there is one.
func (m *Machine) admitHandshake(from netip.AddrPort, h *Header, s *Session) Verdict {
	ch := m.challenges.get(h.Src, from, m.at)
	if ch == nil || ch.attempts >= maxAttempts {
		return Verdict{Drop: DropUnsolicited}
	}
	fresh := len(h.Record) > 0 && (ch.node == nil || recordSeq(h.Record) > ch.node.Seq())
	if ch.node == nil && !fresh {
		return Verdict{Drop: DropRecord}
	}
	if !m.gate.admitHandshake(from.Addr(), s != nil, m.clock()) {
		return Verdict{Drop: DropHandshakeLimit}
	}
	ch.attempts++
	challenge := ch.header()
	a := &Accept{own: m.cfg.ID, challenge: challenge.challengeData(), node: ch.node, fresh: fresh, newer: fresh}
	if fresh {
		if n := m.records.get(h.Record); n != nil && n.ID() == h.Src { // from somebody's NODES
			a.node, a.fresh = n, false
		}
	}
	return Verdict{Known: s != nil, Accept: a}
}

// recordSeq returns a record's sequence number without looking at the rest; 0 when
// it has none.
func recordSeq(record []byte) uint64 {
	c := rlp.NewCursor(record)
	list := c.List()
	list.Skip() // the signature
	return list.Uint64()
}

// nodeOf verifies a record and returns the node that it describes.
func nodeOf(record []byte) (*enode.Node, error) {
	r, err := enr.Decode(record)
	if err != nil {
		return nil, err
	}
	return enode.FromRecord(r)
}

// Run checks an answer to a challenge: the record in it if that is needed, and the ID
// signature (discv5-theory.md, "Step 4"). It makes the session. key is the own node's.
// It may run outside of the lock, and costs two or three operations on the curve. What
// is dropped goes to [Machine.Drop], all else to [Machine.HandlePacket].
func (a *Accept) Run(key *secp.PrivateKey, h *Header) Drop {
	n := a.node
	if a.fresh {
		var err error
		if n, err = nodeOf(h.Record); err != nil || n.ID() != h.Src {
			return DropRecord
		}
	}
	from := n.PublicKey()
	k, drop := h.Accept(key, a.own, &from, &a.challenge)
	if drop != DropNone {
		return drop
	}
	a.Agree(k, n)
	a.session.sealer = &sealer{k.ForRecipient(), NewMask(h.Src)}
	return DropNone
}

// NeedsRecord reports whether the record in the answer is verified: the sender is
// unknown, or it is newer than what is known, and was in no NODES.
func (a *Accept) NeedsRecord() bool { return a.fresh }

// Agree gives the outcome of Run without cryptography: the keys, and where the record
// is needed the node that it describes. It is for simulations.
func (a *Accept) Agree(k Keys, n *enode.Node) {
	if a.fresh {
		a.node = n
	}
	a.session = &Session{keys: k}
}

// acceptHandshake installs a session, once the message of the handshake has opened
// under its keys (discv5-theory.md, "Step 4").
func (m *Machine) acceptHandshake(from netip.AddrPort, h *Header, sealed Sealed, a *Accept) (*Check, Drop) {
	if a == nil || a.session == nil {
		return nil, DropUnsolicited // nobody has run it
	}
	ch := m.challenges.get(h.Src, from, m.at)
	if ch == nil || [16]byte(a.challenge[ivSize+staticSize:]) != ch.idNonce {
		return nil, DropUnsolicited // somebody was faster
	}
	s := a.session
	msg, drop := sealed.Open(s)
	if drop == DropDecrypt {
		return nil, drop
	}
	m.challenges.remove(ch)
	s.setNode(a.node, from)
	if a.newer {
		m.records.put(a.node)
		m.cfg.Table.UpdateRecord(a.node)
	}
	m.accepted(s, from)
	m.alive(s, from)
	if drop != DropNone {
		return nil, drop
	}
	if head := m.sessions.get(h.Src, from); head.crossed {
		// Our own handshake is ahead of this answer, and who keeps only one session has
		// that by now.
		s = head
	}
	return m.handle(from, s, msg)
}
