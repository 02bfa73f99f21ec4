package discv5

import (
	"fmt"

	"github.com/kithnet/kith/internal/limit"
)

// checkBounds returns what breaks a bound, or is inconsistent, of a machine's state.
func checkBounds(m *Machine) error {
	for _, b := range []struct {
		name      string
		size, max int
	}{
		{"pending", m.links.pending, maxPending + 256}, // and forerunners
		{"late", m.links.late, maxLate},
		{"tasks", m.tasks.Len(), m.links.pending + m.links.late},
		{"links", len(m.links.byEnd), m.links.pending + m.links.late},
		{"deferred", len(m.deferred), 0},
		{"sessions", m.sessions.size, m.sessions.limit},
		{"heads of sessions", len(m.sessions.heads), max(4, 2*m.sessions.limit)},
		{"challenges", len(m.challenges.queue), m.challenges.limit},
		{"challenges by key", len(m.challenges.byKey), len(m.challenges.queue)},
		{"talks", len(m.talks.owed), maxTalks},
		{"networks", m.gate.networks.Len(), limit.Slots},
		{"sources", m.gate.sources.Len(), limit.Slots},
	} {
		if b.size > b.max {
			return fmt.Errorf("%s: %d, at most %d", b.name, b.size, b.max)
		}
	}
	if err := checkLinks(m); err != nil {
		return err
	}
	if err := checkSessions(&m.sessions); err != nil {
		return err
	}
	return checkChallenges(m)
}

// checkLinks returns what is inconsistent about the requests.
func checkLinks(m *Machine) error {
	pending, lates := 0, 0
	ids := make(map[uint64]bool)
	for to, first := range m.links.byEnd {
		for l := first; l != nil; l = l.next {
			if l.to != to || len(l.requests) == 0 || m.links.get(l.id, to) != l {
				return fmt.Errorf("link to %v at %v: %d requests", l.to, to, len(l.requests))
			}
			opener := l.opener == nil
			for _, r := range l.requests {
				opener = opener || r == l.opener
				if err := r.check(l); err != nil {
					return fmt.Errorf("%v to %v: %w", r.kind, to, err)
				}
				if ids[r.id] {
					return fmt.Errorf("two requests have the ID %d", r.id)
				}
				ids[r.id] = true
				if r.state == late {
					lates++
				} else {
					pending++
				}
			}
			if !opener {
				return fmt.Errorf("link to %v: its opener is none of its requests", to)
			}
		}
	}
	if pending != m.links.pending || lates != m.links.late {
		return fmt.Errorf("%d pending, counted %d; %d late, counted %d", pending, m.links.pending, lates, m.links.late)
	}
	return nil
}

// check returns what is inconsistent about a request of a link.
func (r *request) check(l *link) error {
	switch {
	case r.link != l:
		return fmt.Errorf("in another link")
	case r.state == ended:
		return fmt.Errorf("ended")
	case r.state == queued && l.opener == nil:
		return fmt.Errorf("waits for no handshake")
	case (r.state == opening || r.state == agreeing) && l.opener != r:
		return fmt.Errorf("state %d, and not the opener", r.state)
	case r.task.Scheduled() != (r.state != queued):
		return fmt.Errorf("state %d, task %v", r.state, r.task.Scheduled())
	case r.open && (r.state == late || r.state == agreeing):
		return fmt.Errorf("state %d, open to a WHOAREYOU", r.state)
	case r.handshakes > maxHandshakes || r.sends > maxSends:
		return fmt.Errorf("%d handshakes, %d sends", r.handshakes, r.sends)
	case len(r.answer.nodes) > maxRecords || r.answer.received > maxRecords || r.answer.checks < 0:
		return fmt.Errorf("%d nodes of %d records, %d checks", len(r.answer.nodes), r.answer.received, r.answer.checks)
	}
	return nil
}

// checkSessions returns what is inconsistent about the sessions.
func checkSessions(t *sessions) error {
	chained := 0
	for _, s := range t.heads {
		for ; s != nil; s = s.next {
			if chained++; t.get(s.node.ID(), s.end()) != s {
				return fmt.Errorf("session with %v is not found", s.end())
			}
		}
	}
	ordered := 0
	var newer *Session
	for s := t.newest; s != nil; s = s.older {
		if ordered++; s.newer != newer || !s.listed {
			return fmt.Errorf("session with %v is out of order", s.end())
		}
		switch o := s.other; {
		case s.crossed && o == nil:
			return fmt.Errorf("session with %v has crossed with none", s.end())
		case o != nil && (o.listed || o.other != nil || o.end() != s.end() || o.node.ID() != s.node.ID()):
			return fmt.Errorf("session with %v has a wrong other one", s.end())
		case !s.initiated && !s.confirmed:
			return fmt.Errorf("session with %v, which it initiated, is not confirmed", s.end())
		}
		newer = s
	}
	if chained != t.size || ordered != t.size || t.oldest != newer {
		return fmt.Errorf("%d sessions, %d chained, %d in order", t.size, chained, ordered)
	}
	return nil
}

// checkChallenges returns what is inconsistent about the challenges.
func checkChallenges(m *Machine) error {
	c := &m.challenges
	listed, last := 0, int64(0)
	for _, ch := range c.queue {
		if ch.expires < last {
			return fmt.Errorf("challenges are out of order")
		}
		last = ch.expires
		if c.byKey[ch.key] == ch {
			listed++
		}
		if ch.attempts > maxAttempts {
			return fmt.Errorf("%d attempts", ch.attempts)
		}
	}
	if listed != len(c.byKey) {
		return fmt.Errorf("%d challenges by key, %d of them in the queue", len(c.byKey), listed)
	}
	return nil
}

// checkEmpty returns what is left of requests when all should have ended.
func checkEmpty(m *Machine) error {
	left := fmt.Sprint(m.links.pending, m.links.late, len(m.links.byEnd), m.tasks.Len(), len(m.deferred), len(m.out))
	if left != "0 0 0 0 0 0" {
		return fmt.Errorf("left: %s", left)
	}
	return nil
}
