package discv5

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// noiseSize is how many random bytes ask for a WHOAREYOU: 20 at least, see
// [Packet.Encode], and whole draws of 16.
const noiseSize = 32

// Out is a packet to be sent.
//
//	if o.NeedsKeys() {
//		o.Initiate(key, eph)          // outside of the lock; its error is Sent's business
//		if !m.Sent(&o) { continue }   // under it; before the packet leaves
//	}
//	b, err := o.Seal(b[:0], &p)       // outside of it
type Out struct {
	To   netip.AddrPort
	Dest enode.ID // whose packet it is: what its header is masked for

	// Header is the packet's, complete but for what Initiate sets.
	Header Header
	// Message is what it carries. A WHOAREYOU, and the random bytes that ask for one,
	// carry none: Kind is 0. What it refers to never changes.
	Message Message
	// Session is what the message is sealed under; nil when there is none.
	Session *Session

	challenge ChallengeData // what a handshake answers; at its start, the random bytes
	node      *enode.Node   // whom a handshake is with
	req       *request      // what it is made for
	keyed     bool          // its keys are made
}

// NeedsKeys reports whether the packet answers a WHOAREYOU: keys have to be agreed on
// before it can be written.
func (o *Out) NeedsKeys() bool { return o.req != nil }

// Initiate makes the keys of such a packet, its ephemeral key and its ID signature
// (see [Header.Initiate]). key is the own node's, eph a fresh random key. It may run
// outside of the lock. The error, [secp.ErrPublicKey], is for a node whose key is
// none; Sent ends the request then.
func (o *Out) Initiate(key *secp.PrivateKey, eph secp.OneTimeKey) error {
	to := o.node.PublicKey()
	k, err := o.Header.Initiate(key, eph, o.Dest, &to, &o.challenge)
	if err != nil {
		return err
	}
	o.Agree(k)
	o.Session.sealer = &sealer{k.ForInitiator(), NewMask(o.Dest)}
	return nil
}

// Agree gives the keys of such a packet without cryptography. It is for simulations.
func (o *Out) Agree(k Keys) {
	o.Session.keys, o.keyed = k, true
}

// Seal appends the packet as it goes over the wire to b. p is working space. It may
// run outside of the lock. Errors are those of [Packet.Seal], and none is expected:
// the machine makes no message that is too large.
func (o *Out) Seal(b []byte, p *Packet) ([]byte, error) {
	p.Header, p.Sealed = o.Header, nil
	if o.Session != nil {
		if o.Session.sealer == nil {
			return b, ErrCipher
		}
		return p.Seal(b, o.Session.sealer.mask, o.Session.sealer.cipher, &o.Message)
	}
	if p.Flag == Ordinary {
		p.Sealed = o.challenge[:noiseSize]
	}
	return p.Encode(b, NewMask(o.Dest))
}

// handshakeRoom is how long a message can be in a handshake that brings the own record.
func (m *Machine) handshakeRoom() int {
	return MaxPacketSize - ivSize - staticSize - handshakeSize - len(m.cfg.Self().Record().Raw()) - tagSize
}

// answerChallenge answers a WHOAREYOU with the request that it is about
// (discv5-theory.md, "Step 3"). One that answers nothing of ours, or comes again, is
// not acted on.
func (m *Machine) answerChallenge(from netip.AddrPort, h *Header) Drop {
	r := m.links.challenged(from, &h.Nonce)
	if r == nil || r.handshakes >= maxHandshakes {
		return DropUnsolicited
	}
	l := r.link
	if l.opener != nil && l.opener != r && l.opener.state != opening {
		return DropUnsolicited // the handshake that is under way will do
	}
	for _, q := range l.requests { // the other side can't have read them
		if q != r && (q.state == asked || q.state == opening) && !q.answer.started {
			m.shelve(q)
		}
	}
	if r.size() > m.handshakeRoom() {
		r = m.forerunner(r)
		r.start(m.at, 2*m.patience())
	}
	l.opener = r
	r.state, r.open = agreeing, false
	r.handshakes++
	r.start(m.at, 2*m.patience())
	m.tasks.Schedule(&r.task, r.deadline)
	m.stats.Answered++
	m.initiate(r, h)
	return DropNone
}

// initiate makes the packet that carries a request and the answer to a challenge.
func (m *Machine) initiate(r *request, h *Header) {
	self, l := m.cfg.Self(), r.link
	s := &Session{initiated: true}
	s.setNode(r.node, l.to)
	o := Out{To: l.to, Dest: l.id, Session: s, challenge: h.challengeData(), node: r.node, req: r}
	o.Header = Header{Flag: Handshake, MaskingIV: m.random16(), Nonce: m.nonce(s), Src: m.cfg.ID}
	if h.Seq < self.Seq() {
		o.Header.Record = self.Record().Raw()
	}
	o.Message = r.message(self.Seq())
	r.session = s
	m.send(&o)
}

// Sent installs the session of a packet that needed keys, and reports whether the
// packet is to be sent. The driver calls it under the lock after Initiate, and before
// the packet leaves, so that no answer can overtake it. Of other packets it does
// nothing.
func (m *Machine) Sent(o *Out) bool {
	r := o.req
	if r == nil {
		return true
	}
	if r.state != agreeing || r.session != o.Session {
		return false // its time is over, or the other side's handshake came first
	}
	if !o.keyed {
		l := r.link
		l.opener = nil
		for _, q := range slices.Clone(l.requests) {
			if q == r || q.state == queued {
				m.end(q, ErrKey)
			}
		}
		m.runDeferred()
		return false
	}
	s := o.Session
	if old := m.sessions.get(r.link.id, r.link.to); old != nil {
		s.other = old.best().alone()
	}
	m.sessions.put(s)
	m.stats.Initiated++
	r.state, r.sends, r.sentAt = asked, 0, m.at
	r.sent(&o.Header.Nonce)
	r.open = false // until what was sent may be lost: its WHOAREYOU may come twice
	m.waitFor(r)
	return true
}

// confirm notes that a message of the other side opened under a session: it has the
// keys. What waited for that is sent.
func (m *Machine) confirm(s *Session, from netip.AddrPort) {
	if s.confirmed {
		return
	}
	s.confirmed = true
	if !s.crossed {
		s.other = nil
	}
	m.goOn(s.node.ID(), from)
}

// goOn sends, under a session that both sides have, what waited for a handshake.
func (m *Machine) goOn(id enode.ID, at netip.AddrPort) {
	l := m.links.get(id, at)
	if l == nil {
		return
	}
	if r := l.opener; r != nil && (r.state == opening || r.state == agreeing) {
		m.shelve(r)
	}
	m.release(l)
}

// accepted installs a session that the other side initiated.
func (m *Machine) accepted(s *Session, from netip.AddrPort) {
	m.stats.Accepted++
	s.confirmed = true
	old := m.sessions.get(s.node.ID(), from)
	if old != nil && old.initiated && !old.confirmed {
		// Both sides' handshakes are under way. Each will have both sessions, or,
		// if it keeps only one, that which came to it last: ours.
		old.other, old.crossed = s, true
		return
	}
	m.sessions.put(s)
	m.goOn(s.node.ID(), from)
}

// unproven ends a session that this node has initiated, and nothing has come under.
func (m *Machine) unproven(s *Session) {
	if !s.listed {
		return
	}
	other := s.other
	if m.sessions.remove(s); other != nil && other.confirmed {
		m.sessions.put(other.alone())
	}
}
