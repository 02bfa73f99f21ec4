package discv4

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
)

// seededStore is a Store that has nodes of an earlier run.
type seededStore struct {
	*memory
	nodes []*enode.Node
}

func (s seededStore) Seeds(_ *rand.Rand, max int, _ time.Time) []*enode.Node {
	return s.nodes[:min(max, len(s.nodes))]
}

// TestClockJumps sets the clock forth and back by hours, in times without a
// monotonic part, while all kinds of waits are under way. Requests end in their
// time, packets carry the new time, and the node goes on.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{5 * time.Hour, -5 * time.Hour, -3 * 24 * time.Hour, 3 * 24 * time.Hour, -time.Millisecond} {
		st := new(memory)
		l := newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) { c.Store = seededStore{memory: st} })
		l.start()
		known, silent := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.2.1:30303")
		l.bond(known)
		ping, find, rec := l.pingNode(silent.bare()), l.findnode(silent), l.requestENR(known)
		l.wait(100 * time.Millisecond)
		l.now = l.now.Add(jump)
		out := l.wait(3 * time.Second)
		for name, r := range map[string]int{"PING": ping.calls, "FINDNODE": find.calls, "ENRREQUEST": rec.calls} {
			if r != 1 {
				t.Errorf("%v: %s ended %d times after 3 s", jump, name, r)
			}
		}
		for _, o := range out {
			if at := time.Unix(int64(o.Packet.Expiration), 0); at.Before(l.now.Add(16*time.Second)) || at.After(l.now.Add(20*time.Second)) {
				t.Errorf("%v: %v sent with an expiration %v ahead", jump, o.Packet.Kind, at.Sub(l.now))
			}
		}
		// Who knocks by the new time is let in, and by the old one is not.
		fresh := newActor(3, "5.1.3.1:30303")
		l.bond(fresh)
		if got := st.last(); !got.LastPong.Equal(l.now) {
			t.Errorf("%v: proof stored as of %v, it is %v", jump, got.LastPong, l.now)
		}
		old := fresh.ping()
		old.Expiration = uint64(l.now.Unix()) - 1
		l.silent(DropExpired, fresh, old)
		l.expect(DropNone, fresh, Packet{Kind: ENRRequest})
		// The table goes on: within a minute it checks its nodes and refreshes.
		refreshes := l.m.Stats().Table.Refreshes
		l.wait(time.Minute)
		if s := l.m.Stats().Table; s.Revalidations == 0 || s.Refreshes == refreshes {
			t.Errorf("%v: a minute later the table stands still: %+v", jump, s)
		}
		// Proofs end a day after the time that has passed, whatever the clock said.
		if jump < 0 {
			l.now = l.now.Add(proofValid)
			if drop, out := l.packet(fresh, Packet{Kind: ENRRequest}); len(ofKind(out, ENRResponse)) != 0 {
				t.Errorf("%v: a day later its proof still holds: %v", jump, drop)
			}
		}
		l.closed()
	}
}

// TestClockBudget: a clock set back does not close the gate, set forth does not
// open it wider.
func TestClockBudget(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 10, NewPerNetwork: 10})
	for l.admitPing("6.1.1.1:1", false).Drop == DropNone {
	}
	l.now = l.now.Add(-10 * time.Hour)
	if l.admitPing("6.1.1.1:1", false).Drop == DropNone {
		t.Error("the jump itself opened the gate")
	}
	l.now = l.now.Add(time.Second)
	if v := l.admitPing("6.1.1.1:1", false); v.Drop != DropNone {
		t.Errorf("a second later: %v", v.Drop)
	}
	l.now = l.now.Add(1000 * time.Hour)
	ok := 0
	for l.admitPing("6.1.1.1:1", false).Drop == DropNone {
		ok++
	}
	if ok != 20 {
		t.Errorf("after a long time %d at once, want 20", ok)
	}
}

// TestClockWake: NextWake is by the clock that Advance is told.
func TestClockWake(t *testing.T) {
	l := newTestLab(t)
	l.wait(time.Second)
	for l.m.NextWake().Sub(l.now) <= wait.ResendInitial { // the table is to want nothing sooner
		l.wait(wait.ResendInitial)
	}
	l.now = l.now.Add(-time.Hour)
	l.m.Advance(l.now)
	if next := l.m.NextWake(); next.Before(l.now) || next.After(l.now.Add(time.Minute)) {
		t.Errorf("it is %v, the next call is due %v", l.now, next)
	}
	l.m.Ping(newActor(1, "5.1.1.1:30303").bare(), func(PingResult, error) {})
	if next := l.m.NextWake(); next.Sub(l.now) != wait.ResendInitial {
		t.Errorf("a PING is sent again after %v", next.Sub(l.now))
	}
	l.m.Ping(newActor(1, "5.1.1.1:0").bare(), func(PingResult, error) {})
	if next := l.m.NextWake(); !next.Equal(l.now) {
		t.Errorf("with a done waiting, the next call is due at %v, it is %v", next, l.now)
	}
}

func TestRoundTripEstimate(t *testing.T) {
	m := new(Machine)
	r := &m.rtt
	if r.Resend() != wait.ResendInitial || m.timeout() != replyTimeout {
		t.Errorf("at first %v and %v", r.Resend(), m.timeout())
	}
	for range 100 {
		r.Observe(time.Millisecond)
	}
	if r.Resend() != wait.ResendMin || m.timeout() != replyTimeout {
		t.Errorf("in a fast network %v and %v", r.Resend(), m.timeout())
	}
	r.Observe(5 * time.Hour) // the clock jumped
	for range 40 {
		r.Observe(time.Millisecond)
	}
	if r.Resend() > 2*wait.ResendMin {
		t.Errorf("40 answers after the clock jumped still %v", r.Resend())
	}
	for range 100 {
		r.Observe(time.Second)
	}
	if r.Resend() != wait.ResendMax || m.timeout() < time.Second || m.timeout() > replyTimeoutMax {
		t.Errorf("in a slow network %v and %v", r.Resend(), m.timeout())
	}
}
