package sim

import (
	"fmt"
	"runtime"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// worker holds the events of every len(World.workers)-th host, and what it takes to let
// them happen.
type worker struct {
	world  *World
	index  int
	events uint64
	dates  calendar
	window window
	out    [2][][]event // for the other workers, by who is to take them: of this window and the last
	next   int64        // time of the first of these
	outs   []discv4.Out
	outs5  []discv5.Out
	parsed discv4.Packet
	key    secp.PublicKey
	real   *real5                   // nil until a packet of v5 passes as bytes
	nodeOf func([]byte) *enode.Node // World.nodeOf
	free   []*packet
	free5  []*packet // with room for what v5 says
	_      [64]byte  // its own cache lines
}

const (
	never = int64(-1)
	// forEver is later than anything.
	forEver = int64(1<<63 - 1)

	// maxFree bounds the packets that a worker keeps for use again.
	maxFree = 1 << 12
)

func newWorker(w *World, index int) *worker {
	n := w.cfg.Workers
	return &worker{world: w, index: index, dates: calendar{length: w.least}, nodeOf: w.nodeOf,
		out: [2][][]event{make([][]event, n), make([][]event, n)}, next: forEver}
}

// send puts an event where it belongs.
func (k *worker) send(e event) {
	w := k.world
	j := int(e.to) % len(w.workers)
	switch {
	case w.inside && e.at < k.window.until: // of the host whose turn it is
		if e.packet != nil { // else serve sees when it wants to wake
			k.window.insert(e)
		}
	case j == k.index:
		k.dates.add(e)
	case !w.inside:
		w.workers[j].dates.add(e)
	default:
		out := &k.out[w.turn][j]
		*out = append(*out, e)
		k.next = min(k.next, e.at)
	}
}

// Run lets the World go on for d. The error is that of a rule that was broken, a
// [*Broken]; nothing happens after it. Or d is below 0, or would make the World older
// than [MaxAge]: then nothing happens at all.
func (w *World) Run(d time.Duration) error {
	if d < 0 || d > MaxAge-w.Now() {
		return fmt.Errorf("sim: a World can't run for %v that is %v old: want a time up to %v in all", d, w.Now(), MaxAge)
	}
	end := w.now + int64(d)
	turns := w.turns()
	defer turns.end()
	for w.broken == nil {
		day := w.next()
		at := forEver
		if day != forEver {
			at = max(w.passed, day*w.least)
		}
		if len(w.actions) > 0 && w.actions[0].at <= min(at, end) {
			a := w.actions[0]
			w.actions = w.actions[1:]
			w.now = max(w.now, a.at)
			a.f()
			continue
		}
		if at > end {
			break
		}
		// Whatever is sent from now on arrives on another day.
		until := min((day+1)*w.least, end+1)
		if len(w.actions) > 0 {
			until = min(until, w.actions[0].at)
		}
		turns.window(until)
		w.passed = until
		w.now = until - 1
		if every := int64(w.cfg.CheckEvery); every > 0 && w.now-w.checked >= every {
			w.checked = w.now
			w.broken = w.Check()
		}
	}
	if w.broken != nil {
		return w.broken
	}
	w.now = end
	return nil
}

// next returns the day of the next event.
func (w *World) next() int64 {
	day := forEver
	for _, k := range w.workers {
		day = min(day, k.dates.next())
		if k.next != forEver {
			day = min(day, k.dates.day(k.next))
		}
	}
	return day
}

// turns lets all workers work at once, the caller's goroutine as the first of them.
type turns struct {
	w     *World
	begin []chan int64  // of the other workers: until when
	ended chan struct{} // by each of them that is through
	spins int
}

// waitSpins is how often a worker looks whether it can go on before it sleeps, some tens of
// microseconds: most windows among a thousand nodes take no longer than a hundred, and to
// be woken takes as long as half of one.
const waitSpins = 1 << 13

func (w *World) turns() *turns {
	others := len(w.workers) - 1
	t := &turns{w: w, ended: make(chan struct{}, others)}
	if runtime.GOMAXPROCS(0) > others { // else it would keep from work those that it waits for
		t.spins = waitSpins
	}
	for _, k := range w.workers[1:] {
		begin := make(chan int64, 1)
		t.begin = append(t.begin, begin)
		go func() {
			for until, ok := wait(begin, t.spins); ok; until, ok = wait(begin, t.spins) {
				k.run(until)
				t.ended <- struct{}{}
			}
		}()
	}
	return t
}

func (t *turns) end() {
	for _, c := range t.begin {
		close(c)
	}
}

// window lets happen what does before a time, on its day.
func (t *turns) window(until int64) {
	w := t.w
	w.turn ^= 1
	w.inside = true
	for _, c := range t.begin {
		c <- until
	}
	w.workers[0].run(until)
	for range t.begin {
		wait(t.ended, t.spins)
	}
	w.inside = false
}

// wait receives, and sleeps only when nothing has come by the last look.
func wait[T any](c chan T, spins int) (T, bool) {
	for range spins {
		select {
		case v, ok := <-c:
			return v, ok
		default:
		}
	}
	v, ok := <-c
	return v, ok
}

// collect takes what the other workers have sent in the last window.
func (k *worker) collect() {
	k.next = forEver
	for _, other := range k.world.workers {
		list := &other.out[k.world.turn^1][k.index]
		for i := range *list {
			k.dates.add((*list)[i])
		}
		clear(*list)
		*list = (*list)[:0]
	}
}

// run lets happen what does before a time, on its day.
func (k *worker) run(until int64) {
	k.dates.turn(k.dates.day(until - 1))
	k.collect()
	w := &k.window
	w.until = until
	w.events = k.dates.take(w.events[:0], until)
	w.sort(len(k.world.hosts), len(k.world.workers))
	for i, t := range w.turns {
		k.ahead(i)
		k.serve(t)
	}
}

// newPacket returns an empty packet.
func (k *worker) newPacket() *packet {
	if n := len(k.free); n > 0 {
		p := k.free[n-1]
		k.free = k.free[:n-1]
		return p
	}
	return new(packet)
}

// newPacket5 returns an empty packet of v5.
func (k *worker) newPacket5() *packet {
	if n := len(k.free5); n > 0 {
		p := k.free5[n-1]
		k.free5 = k.free5[:n-1]
		return p
	}
	return &packet{five: new(packet5)}
}

// done takes back a packet that nobody needs any more.
func (k *worker) done(p *packet) {
	if p.copies--; p.copies > 0 {
		return
	}
	free := &k.free
	if p.five != nil {
		free = &k.free5
		*p.five = packet5{}
	}
	if len(*free) < maxFree {
		*p = packet{nodes: p.nodes[:0], data: p.data[:0], five: p.five}
		*free = append(*free, p)
	}
}
