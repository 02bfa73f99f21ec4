package discv5

import (
	"math"
	"slices"
	"time"
)

// begin sends a request: under the session, or, when there is none, after a handshake.
func (m *Machine) begin(r *request) {
	l := r.link
	if l.opener != nil && l.opener != r {
		m.shelve(r)
	} else if s := m.session(l); s != nil {
		m.ask(r, s)
	} else {
		m.open(r)
	}
}

// session returns the session that a link's requests go under, nil if there is none.
func (m *Machine) session(l *link) *Session {
	s := m.sessions.get(l.id, l.to)
	if s == nil {
		return nil
	}
	if s = s.best(); s.spent() {
		m.sessions.remove(m.sessions.get(l.id, l.to))
		return nil
	}
	return s
}

// shelve has a request wait until the handshake that is under way has ended.
func (m *Machine) shelve(r *request) {
	r.state, r.begun = queued, 0
	m.tasks.Cancel(&r.task)
}

// open sends random bytes, which ask for a WHOAREYOU (discv5-theory.md, "Step 1"). A
// request that is too large for a handshake has a PING go before it.
func (m *Machine) open(r *request) {
	l := r.link
	if r.size() > m.handshakeRoom() {
		r = m.forerunner(r)
	}
	if l.opener = r; r.state != opening {
		r.state, r.sends = opening, 0
		r.start(m.at, m.patience())
	}
	o := Out{To: l.to, Dest: l.id, Header: Header{MaskingIV: m.random16(), Nonce: m.randomNonce(), Src: m.cfg.ID}}
	for i := 0; i < noiseSize; i += 16 {
		noise := m.random16()
		copy(o.challenge[i:noiseSize], noise[:])
	}
	r.sent(&o.Header.Nonce)
	m.stats.Sent[0]++
	m.out = append(m.out, o)
	m.waitFor(r)
}

// forerunner makes a PING that carries the handshake for a request which can't.
func (m *Machine) forerunner(r *request) *request {
	p := &request{kind: Ping, node: r.node}
	p.task.Owner = p
	m.join(r.link, p)
	m.shelve(r)
	return p
}

// start notes that a request begins, and how long it takes at most.
func (r *request) start(now int64, d time.Duration) {
	if r.begun == 0 {
		r.begun, r.deadline = now, now
	}
	r.deadline = max(r.deadline, r.begun+int64(d))
}

// sent notes a packet of the request.
func (r *request) sent(n *Nonce) {
	r.nonces[r.packets%maxNonces] = *n
	if r.packets++; r.packets == 2*maxNonces {
		r.packets = maxNonces
	}
	r.open = true
}

// ask sends the message under a session.
func (m *Machine) ask(r *request, s *Session) {
	if r.state != asked {
		r.state, r.sends = asked, 0
		r.start(m.at, m.patience())
	}
	r.resent = r.session != nil
	r.session, r.sentAt = s, m.at
	o := m.ordinary(s, r.link.to)
	o.Message = r.message(m.cfg.Self().Seq())
	r.sent(&o.Header.Nonce)
	m.send(&o)
	m.sessions.touch(m.sessions.get(r.link.id, r.link.to))
	m.waitFor(r)
}

// waitFor waits for the answer to what was just sent.
func (m *Machine) waitFor(r *request) {
	at := r.deadline
	if r.sends++; r.sends < m.sends() {
		at = min(at, m.at+int64(m.pause(r.sends)))
	}
	m.tasks.Schedule(&r.task, at)
}

// due runs when a request has waited long enough for its next step.
func (m *Machine) due(r *request) {
	switch {
	case r.state == late:
		m.forget(r)
	case r.answer.started:
		m.complete(r)
	case m.at >= r.deadline:
		m.timeout(r)
	case r.state == opening:
		m.open(r)
	default:
		if r.link.opener == r {
			m.release(r.link)
		}
		if r.kind == TalkReq && r.state == asked { // it might do something twice
			m.tasks.Schedule(&r.task, r.deadline)
			return
		}
		m.begin(r) // once more: what was sent may be lost, or its session gone
	}
}

// release lets those go on that wait for a link's handshake.
func (m *Machine) release(l *link) {
	l.opener = nil
	for _, r := range slices.Clone(l.requests) {
		if r.state == queued {
			m.begin(r)
		}
	}
}

// timeout ends a request that was not answered. When the node did not even answer the
// random bytes, those that wait behind find out with it.
func (m *Machine) timeout(r *request) {
	l := r.link
	if s := r.session; s != nil && !s.confirmed {
		m.unproven(s)
	}
	if l.opener != r {
		m.end(r, ErrTimeout)
		return
	}
	dead := r.state == opening || r.state == agreeing
	l.opener = nil
	behind := slices.Clone(l.requests)
	m.end(r, ErrTimeout)
	for _, q := range behind {
		if q.state == queued && dead {
			m.end(q, ErrTimeout)
		} else if q.state == queued {
			m.begin(q)
		}
	}
}

// end ends a request with an error.
func (m *Machine) end(r *request, err error) {
	if m.stop(r, err == ErrTimeout && r.sentAt > 0) {
		r.tell(err)
	}
}

// stop takes a request out of all that waits for it, and reports whether it is still
// owed its done. One that is kept for an answer that comes late stays in its link.
func (m *Machine) stop(r *request, keep bool) (owed bool) {
	if r.state == ended || r.state == late {
		return false
	}
	m.links.pending--
	r.open = false
	if keep && m.links.late < maxLate {
		m.links.late++
		r.state = late
		m.tasks.Schedule(&r.task, m.at+int64(lateFor))
	} else {
		r.state = ended
		m.tasks.Cancel(&r.task)
		m.links.remove(r)
	}
	if r.link.opener == r {
		m.release(r.link)
	}
	return true
}

// forget ends a late request.
func (m *Machine) forget(r *request) {
	m.links.late--
	r.state = ended
	m.tasks.Cancel(&r.task)
	m.links.remove(r)
}

// endAll ends all requests, without anything being sent.
func (m *Machine) endAll() {
	var all []*request
	for m.tasks.Len() > 0 {
		r, _ := m.tasks.Pop(math.MaxInt64)
		all = append(all, r)
		for _, q := range r.link.requests {
			if q.state == queued {
				all = append(all, q)
			}
		}
	}
	for _, r := range all {
		if r.link.opener = nil; r.state == late {
			m.forget(r)
		} else {
			m.end(r, ErrClosed)
		}
	}
}
