package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// Config is what a World is made of.
type Config struct {
	Seed uint64
	Link Link
	// Regions, if set, is the least time that a packet takes from a host of one
	// region to one of another, one way, in place of Link.Latency: up to MaxDelay, and
	// as many in each row as there are rows.
	Regions [][]time.Duration
	Wire    Wire
	Workers int // how many cores to use; default 1
	// CheckEvery is how often Run checks the rules that must always hold; default
	// 20 seconds, negative never.
	CheckEvery time.Duration
}

// defaultCheckEvery lets a check of all tables cost less than what happens between
// two of them.
const defaultCheckEvery = 20 * time.Second

// epoch is when a World begins: any time will do.
var epoch = time.Unix(1_700_000_000, 0)

// World is a network. Its methods must not be called at the same time.
type World struct {
	cfg     Config
	faulty  error // what can't be about the Config
	now     int64 // since epoch
	passed  int64 // all that happens before has happened
	least   int64 // what a packet takes at least
	hosts   []*Host
	places  places
	workers []*worker
	inside  bool // a window is open: workers run
	turn    int  // 0 and 1 by turns, window by window
	actions []action
	cut     func(from, to *Host) bool
	checked int64 // when the rules were checked last
	broken  error // the rule that was, which ends every Run
	probers []*prober
	records map[*byte]*enode.Node // hosts that speak v5, and others, by their records' first bytes
}

// New returns a World without hosts. If something about the config can't be, it gets none:
// Add says what.
func New(cfg Config) *World {
	faulty := cfg.check()
	if faulty != nil {
		cfg.Link, cfg.Regions = Link{}, nil
	}
	w := &World{cfg: cfg, faulty: faulty, places: newPlaces(), records: make(map[*byte]*enode.Node)}
	w.cfg.Link.Latency = max(cfg.Link.Latency, MinLatency)
	w.cfg.Workers = max(cfg.Workers, 1)
	if cfg.CheckEvery == 0 {
		w.cfg.CheckEvery = defaultCheckEvery
	}
	w.least = int64(w.cfg.Link.Latency)
	for i, row := range cfg.Regions {
		for j, d := range row {
			d = max(d, MinLatency)
			if i == 0 && j == 0 {
				w.least = int64(d)
			}
			w.least = min(w.least, int64(d))
		}
	}
	for i := range w.cfg.Workers {
		w.workers = append(w.workers, newWorker(w, i))
	}
	return w
}

// What a host's random streams are for.
const (
	forKey = iota
	forLinks
	forProtocol
	forAgent
	forSessions
	forPeers
	forSecrets
	forOneTimeKeys
)

// stream returns a random source of a host's own.
func (w *World) stream(host int32, life uint64, use uint64) *rand.PCG {
	a := mix(w.cfg.Seed ^ mix(uint64(host)<<8|use))
	return rand.NewPCG(a, mix(a^life))
}

// forWorld marks the streams that are none of a host's, and forProbes that of what is
// asked at random.
const (
	forWorld  = 255
	forProbes = 1 << 32
)

// Seed returns the World's seed.
func (w *World) Seed() uint64 { return w.cfg.Seed }

// Stream returns a random source for a use that is none of a host's.
func (w *World) Stream(use uint64) *rand.PCG { return w.stream(-1, use, forWorld) }

// keyReader reads a host's key from its stream.
type keyReader struct{ rand.Source }

func (r keyReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint64() >> 56)
	}
	return len(b), nil
}

// ReadKey draws a key from a source.
func ReadKey(src rand.Source) (*secp.PrivateKey, error) { return secp.ReadKey(keyReader{src}) }

// ErrAddress is the error of Add for an address that another host has.
var ErrAddress = errors.New("sim: address is taken")

// Add makes a host and starts it, unless it is to be down.
func (w *World) Add(n Node) (*Host, error) {
	list, err := w.AddAll(1, func(int) Node { return n })
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// AddAll adds n hosts, with all cores: keys and records take a while. spec says what
// the i-th is; it may be called at any time from anywhere. After an error none is added.
func (w *World) AddAll(n int, spec func(i int) Node) ([]*Host, error) {
	if w.faulty != nil {
		return nil, w.faulty
	}
	if n < 0 {
		return nil, fmt.Errorf("sim: %d hosts can't be added", n)
	}
	first := len(w.hosts)
	list := make([]*Host, n)
	errs := make([]error, len(w.workers))
	var wg sync.WaitGroup
	for k := range w.workers {
		wg.Go(func() {
			for i := k; i < n && errs[k] == nil; i += len(w.workers) {
				list[i], errs[k] = newHost(w, int32(first+i), spec(i))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i, h := range list {
		if err := w.places.add(h); err != nil {
			for _, h := range list[:i] {
				w.places.remove(h)
			}
			return nil, err
		}
	}
	w.hosts = append(w.hosts, list...)
	for _, h := range list {
		if h.five != nil {
			w.records[&h.node.Record().Raw()[0]] = h.node
		}
	}
	for _, h := range list {
		h.begin()
	}
	return list, nil
}

// Vouch says that the record of a node is valid, which is none of a host's: a host that is told
// of it has not to verify it where packets pass as values.
func (w *World) Vouch(n *enode.Node) { w.records[&n.Record().Raw()[0]] = n }

// Hosts returns all hosts, in the order in which they were added. The caller must not
// change the list.
func (w *World) Hosts() []*Host { return w.hosts }

// Start starts a host that is down.
func (w *World) Start(h *Host) { h.start() }

// Stop takes a host down: from now on packets to it are lost, and it forgets all but
// its key. Its requests end.
func (w *World) Stop(h *Host) { h.stop() }

// Do calls f with a host's machine of v4, as a driver would, if it is up and has one.
func (w *World) Do(h *Host, f func(m *discv4.Machine)) {
	if h.m.V4 != nil {
		h.step(w.now, func() { f(h.m.V4) })
	}
}

// Do5 is Do with the machine of v5.
func (w *World) Do5(h *Host, f func(m *discv5.Machine)) {
	if h.m.V5 != nil {
		h.step(w.now, func() { f(h.m.V5) })
	}
}

// ask is Do with the table.
func (w *World) ask(h *Host, f func(t *kad.Table)) {
	if h.m.Table != nil {
		h.step(w.now, func() { f(h.m.Table) })
	}
}

// action is something that happens to the World.
type action struct {
	at int64
	f  func()
}

// At has f called when the World is so old, before whatever happens to hosts then. f may
// do what may be done between two calls of Run. Of two actions at one time the one
// that was given first is first.
func (w *World) At(at time.Duration, f func()) {
	i := len(w.actions)
	for i > 0 && w.actions[i-1].at > int64(at) {
		i--
	}
	w.actions = append(w.actions, action{})
	copy(w.actions[i+1:], w.actions[i:])
	w.actions[i] = action{max(int64(at), w.now), f}
}

// Cut loses all packets from one host to another for which lost says so, until Heal. It
// is called at any time from anywhere, and must not change its mind.
func (w *World) Cut(lost func(from, to *Host) bool) {
	w.cut = lost
	for _, h := range w.hosts {
		h.cutOff()
	}
}

// Part is Cut between hosts for which side differs.
func (w *World) Part(side func(h *Host) uint8) {
	sides := make([]uint8, len(w.hosts))
	for i, h := range w.hosts {
		sides[i] = side(h)
	}
	of := func(h *Host) uint8 {
		if int(h.index) < len(sides) {
			return sides[h.index]
		}
		return 0
	}
	w.Cut(func(from, to *Host) bool { return of(from) != of(to) })
}

// Heal ends that.
func (w *World) Heal() { w.cut = nil }

func (w *World) apart(from, to *Host) bool { return w.cut != nil && w.cut(from, to) }

// Now returns how long the World has existed.
func (w *World) Now() time.Duration { return time.Duration(w.now) }

// Events returns how many events there were: packets that arrived and hosts that woke.
func (w *World) Events() (n uint64) {
	for _, k := range w.workers {
		n += k.events
	}
	return n
}

// Hash is that of all that has happened to all hosts, in order.
func (w *World) Hash() (sum uint64) {
	for _, h := range w.hosts {
		sum = mix(sum ^ h.trace)
	}
	return sum
}

// mix is the finisher of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// places says which host is where.
type places struct {
	v4    map[uint64]int32 // address and port; port 0: every port that is no other's
	other map[netip.AddrPort]int32
}

func newPlaces() places {
	return places{v4: make(map[uint64]int32), other: make(map[netip.AddrPort]int32)}
}

func key4(at netip.AddrPort) uint64 {
	a := at.Addr().As4()
	return uint64(a[0])<<40 | uint64(a[1])<<32 | uint64(a[2])<<24 | uint64(a[3])<<16 | uint64(at.Port())
}

// at returns the host that packets to an address reach, nil for none.
func (w *World) at(to netip.AddrPort) *Host {
	i, ok := w.places.get(to)
	if !ok {
		if i, ok = w.places.get(netip.AddrPortFrom(to.Addr(), 0)); !ok {
			return nil
		}
	}
	return w.hosts[i]
}

func (p *places) get(at netip.AddrPort) (i int32, ok bool) {
	if at.Addr().Is4() {
		i, ok = p.v4[key4(at)]
	} else {
		i, ok = p.other[at]
	}
	return i, ok
}

// add gives a host the places that it asks for.
func (p *places) add(h *Host) error {
	for i, at := range h.claims() {
		if _, taken := p.get(at); taken {
			for _, at := range h.claims()[:i] {
				p.free(at)
			}
			return fmt.Errorf("%w: %v", ErrAddress, at)
		}
		if at.Addr().Is4() {
			p.v4[key4(at)] = h.index
		} else {
			p.other[at] = h.index
		}
	}
	return nil
}

func (p *places) remove(h *Host) {
	for _, at := range h.claims() {
		p.free(at)
	}
}

func (p *places) free(at netip.AddrPort) {
	if at.Addr().Is4() {
		delete(p.v4, key4(at))
	} else {
		delete(p.other, at)
	}
}
