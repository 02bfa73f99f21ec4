package p2p

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/peering"
)

// scoreAge is how long a score says something of a node: what a node does today may
// have nothing to do with what it did before it was started anew.
const scoreAge = 5 * 24 * time.Hour

// scored keeps a score. The caller holds the lock.
func (s *Server) scored(id enode.ID, n *enode.Node, score peering.Score) {
	if s.cfg.DB == nil {
		return
	}
	if p := s.peers[id]; n == nil && p != nil && !p.Inbound() {
		n = p.node
	}
	s.cfg.DB.SetScore(nodedb.Score{ID: id, Points: score.Points, At: score.At}, n)
}

// loadScores tells the machine what was kept.
func (s *Server) loadScores() {
	if s.cfg.DB == nil {
		return
	}
	for _, k := range s.cfg.DB.Scores() {
		if time.Since(k.At) < scoreAge {
			s.core.SetScore(k.ID, peering.Score{Points: k.Points, At: k.At})
		}
	}
}

// goodNodes yields the nodes that were good peers before the start, the best first.
func (s *Server) goodNodes() iter.Seq[*enode.Node] {
	good := slices.DeleteFunc(s.cfg.DB.Scores(), func(k nodedb.Score) bool {
		return k.Points <= 0 || time.Since(k.At) >= scoreAge
	})
	slices.SortFunc(good, func(a, b nodedb.Score) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), b.At.Compare(a.At), a.ID.Compare(b.ID))
	})
	return func(yield func(*enode.Node) bool) {
		for _, k := range good {
			if e, ok := s.cfg.DB.Get(k.ID); ok && !yield(e.Node) {
				return
			}
		}
	}
}
