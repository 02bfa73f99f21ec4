package peering

import (
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// MaxScore bounds scores, on both sides of zero.
	MaxScore = 8

	// maxScored bounds the nodes whose scores are kept; the one whose score changed
	// the longest ago goes first.
	maxScored = 4096

	// usefulEvery is how often a protocol's praise makes a score better: a peer
	// that serves much in an hour is not worth more than one that serves all day.
	usefulEvery = 10 * time.Minute
)

// What makes scores. A node below zero is left alone for retryAfter at -1, doubled for
// each point more: five minutes at -4, an hour and a quarter at -MaxScore.
const (
	scoreUseful  = 1  // a protocol says so
	scoreStayed  = 1  // a peer for rotateAge
	scoreUseless = -4 // no protocol in common, or one ended in an error
	scoreFailed  = -1 // not reached, or no handshake: it may only be away,
	failedFloor  = -4 // and so is not left alone for longer than this
)

// Score is what a node was worth as a peer.
type Score struct {
	Points int       // -MaxScore to MaxScore; zero: nothing is known
	At     time.Time // of the last change
}

// Score returns a node's score.
func (c *Core) Score(id enode.ID) Score {
	if s := c.scores.get(id); s != nil {
		return *s
	}
	return Score{}
}

// SetScore sets a node's score to what is known from before.
func (c *Core) SetScore(id enode.ID, s Score) {
	s.Points = min(max(s.Points, -MaxScore), MaxScore)
	*c.scores.touch(id) = s
}

// earn adds points to a node's score.
func (c *Core) earn(id enode.ID, points int) {
	s := c.scores.touch(id)
	s.Points = min(max(s.Points+points, -MaxScore), MaxScore)
	s.At = c.now
	if c.cfg.Scored != nil {
		var n *enode.Node
		if t := c.dials[id]; t != nil {
			n = t.Node
		}
		c.cfg.Scored(id, n, *s)
	}
}

// failed notes that a node was not reached.
func (c *Core) failed(id enode.ID) {
	points := scoreFailed
	if c.Score(id).Points <= failedFloor {
		points = 0
	}
	c.earn(id, points)
}

// redeem forgets what was held against a node that has become a peer.
func (c *Core) redeem(id enode.ID) {
	if p := c.Score(id).Points; p < 0 {
		c.earn(id, -p)
	}
}

// disappointing reports whether a node is left alone for what it was before.
func (c *Core) disappointing(id enode.ID) bool {
	s := c.Score(id)
	return s.Points < 0 && c.now.Sub(s.At) < retryAfter<<(-s.Points-1)
}

// Useful notes that a protocol finds a peer useful: it is not rotated out for a while,
// and is dialed before others the next time.
func (c *Core) Useful(id enode.ID) {
	conn := c.conns[id]
	if conn == nil {
		return
	}
	if c.now.Sub(conn.praised) >= usefulEvery {
		conn.praised = c.now
		c.earn(id, scoreUseful)
	}
	conn.good = c.now
}

// Useless notes that a protocol has ended in an error: the node is left alone for a
// while.
func (c *Core) Useless(id enode.ID) { c.earn(id, scoreUseless) }
