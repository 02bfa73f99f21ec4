package discv5

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// MaxTalkResponse is how many bytes a TALKRESP holds, whatever its request ID.
	MaxTalkResponse = MaxMessageSize - 1 - 3 - (1 + maxIDSize) - 3

	// talkFor is how long a handler may take for its answer: as long as who asked waits.
	talkFor = time.Second

	// maxTalks bounds the answers that are owed by handlers.
	maxTalks = 256
)

// talkHandler answers TALKREQs of a protocol at once or later.
type talkHandler struct {
	now   func(from *enode.Node, at netip.AddrPort, request []byte) []byte
	later func(from *enode.Node, at netip.AddrPort, request []byte, reply func([]byte))
}

// talks are the TALKREQs that wait for a handler's answer, in no order.
type talks struct {
	handlers map[string]talkHandler
	owed     []*talk
}

// talk is a TALKREQ to be answered.
type talk struct {
	session *Session
	at      netip.AddrPort
	id      RequestID
	expires int64
	index   int // in owed; -1: it is answered, or its time is over
}

// Talk sends n a request of a protocol that is nobody's business but theirs. The
// answer of a node that doesn't know the protocol is empty. done is called exactly
// once, later. A request that may have been read is not repeated. One of more bytes
// than fit in a packet ends with ErrTooLong.
func (m *Machine) Talk(n *enode.Node, protocol string, payload []byte, done func(response []byte, err error)) {
	m.request(n, &request{kind: TalkReq, protocol: protocol, talk: bytes.Clone(payload), gotTalk: done})
}

func (m *Machine) handleTalkResp(r *request, msg *Message) {
	if r.state == late {
		m.forget(r)
		return
	}
	if m.stop(r, false) {
		r.gotTalk(append([]byte{}, msg.Talk...), nil)
	}
}

// Handle has TALKREQs of a protocol answered by h, which must not block and not call
// the machine. request is valid until h returns; what h returns must never change. More
// than [MaxTalkResponse] bytes are sent as none. nil: the protocol is unknown again.
func (m *Machine) Handle(protocol string, h func(from *enode.Node, at netip.AddrPort, request []byte) []byte) {
	m.talks.set(protocol, talkHandler{now: h}, h != nil)
}

// HandleLater has TALKREQs of a protocol answered by a handler that may take its time:
// reply is to be called wherever the machine may, once. It does nothing after a second.
// While 256 answers are owed, TALKREQs go unanswered. request is valid until h returns.
func (m *Machine) HandleLater(protocol string, h func(from *enode.Node, at netip.AddrPort, request []byte, reply func([]byte))) {
	m.talks.set(protocol, talkHandler{later: h}, h != nil)
}

func (t *talks) set(protocol string, h talkHandler, known bool) {
	if !known {
		delete(t.handlers, protocol)
		return
	}
	if t.handlers == nil {
		t.handlers = make(map[string]talkHandler)
	}
	t.handlers[protocol] = h
}

// answerTalk has a TALKREQ answered, by nothing if its protocol is unknown
// (discv5-wire.md, "TALKREQ Request").
func (m *Machine) answerTalk(from netip.AddrPort, s *Session, msg *Message) Drop {
	h := m.talks.handlers[string(msg.Protocol)]
	switch {
	case h.later != nil:
		t := m.talks.owe(m.at)
		if t == nil {
			return DropTalkLimit
		}
		t.session, t.at, t.id = s, from, msg.ID
		h.later(s.node, from, msg.Talk, func(response []byte) {
			if m.talks.settle(t) && m.at < t.expires && !m.closed {
				m.respond(t.session, t.at, t.id, response)
			}
		})
	case h.now != nil:
		m.respond(s, from, msg.ID, h.now(s.node, from, msg.Talk))
	default:
		m.respond(s, from, msg.ID, nil)
	}
	return DropNone
}

func (m *Machine) respond(s *Session, to netip.AddrPort, id RequestID, response []byte) {
	if len(response) > MaxTalkResponse {
		response = nil
	}
	if s.spent() {
		return
	}
	o := m.ordinary(s, to)
	o.Message = Message{Kind: TalkResp, ID: id, Talk: response}
	m.send(&o)
}

// owe returns a new TALKREQ to be answered, nil when too many are.
func (t *talks) owe(now int64) *talk {
	if len(t.owed) >= maxTalks {
		for i := len(t.owed) - 1; i >= 0; i-- {
			if t.owed[i].expires <= now {
				t.settle(t.owed[i])
			}
		}
	}
	if len(t.owed) >= maxTalks {
		return nil
	}
	n := &talk{index: len(t.owed), expires: now + int64(talkFor)}
	t.owed = append(t.owed, n)
	return n
}

// settle takes one away, and reports whether it was still there.
func (t *talks) settle(n *talk) bool {
	if n.index < 0 {
		return false
	}
	last := len(t.owed) - 1
	t.owed[n.index] = t.owed[last]
	t.owed[n.index].index = n.index
	t.owed[last] = nil
	n.index = -1
	if t.owed = t.owed[:last]; last == 0 {
		t.owed = nil
	}
	return true
}
