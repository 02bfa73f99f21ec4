package peering

import (
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// TestScores: what makes a score better and worse, and that it is told.
func TestScores(t *testing.T) {
	told := make(map[enode.ID]Score)
	var where *enode.Node
	l := newLab(t, func(c *Config) {
		c.Scored = func(id enode.ID, n *enode.Node, s Score) { told[id], where = s, n }
	})
	want := func(i, points int) {
		t.Helper()
		id := node(i).ID()
		if got := l.Score(id); got.Points != points || got != told[id] {
			t.Errorf("%+v, told %+v, want %d points", got, told[id], points)
		}
	}
	p, err := l.join(node(1), false, false)
	if err != nil {
		t.Fatal(err)
	}
	want(1, 0)
	for range 60 { // an hour of praise
		l.Useful(p.ID)
		l.wait(time.Minute)
	}
	want(1, 6)
	l.Remove(p, nil)
	want(1, 7)
	l.Useful(p.ID) // it is none any more
	want(1, 7)
	l.Useless(p.ID)
	want(1, 3)

	l.NodeFound(node(2), "test")
	task := l.dialsNow()[0]
	c := &Conn{ID: node(2).ID()}
	if err := l.PostHandshake(c, node(2).IP()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddPeer(c, false); err != Useless || where != task.Node {
		t.Errorf("%v, of %v", err, where)
	}
	l.Remove(c, nil)
	l.Dialed(task, Useless, Useless)
	want(2, -4)
	for range 3 {
		l.Useless(node(2).ID())
	}
	want(2, -MaxScore)
	if _, err := l.join(node(2), true, false); err != nil || where != nil {
		t.Errorf("%v, of %v", err, where)
	}
	want(2, 0)

	for i, points := range []int{-1, -2, -3, -4, -4, -4} {
		l.wait(time.Hour)
		l.NodeFound(node(3), "test")
		if got := l.dialsNow(); len(got) != 1 {
			t.Fatalf("%d dials", len(got))
		} else {
			l.Dialed(got[0], []Reason{Unreachable, HandshakeFailed}[i%2], nil)
		}
		want(3, points)
	}
	l.SetScore(node(4).ID(), Score{Points: -100})
	if got := l.Score(node(4).ID()).Points; got != -MaxScore {
		t.Errorf("%d points", got)
	}
}

// TestDisappointing: the worse a node was, the longer it is left alone.
func TestDisappointing(t *testing.T) {
	for points, wait := range map[int]time.Duration{
		3: 0, -1: 35 * time.Second, -4: 280 * time.Second, -MaxScore: 4480 * time.Second,
	} {
		l := newLab(t, nil)
		l.SetScore(node(1).ID(), Score{Points: points, At: epoch})
		l.wait(wait - time.Second)
		l.NodeFound(node(1), "test")
		if got := len(l.dialsNow()); wait > 0 && got != 0 {
			t.Errorf("%d points: %d dials before %v", points, got, wait)
		}
		l.wait(time.Second)
		l.NodeFound(node(1), "test")
		l.dialsNow()
		if got := l.Stats(); got.Dials != 1 || wait > 0 && got.Refused[Disappointing] != 1 {
			t.Errorf("%d points: %+v", points, got)
		}
	}
}

// TestBestFirst: of those that wait the best are dialed first, and when too many wait
// the worst go.
func TestBestFirst(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio, c.MaxDials = 50, 1, 4 })
	for i := range maxQueue + 10 {
		if i%20 == 0 {
			l.SetScore(node(i).ID(), Score{Points: 1 + i/20, At: epoch})
		}
		l.NodeFound(node(i), "test")
		check(t, l.Core)
	}
	var got []enode.ID
	for _, task := range l.dialsNow() {
		got = append(got, task.Node.ID())
	}
	for i, n := range []int{120, 100, 80, 60} {
		if got[i] != node(n).ID() {
			t.Errorf("dial %d is not node %d", i, n)
		}
	}
	if s := l.Stats(); s.Refused[QueueFull] != 10 {
		t.Errorf("%+v", s.Refused)
	}
}

// TestLeastRotated: among peers that are there for long, the worst makes room.
func TestLeastRotated(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxPeers, c.DialRatio = 3, 1 })
	for i, points := range []int{3, 1, 2} {
		l.SetScore(node(i).ID(), Score{Points: points})
		if _, err := l.join(node(i), false, false); err != nil {
			t.Fatal(err)
		}
	}
	l.Flush()
	l.wait(2 * rotateAge)
	_, drops := l.Flush()
	if len(drops) != 1 || drops[0].ID != node(1).ID() {
		t.Errorf("%d drops", len(drops))
	}
}

// TestScoresAreBounded: the scores that changed the longest ago go.
func TestScoresAreBounded(t *testing.T) {
	l := newLab(t, nil)
	for i := range maxScored + 100 {
		l.SetScore(node(i).ID(), Score{Points: 1})
	}
	if len(l.scores.by) != maxScored || l.scores.order.Len() != maxScored ||
		l.Score(node(99).ID()).Points != 0 || l.Score(node(100).ID()).Points != 1 {
		t.Errorf("%d scores, %d in order", len(l.scores.by), l.scores.order.Len())
	}
}
