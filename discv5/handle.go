package discv5

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// Sealed is the message of a packet as long as nobody has opened it. [Received] is
// one; a simulation has its own, which need no cryptography.
type Sealed interface {
	// Open returns the message if it was sealed under a session's keys, else
	// [DropDecrypt], and any other reason for one that is malformed. The machine calls
	// it at most twice for a packet, of another session each time. What the message
	// refers to is the caller's again when HandlePacket, or, if it gave one, Check.Run
	// and Checked, are done.
	Open(s *Session) (*Message, Drop)
}

// Received is a packet that came, and the message in it. It is meant to be used again
// and again, and takes 3 KiB.
type Received struct {
	Packet
	Message Message

	plain [MaxPacketSize]byte
}

// Open decrypts and reads the message. It leaves the packet as it was.
func (r *Received) Open(s *Session) (*Message, Drop) {
	plain, drop := r.Packet.Open(r.plain[:0], s.Cipher())
	if drop == DropNone {
		drop = r.Message.Decode(plain)
	}
	return &r.Message, drop
}

// HandlePacket acts on a packet that [Machine.Admit] let through. sealed is the message
// in it, and of no use for a WHOAREYOU; a is Admit's, run, for a handshake, and nil
// otherwise. When it returns a Check the packet brings records that have to be verified:
//
//	check, drop := m.HandlePacket(from, &r.Header, &r, v.Accept)
//	if check != nil {
//		check.Run()        // outside of the lock
//		m.Checked(check)   // under it
//	}
func (m *Machine) HandlePacket(from netip.AddrPort, h *Header, sealed Sealed, a *Accept) (check *Check, drop Drop) {
	switch {
	case h.Flag == Whoareyou:
		drop = m.answerChallenge(from, h)
	case h.Src == m.cfg.ID:
		drop = DropOwn
	case h.Flag == Handshake:
		check, drop = m.acceptHandshake(from, h, sealed, a)
	default:
		check, drop = m.read(from, h, sealed)
	}
	if drop != DropNone {
		m.stats.Drops[drop]++
	}
	m.runDeferred()
	return check, drop
}

// read opens an ordinary message, and asks its sender for a handshake if it can't
// (discv5-theory.md, "Step 2"). The session stays: anybody can send what nobody can read.
func (m *Machine) read(from netip.AddrPort, h *Header, sealed Sealed) (*Check, Drop) {
	s := m.sessions.get(h.Src, from)
	if s == nil {
		return nil, m.challenge(from, h, m.known(h.Src))
	}
	used := s
	msg, drop := sealed.Open(s)
	if drop == DropDecrypt && s.other != nil {
		used = s.other
		msg, drop = sealed.Open(used)
	}
	if drop == DropDecrypt {
		if !m.gate.admitChallenge(from.Addr(), true, m.clock()) {
			return nil, DropChallengeLimit
		}
		if d := m.challenge(from, h, m.newest(s.node)); d != DropNone {
			return nil, d
		}
		return nil, DropDecrypt
	}
	m.sessions.touch(s)
	if used == s {
		m.confirm(s, from)
	}
	if drop != DropNone {
		return nil, drop
	}
	if used.spent() && (msg.Kind == Ping || msg.Kind == Findnode || msg.Kind == TalkReq) { // it can't be answered
		m.sessions.remove(s)
		return nil, m.challenge(from, h, m.newest(s.node))
	}
	return m.handle(from, used, msg)
}

// known returns a node with its record, nil if that is not known.
func (m *Machine) known(id enode.ID) *enode.Node {
	if n := m.cfg.Table.Known(id); n != nil && n.Record() != nil {
		return n
	}
	return nil
}

// newest returns the node with the newest record that is known of it, nil if none is.
func (m *Machine) newest(n *enode.Node) *enode.Node {
	if k := m.known(n.ID()); k != nil && k.Seq() > n.Seq() {
		return k
	}
	if n.Record() == nil {
		return nil
	}
	return n
}

// handle acts on a message that opened under a session.
func (m *Machine) handle(from netip.AddrPort, s *Session, msg *Message) (check *Check, drop Drop) {
	switch msg.Kind {
	case Ping:
		m.answerPing(from, s, msg)
		m.alive(s, from)
		m.cfg.Table.Announced(s.node.ID(), msg.Seq)
	case Findnode:
		m.answerFindnode(from, s, msg)
	case TalkReq:
		drop = m.answerTalk(from, s, msg)
	default:
		check, drop = m.handleResponse(from, s, msg)
	}
	if drop == DropNone {
		m.stats.Handled[msg.Kind]++
	}
	return check, drop
}

// alive tells the table that a node is there: at the endpoint that it was heard from, if
// its record says so too; otherwise it has to be asked where its record says that it is.
// A newcomer is asked in any case: who asks others need not answer them.
func (m *Machine) alive(s *Session, from netip.AddrPort) {
	if s.announced && m.cfg.Table.Known(s.node.ID()) != nil {
		m.cfg.Table.AddLive(s.node, kad.V5)
		return
	}
	n, err := enode.FromRecord(s.node.Record())
	if err != nil {
		return
	}
	if at, ok := n.UDPEndpoint(); ok && enode.Relayable(from.Addr(), at.Addr()) && enode.Permitted(m.cfg.NetRestrict, at.Addr()) {
		m.cfg.Table.AddFound(n)
	}
}

// handleResponse gives an answer to its request.
func (m *Machine) handleResponse(from netip.AddrPort, s *Session, msg *Message) (*Check, Drop) {
	l := m.links.get(s.node.ID(), from)
	if l == nil {
		return nil, DropUnsolicited
	}
	r := l.awaiting(msg.ID)
	if r == nil || r.sentAt == 0 || msg.Kind != r.kind+1 {
		return nil, DropUnsolicited
	}
	first := !r.answer.started
	if first && r.sentAt > 0 && (r.state == late || !r.resent) {
		m.rtt.Observe(time.Duration(m.at - r.sentAt))
	}
	if first && r.state == asked && r.kind != TalkReq { // which is not sent again
		m.loss.Observe(r.sends > 1 && time.Duration(m.at-r.sentAt) >= m.rtt.Smoothed()/2)
	}
	if first {
		m.cfg.Table.AddLive(r.node.WithEndpoint(from.Addr(), from.Port()), kad.V5)
	}
	switch msg.Kind {
	case Pong:
		m.handlePong(from, r, msg)
	case TalkResp:
		m.handleTalkResp(r, msg)
	default:
		return m.handleNodes(from, r, msg)
	}
	return nil, DropNone
}

func (m *Machine) handlePong(from netip.AddrPort, r *request, msg *Message) {
	m.cfg.Table.Announced(r.node.ID(), msg.Seq)
	if r.state == late {
		m.forget(r)
		return
	}
	if m.cfg.Seen != nil && enode.Sendable(msg.To.Addr()) && msg.To.Port() != 0 {
		m.cfg.Seen(from.Addr(), msg.To)
	}
	if m.stop(r, false) && r.gotPong != nil {
		r.gotPong(PingResult{Seq: msg.Seq, Endpoint: msg.To, RTT: time.Duration(m.at - r.sentAt)}, nil)
	}
}

// ordinary returns a packet that goes under a session, without its message.
func (m *Machine) ordinary(s *Session, to netip.AddrPort) Out {
	return Out{To: to, Dest: s.node.ID(), Session: s, Header: Header{MaskingIV: m.random16(), Nonce: m.nonce(s), Src: m.cfg.ID}}
}
