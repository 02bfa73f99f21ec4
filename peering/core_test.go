package peering

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

var epoch = time.Unix(1_700_000_000, 0)

// lab is a Core under test.
type lab struct {
	*Core
	*testing.T
	events []Event
}

func newLab(t *testing.T, change func(*Config)) *lab {
	l := &lab{T: t}
	cfg := Config{Self: enode.ID{0x80}, Rand: rand.New(rand.NewPCG(1, 2)), Trace: func(e Event) { l.events = append(l.events, e) }}
	if change != nil {
		change(&cfg)
	}
	l.Core = New(cfg)
	l.Advance(epoch)
	return l
}

// node returns a node at an address of its own, with a made-up key.
func node(i int) *enode.Node {
	return at(i, fmt.Sprintf("%d.%d.%d.1:30303", 20+i/65536, i/256%256, i%256))
}

func at(i int, addr string) *enode.Node {
	var key secp.PublicKey
	binary.BigEndian.PutUint64(key[:], uint64(i))
	ep := netip.MustParseAddrPort(addr)
	return enode.NewV4(key, ep.Addr(), ep.Port(), ep.Port())
}

func (l *lab) wait(d time.Duration) { l.Advance(l.now.Add(d)) }

// dials returns what is begun now.
func (l *lab) dialsNow() []*DialTask {
	dials, _ := l.Flush()
	return dials
}

// join makes a peer, or says why not.
func (l *lab) join(n *enode.Node, inbound, static bool) (*Conn, error) {
	c := &Conn{ID: n.ID(), Inbound: inbound, Static: static}
	err := l.PostHandshake(c, n.IP())
	if err == nil {
		_, err = l.AddPeer(c, true)
	}
	if err != nil {
		l.Remove(c, err)
	}
	return c, err
}

func TestDials(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio = 30, 3 })
	if !l.WantsNodes() {
		t.Error("a new node wants none")
	}
	for i := range 100 {
		l.NodeFound(node(i), "discovery")
	}
	first := l.dialsNow()
	if len(first) != DefaultMaxDials {
		t.Fatalf("%d dials at once", len(first))
	}
	if again := l.dialsNow(); len(again) != 0 {
		t.Fatalf("%d more while they are under way", len(again))
	}
	for i, task := range first { // half of them come to something
		if i%2 == 0 {
			if _, err := l.join(task.Node, false, false); err != nil {
				t.Fatal(err)
			}
			l.Dialed(task, 0, nil)
		} else {
			l.Dialed(task, Unreachable, errors.New("no route"))
		}
	}
	next := l.dialsNow()
	if len(next) != 2*(10-8) {
		t.Errorf("%d dials for the last two places", len(next))
	}
	for _, task := range next {
		_, err := l.join(task.Node, false, false)
		l.Dialed(task, 0, nil)
		if err != nil && err != TooManyPeers {
			t.Error(err)
		}
	}
	if s := l.Stats(); s.Peers != 10 || s.Refused[Unreachable] != 8 || s.Refused[TooManyPeers] != 2 {
		t.Errorf("%+v", s)
	}
	if len(l.dialsNow()) != 0 || l.WantsNodes() {
		t.Error("goes on when all places are taken")
	}
}

// TestLeftAlone: nobody is dialed again within 35 seconds.
func TestLeftAlone(t *testing.T) {
	l := newLab(t, nil)
	n := node(1)
	l.NodeFound(n, "discovery")
	l.NodeFound(n, "discovery")
	task := l.dialsNow()
	if len(task) != 1 {
		t.Fatalf("%d dials", len(task))
	}
	l.NodeFound(n, "discovery") // while it is dialed
	l.Dialed(task[0], Unreachable, nil)
	for range 34 {
		l.NodeFound(n, "discovery")
		if got := l.dialsNow(); len(got) != 0 {
			t.Fatalf("dialed again after %v", l.now.Sub(epoch))
		}
		l.wait(time.Second)
	}
	l.wait(time.Second)
	l.NodeFound(n, "discovery")
	if got := l.dialsNow(); len(got) != 1 {
		t.Errorf("%d dials after 35 seconds", len(got))
	}
	if s := l.Stats(); s.Refused[TriedRecently] != 34 {
		t.Errorf("%+v", s)
	}
}

// TestFound: what is not worth a dial is counted.
func TestFound(t *testing.T) {
	l := newLab(t, func(c *Config) { c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/8")} })
	l.NodeFound(at(1, "20.1.1.1:0"), "x")
	l.NodeFound(at(2, "30.1.1.1:30303"), "x")
	for i := range 2 * maxQueue {
		l.NodeFound(node(10+i), "x")
	}
	if s := l.Stats(); s.Refused[NoAddress] != 1 || s.Refused[NetRestrict] != 1 || s.Refused[QueueFull] != maxQueue || s.Queued != maxQueue {
		t.Errorf("%+v", s)
	}
	if steps := l.Explain(at(2, "30.1.1.1:30303").ID()); len(steps) != 1 || steps[0].Reason != NetRestrict {
		t.Errorf("%+v", steps)
	}
	if steps := l.Explain(node(10).ID()); len(steps) != 1 || steps[0].Kind != EventFound || steps[0].Source != "x" {
		t.Errorf("%+v", steps)
	}
}

// TestStaticBackoff: a static node is tried for ever, with pauses that grow to ten
// minutes, and is looked up once it could not be reached.
func TestStaticBackoff(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers = -1 })
	n := node(1)
	l.AddStatic(n)
	var pauses []time.Duration
	last := l.now
	for try := range 12 {
		tasks := l.dialsNow()
		if len(tasks) != 1 || !tasks[0].Static || tasks[0].Resolve != (try > 0) {
			t.Fatalf("try %d: %d dials, %+v", try, len(tasks), tasks)
		}
		if tasks[0].Resolve {
			l.Resolved(tasks[0], nil)
		}
		l.Dialed(tasks[0], Unreachable, nil)
		if len(l.dialsNow()) != 0 {
			t.Fatal("dialed without a pause")
		}
		at := l.NextWake()
		if !at.After(l.now) {
			t.Fatalf("try %d: next %v", try, at.Sub(l.now))
		}
		l.Advance(at)
		pauses = append(pauses, l.now.Sub(last))
		last = l.now
	}
	for i, d := range pauses {
		least := min(retryAfter<<i, maxBackoff)
		if d < least || d > least+least/4 {
			t.Errorf("pause %d is %v, want %v and up to a quarter more", i, d, least)
		}
	}
	task := l.dialsNow()[0]
	if _, err := l.join(n, false, true); err != nil {
		t.Fatal(err)
	}
	l.Dialed(task, 0, nil)
	l.wait(time.Hour)
	if len(l.dialsNow()) != 0 {
		t.Error("dialed while it is a peer")
	}
	l.Remove(l.conns[n.ID()], nil)
	if tasks := l.dialsNow(); len(tasks) != 1 || tasks[0].Resolve {
		t.Errorf("after it is gone: %+v", tasks)
	}
	l.RemoveStatic(n.ID())
	l.Dialed(l.dials[n.ID()], Unreachable, nil)
	l.wait(time.Hour)
	if len(l.dialsNow()) != 0 || !l.NextWake().IsZero() {
		t.Error("dialed although removed")
	}
}

// TestStaticResolved: a static node without an address is looked up, and dialed where
// it was found from then on.
func TestStaticResolved(t *testing.T) {
	l := newLab(t, nil)
	bare, found := enode.NewV4(node(1).PublicKey(), netip.Addr{}, 0, 0), node(1)
	l.AddStatic(bare)
	task := l.dialsNow()[0]
	if !task.Resolve {
		t.Fatal("dialed without an address")
	}
	l.Resolved(task, found)
	if task.Node != found {
		t.Error("the task has not heard of it")
	}
	l.Dialed(task, Rejected, nil)
	l.wait(time.Hour)
	if task = l.dialsNow()[0]; task.Resolve || task.Node != found {
		t.Errorf("%+v", task)
	}
}

// TestStaticFirst: static nodes do not wait for others, nor take their places.
func TestStaticFirst(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio, c.MaxDials = 2, 2, 3 })
	for i := range 10 {
		l.NodeFound(node(i), "discovery")
	}
	l.AddStatic(node(100))
	l.AddStatic(node(101))
	tasks := l.dialsNow()
	if len(tasks) != 3 || !tasks[0].Static || !tasks[1].Static || tasks[2].Static {
		t.Fatalf("%d dials", len(tasks))
	}
	for i, task := range tasks {
		if _, err := l.join(task.Node, false, task.Static); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		l.Dialed(task, 0, nil)
	}
	if _, err := l.join(node(50), true, false); err != nil {
		t.Errorf("the place for inbound peers is taken: %v", err)
	}
}

// TestRotation: when all places for outbound peers are taken, the oldest one that is
// of no use makes room now and then.
func TestRotation(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio = 6, 2 })
	l.AddTrusted(node(9).ID())
	for i := range 3 {
		if _, err := l.join(node(i), false, false); err != nil {
			t.Fatal(err)
		}
		l.wait(time.Second)
	}
	for _, n := range []int{8, 9} { // neither makes room
		if _, err := l.join(node(n), false, n == 8); err != nil {
			t.Fatal(err)
		}
	}
	dropped := func() (ids []enode.ID) {
		_, drops := l.Flush()
		for _, c := range drops {
			ids = append(ids, c.ID)
		}
		return ids
	}
	begin := l.now
	for len(dropped()) == 0 && l.now.Sub(begin) < 2*rotateAge {
		l.Useful(node(0).ID())
		l.wait(time.Minute)
	}
	if age := l.now.Sub(begin); age < rotateAge || age > rotateAge+rotateEvery+time.Minute {
		t.Errorf("the first is rotated out after %v", age)
	}
	last := l.events[len(l.events)-1]
	if last.Reason != Rotated || last.ID != node(1).ID() {
		t.Errorf("%v: %v", last.ID.Short(), last.Reason)
	}
	l.Remove(l.conns[node(1).ID()], Rotated)
	if got := dropped(); len(got) != 0 || !l.WantsNodes() {
		t.Errorf("%d more dropped while a place is free", len(got))
	}
}

func TestJournalIsBounded(t *testing.T) {
	l := newLab(t, nil)
	kept := node(0)
	l.NodeFound(kept, "first")
	for i := range 3 * maxTraced {
		l.NodeFound(at(i+1, "20.1.1.1:0"), "x")
		if i%100 == 0 {
			l.refuse(kept.ID(), []Reason{TooManyPeers, Useless}[i/100%2])
		}
	}
	if len(l.journal.by) > maxTraced {
		t.Errorf("%d traces", len(l.journal.by))
	}
	steps := l.Explain(kept.ID())
	if len(steps) != maxSteps || steps[0].Source != "first" || steps[len(steps)-1].Kind != EventRefused {
		t.Errorf("%d steps: %+v", len(steps), steps)
	}
	if l.Explain(at(1, "20.1.1.1:0").ID()) != nil {
		t.Error("the oldest is still there")
	}
}

func TestHistory(t *testing.T) {
	var h history[int]
	now := epoch
	for i := range 3 * maxHistory {
		h.add(i, time.Hour, now)
	}
	if len(h.at) != maxHistory || len(h.order) != maxHistory || h.has(0, time.Hour, now) || !h.has(3*maxHistory-1, time.Hour, now) {
		t.Errorf("%d entries", len(h.at))
	}
	now = now.Add(time.Hour)
	if h.has(3*maxHistory-1, time.Hour, now) {
		t.Error("kept too long")
	}
	if h.add(1, time.Hour, now); len(h.at) != 1 || len(h.order) != 1 {
		t.Errorf("%d entries after an hour", len(h.at))
	}
}

func TestReasons(t *testing.T) {
	seen := make(map[string]bool)
	for r := range Reason(NumReasons) {
		if seen[r.String()] || r.String() == "" {
			t.Errorf("%d: %q", r, r.String())
		}
		seen[r.String()] = true
	}
	if Reason(200).String() != "unknown" || EventKind(200).String() != "unknown" {
		t.Error("names for what is not there")
	}
}

// TestNoBusyWaiting: whatever waits, NextWake never asks for a call that would do
// nothing.
func TestNoBusyWaiting(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxDials = 4 })
	for i := range 20 {
		l.AddStatic(node(i))
	}
	if got := len(l.dialsNow()); got != 4 {
		t.Fatalf("%d dials", got)
	}
	if at := l.NextWake(); !at.IsZero() {
		t.Errorf("wants to be called after %v while all dials are under way", at.Sub(l.now))
	}
	l.Dialed(l.dials[node(0).ID()], Unreachable, nil)
	if got := len(l.dialsNow()); got != 1 {
		t.Errorf("%d dials for the one that has ended", got)
	}
}
