package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/kithnet/kith/discv4"
)

// Config is what a World is made of.
type Config struct {
	Seed    uint64
	Link    Link
	Wire    Wire
	Workers int // how many cores to use; default 1
	// CheckEvery is how often Run checks the rules that must always hold; default
	// 10 seconds, negative never.
	CheckEvery time.Duration
}

// defaultCheckEvery lets a check of all tables cost less than what happens between
// two of them.
const defaultCheckEvery = 10 * time.Second

// epoch is when a World begins: any time will do.
var epoch = time.Unix(1_700_000_000, 0)

// World is a network. Its methods must not be called at the same time.
type World struct {
	cfg     Config
	now     int64 // since epoch
	hosts   []*Host
	byAddr  map[netip.AddrPort]int32
	workers []worker
	sides   []uint8 // by host, while the network is partitioned
	checked int64   // when the rules were checked last
	events  uint64
}

// worker holds the events of every len(World.workers)-th host.
type worker struct {
	queue  queue
	out    [][]event // for the other workers
	events uint64
	_      [64]byte // its own cache lines
}

// New returns a World without hosts.
func New(cfg Config) *World {
	cfg.Link.Latency = max(cfg.Link.Latency, MinLatency)
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.CheckEvery == 0 {
		cfg.CheckEvery = defaultCheckEvery
	}
	w := &World{cfg: cfg, byAddr: make(map[netip.AddrPort]int32), workers: make([]worker, cfg.Workers)}
	for i := range w.workers {
		w.workers[i].out = make([][]event, cfg.Workers)
	}
	return w
}

// What a host's random streams are for.
const (
	forKey = iota
	forLinks
	forProtocol
)

// stream returns a random source of a host's own.
func (w *World) stream(host int32, life uint64, use byte) *rand.ChaCha8 {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], w.cfg.Seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(host))
	binary.LittleEndian.PutUint64(seed[16:], life)
	seed[24] = use
	return rand.NewChaCha8(seed)
}

// ErrAddress is the error of Add for an address that another host has.
var ErrAddress = errors.New("sim: address is taken")

// Add makes a host and starts it.
func (w *World) Add(n Node) (*Host, error) {
	index := int32(len(w.hosts))
	h, err := newHost(w, index, n)
	if err != nil {
		return nil, err
	}
	if _, taken := w.byAddr[h.addr]; taken {
		return nil, fmt.Errorf("%w: %v", ErrAddress, h.addr)
	}
	w.hosts = append(w.hosts, h)
	w.byAddr[h.addr] = index
	w.Start(h)
	return h, nil
}

// Hosts returns all hosts, in the order in which they were added. The caller must not
// change the list.
func (w *World) Hosts() []*Host { return w.hosts }

// Start starts a host that is down.
func (w *World) Start(h *Host) {
	if h.machine == nil {
		h.start()
		w.Do(h, nil)
	}
}

// Stop takes a host down: from now on packets to it are lost, and it forgets all but
// its key. Its requests end.
func (w *World) Stop(h *Host) {
	if h.machine != nil {
		h.machine.Close()
		h.machine, h.wake = nil, never
	}
}

// Do calls f with a host's machine, as a driver would, if it is up.
func (w *World) Do(h *Host, f func(m *discv4.Machine)) {
	if h.machine != nil {
		h.step(w.now, f, w.send)
	}
}

// send puts an event where it belongs.
func (w *World) send(e event) { w.workerOf(e.to).queue.push(e) }

func (w *World) workerOf(host int32) *worker { return &w.workers[int(host)%len(w.workers)] }

// Part splits the network: packets between hosts for which side differs are lost, until
// Heal.
func (w *World) Part(side func(h *Host) uint8) {
	w.sides = make([]uint8, len(w.hosts))
	for i, h := range w.hosts {
		w.sides[i] = side(h)
	}
}

// Heal ends that.
func (w *World) Heal() { w.sides = nil }

func (w *World) apart(a, b *Host) bool {
	side := func(h *Host) uint8 {
		if int(h.index) < len(w.sides) {
			return w.sides[h.index]
		}
		return 0
	}
	return w.sides != nil && side(a) != side(b)
}

// Now returns how long the World has existed.
func (w *World) Now() time.Duration { return time.Duration(w.now) }

// Events returns how many events there were.
func (w *World) Events() uint64 { return w.events }

// Hash is that of all that has happened to all hosts, in order.
func (w *World) Hash() (sum uint64) {
	for _, h := range w.hosts {
		sum = mix(sum ^ h.trace)
	}
	return sum
}

// Run lets the World go on for d. The error is that of a rule that was broken.
func (w *World) Run(d time.Duration) error {
	end := w.now + int64(d)
	for {
		at, ok := w.next()
		if !ok || at > end {
			break
		}
		// Whatever is sent from now on arrives after this.
		until := min(at+int64(w.cfg.Link.Latency), end+1)
		w.window(until)
		w.now = until - 1
		if every := int64(w.cfg.CheckEvery); every > 0 && w.now-w.checked >= every {
			w.checked = w.now
			if err := w.Check(); err != nil {
				return err
			}
		}
	}
	w.now = end
	return nil
}

// next returns the time of the next event.
func (w *World) next() (at int64, ok bool) {
	for i := range w.workers {
		if q := w.workers[i].queue; len(q) > 0 && (!ok || q[0].at < at) {
			at, ok = q[0].at, true
		}
	}
	return at, ok
}

// window lets happen what does before a time, on all workers at once.
func (w *World) window(until int64) {
	if len(w.workers) == 1 {
		w.workers[0].run(w, 0, until)
	} else {
		var wg sync.WaitGroup
		for i := range w.workers {
			wg.Go(func() { w.workers[i].run(w, i, until) })
		}
		wg.Wait()
	}
	w.events = 0
	for i := range w.workers {
		from := &w.workers[i]
		w.events += from.events
		for j, list := range from.out {
			for _, e := range list {
				w.workers[j].queue.push(e)
			}
			clear(list)
			from.out[j] = list[:0]
		}
	}
}

// run is one worker's part of a window.
func (k *worker) run(w *World, self int, until int64) {
	send := func(e event) {
		if j := int(e.to) % len(w.workers); j != self {
			k.out[j] = append(k.out[j], e)
			return
		}
		k.queue.push(e)
	}
	for len(k.queue) > 0 && k.queue[0].at < until {
		e := k.queue.pop()
		k.events++
		w.hosts[e.to].happen(&e, send)
	}
}
