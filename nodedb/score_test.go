package nodedb

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestScore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes.db")
	db := mustOpen(t, path)
	db.Put(Entry{Node: testNode(t, 0), LastPong: start})
	id := func(i int) Score { return Score{ID: testNode(t, i).ID(), Points: -3 - i, At: start} }
	db.SetScore(id(0), nil)
	db.SetScore(id(1), testNode(t, 1))
	db.SetScore(id(2), nil)            // nobody knows it
	db.SetScore(id(2), testNode(t, 3)) // another node
	want := []Score{id(0), id(1)}
	check := func() {
		t.Helper()
		got := db.Scores()
		slices.SortFunc(got, func(a, b Score) int { return b.Points - a.Points })
		if !slices.EqualFunc(got, want, func(a, b Score) bool { return a.ID == b.ID && a.Points == b.Points && a.At.Equal(b.At) }) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	check()
	mustClose(t, db)
	db = mustOpen(t, path)
	defer mustClose(t, db)
	check()
	if e, ok := db.Get(want[0].ID); !ok || !e.LastPong.Equal(start) {
		t.Errorf("the score has changed the entry: %+v", e)
	}
	db.Put(Entry{Node: testNode(t, 1), LastPong: start.Add(time.Hour)}) // the score stays
	check()
	want[0].Points = 127
	db.SetScore(Score{ID: want[0].ID, Points: 1000, At: start}, nil)
	db.SetScore(Score{ID: want[1].ID}, nil) // zero is none
	want = want[:1]
	check()
}
