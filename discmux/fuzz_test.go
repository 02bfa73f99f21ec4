package discmux

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// FuzzMux drives a table, a Mux and its two sides by calls and outcomes that the input
// names, and lets everything end: each question ends once, later than it was asked.
func FuzzMux(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(randomScript(seed, 600))
	}
	f.Fuzz(func(t *testing.T, script []byte) { newPlayer(t, script[:min(len(script), 1024)]).run() })
}

// TestRandomCalls is FuzzMux over random inputs, each twice: they do the same.
func TestRandomCalls(t *testing.T) {
	different := make(map[uint64]bool)
	for seed := range uint64(40) {
		script := randomScript(100+seed, 1500)
		a, b := newPlayer(t, script).run(), newPlayer(t, script).run()
		if a != b {
			t.Errorf("seed %d: two runs differ", seed)
		}
		different[a] = true
	}
	if len(different) != 40 {
		t.Error("runs of different inputs are the same")
	}
}

func randomScript(seed uint64, length int) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	script := make([]byte, length)
	for i := range script {
		script[i] = byte(rng.Uint64())
	}
	return script
}

// player plays a script.
type player struct {
	*lab
	script []byte
	cast   []*enode.Node
	open   int // questions of the script without an end
	trace  []byte
}

func newPlayer(t *testing.T, script []byte) *player {
	p := &player{lab: newLab(t), script: script}
	for i := range 40 {
		if i%2 == 0 {
			p.cast = append(p.cast, p.unknown())
		} else {
			p.cast = append(p.cast, p.recorded())
		}
	}
	p.table.AddBootnode(p.cast[0])
	p.table.AddBootnode(p.cast[1])
	return p
}

func (p *player) next() int {
	if len(p.script) == 0 {
		return 0
	}
	b := p.script[0]
	p.script = p.script[1:]
	return int(b)
}

func (p *player) node() *enode.Node { return p.cast[p.next()%len(p.cast)] }

func (p *player) run() uint64 {
	closes := p.next()%2 == 0
	for len(p.script) > 0 {
		p.step(p.next())
		if s := p.m.Stats(); s.Trying < 0 || s.Trying > maxTries {
			p.Fatalf("%d tries", s.Trying)
		}
	}
	if closes { // or else everything fails
		p.m.Close(p.fail(p.v5), p.fail(p.v4))
	}
	for i := 0; p.open > 0 || len(p.v4.waiting)+len(p.v5.waiting) > 0; i++ {
		if i > 10000 {
			p.Fatalf("%d questions do not end, %d and %d wait", p.open, len(p.v4.waiting), len(p.v5.waiting))
		}
		p.fail(p.v4)()
		p.fail(p.v5)()
		p.advance(time.Second)
	}
	if s := p.m.Stats(); s.Trying != 0 {
		p.Errorf("%d tries never ended", s.Trying)
	}
	h := fnv.New64a()
	fmt.Fprint(h, p.log, p.m.Stats(), p.table.Stats(), p.m.NextWake().UnixNano())
	h.Write(p.trace)
	return h.Sum64()
}

// fail ends all that waits at a side.
func (p *player) fail(s *side) func() {
	return func() {
		for len(s.waiting) > 0 {
			s.end(0, answer{}, errV4)
		}
	}
}

func (p *player) step(op int) {
	switch op % 12 {
	case 0:
		p.advance(time.Duration(p.next()) * 10 * time.Millisecond)
	case 1:
		p.advance(time.Duration(p.next()) * 30 * time.Second)
	case 2, 3, 4:
		p.outcome(p.v4)
	case 5, 6, 7:
		p.outcome(p.v5)
	case 8, 9:
		p.question()
	case 10:
		p.table.AddLive(p.node(), kad.Protocol(p.next()&3))
	default:
		p.table.AddFound(p.node())
	}
}

// question asks one of the Mux, and sees to it that it ends once.
func (p *player) question() {
	k, n, calls, inside := kind(p.next()%3), p.node(), 0, true
	end := func(err error) {
		if calls++; calls > 1 || inside {
			p.Fatalf("done was called %d times, from inside the call: %v", calls, inside)
		}
		p.open--
		p.trace = fmt.Append(p.trace, n.ID(), k, err)
	}
	p.open++
	switch k {
	case ping:
		p.m.Ping(n, func(_ uint64, err error) { end(err) })
	case record:
		p.m.RequestENR(n, func(_ *enode.Node, err error) { end(err) })
	default:
		p.m.Findnode(n, p.table.RandomTarget(), func(_ []*enode.Node, err error) { end(err) })
	}
	inside = false
}

// outcome gives a question at a side its end, perhaps twice.
func (p *player) outcome(s *side) {
	if len(s.waiting) == 0 {
		return
	}
	i := p.next() % len(s.waiting)
	q, again := s.waiting[i], p.next()
	a := answer{seq: uint64(again), node: p.cast[1]}
	for range again % 4 {
		a.nodes = append(a.nodes, p.node())
	}
	err := []error{nil, nil, errV4, kad.ErrNotAsked}[again>>2&3]
	if s.end(i, a, err); again>>6 == 3 {
		q.end(a, err)
	}
}
