package sim

import (
	"slices"
	"sort"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// Meter measures a World, between two calls of Run or in an action. It draws from no
// host's random source and changes nothing, unless a method says so: a World that is
// measured is bit for bit the one that is not.
type Meter struct {
	world *World
	all   []*Host // by ID
	found found

	uniform bool // all hosts speak the same
}

// found are the hosts that others could find at the last Update, by ID: those that speak
// one of some protocols, and so are of use to who speaks these. Where all speak the
// same there is one list.
type found [1 + bothProtocols][]*Host

// of returns those that a host could find.
func (f *found) of(h *Host) []*Host { return f[h.speaks] }

// NewMeter returns a Meter of what is now.
func NewMeter(w *World) *Meter {
	m := &Meter{world: w}
	m.Update()
	return m
}

// Update takes notice of who is up now. Until the next one, hosts that come and go
// change nothing in what could be found.
func (m *Meter) Update() {
	if len(m.all) != len(m.world.hosts) {
		m.all = slices.Clone(m.world.hosts)
		slices.SortFunc(m.all, func(a, b *Host) int { return a.node.ID().Compare(b.node.ID()) })
	}
	all := m.found[bothProtocols][:0]
	some := kad.Protocol(0)
	uniform := true
	for _, h := range m.all {
		if h.speaks != 0 {
			uniform = uniform && (some == 0 || some == h.speaks)
			some = h.speaks
		}
		if h.findable() {
			all = append(all, h)
		}
	}
	m.found[bothProtocols] = all
	for p := kad.V4; p < bothProtocols; p++ {
		if uniform {
			m.found[p] = all
			continue
		}
		if m.uniform { // it was all
			m.found[p] = nil
		}
		m.found[p] = m.found[p][:0]
		for _, h := range all {
			if h.speaks&p != 0 {
				m.found[p] = append(m.found[p], h)
			}
		}
	}
	m.uniform = uniform
}

// findable reports whether those who hear of the host can reach it: it runs Kith's own
// discovery, and no NAT keeps strangers out.
func (h *Host) findable() bool {
	return h.m.Table != nil && (h.nat == nil || h.nat.kind == FullCone)
}

// Sample returns up to n hosts with tables, evenly from all of them.
func (m *Meter) Sample(n int) []*Host {
	up := m.world.up()
	if len(up) <= n {
		return up
	}
	list := make([]*Host, n)
	for i := range list {
		list[i] = up[i*len(up)/n]
	}
	return list
}

// up returns the hosts that have tables.
func (w *World) up() []*Host {
	return slices.DeleteFunc(slices.Clone(w.hosts), func(h *Host) bool { return h.m.Table == nil })
}

// bit returns the i-th bit of an ID, the highest first.
func bit(id enode.ID, i int) byte { return id[i/8] >> (7 - i%8) & 1 }

// split parts hosts that have their first bits in common by the next bit.
func split(list []*Host, at int) (zeros, ones []*Host) {
	i := sort.Search(len(list), func(i int) bool { return bit(list[i].node.ID(), at) == 1 })
	return list[:i], list[i:]
}

// Closest returns the k hosts that are nearest to a target among those that can be found,
// that speak one of the protocols via, 0 for whatever they speak, and that keep, if it is
// not nil, does not refuse; the nearest first. It takes the logarithm of the number of
// hosts.
func (m *Meter) Closest(target enode.ID, k int, via kad.Protocol, keep func(*Host) bool) []*Host {
	if via &= bothProtocols; via == 0 {
		via = bothProtocols
	}
	return closest(nil, m.found[via], 0, target, k, keep)
}

func closest(dst, list []*Host, at int, target enode.ID, k int, keep func(*Host) bool) []*Host {
	switch {
	case len(list) == 0 || len(dst) == k:
		return dst
	case len(list) == 1:
		if keep == nil || keep(list[0]) {
			dst = append(dst, list[0])
		}
		return dst
	}
	near, far := split(list, at)
	if bit(target, at) == 1 {
		near, far = far, near
	}
	dst = closest(dst, near, at+1, target, k, keep)
	return closest(dst, far, at+1, target, k, keep)
}

// possible returns how many entries each bucket of a host's table could have, of those
// that speak what it speaks, the nearest first.
func (m *Meter) possible(h *Host) (n [kad.NumBuckets]int) {
	id, list := h.node.ID(), m.found.of(h)
	for i := kad.NumBuckets - 1; i > 0; i-- {
		at := kad.NumBuckets - 1 - i
		own, other := split(list, at)
		if bit(id, at) == 1 {
			own, other = other, own
		}
		n[i] = min(len(other), kad.BucketSize)
		list = own
	}
	n[0] = len(list)
	if h.findable() {
		n[0]--
	}
	n[0] = min(max(n[0], 0), kad.BucketSize)
	return n
}

// TableState is what a host's table is worth.
type TableState struct {
	Entries int
	Dead    int     // of these, hosts that are down or out of reach
	Filled  float64 // share of the entries that it could have, had it met all hosts
}

// Table returns the state of a host's table, the zero one if it has none. Diversity
// limits are not taken into account: where hosts share networks it can't be full.
func (m *Meter) Table(h *Host) (s TableState) {
	if h.m.Table == nil {
		return s
	}
	have, could := 0, 0
	possible := m.possible(h)
	var live [kad.NumBuckets]int
	h.m.Table.Visit(kad.Entries, func(distance int, _ bool, n kad.NodeInfo) bool {
		s.Entries++
		if m.Dead(h, n.Node) {
			s.Dead++
		} else {
			live[distance-257+kad.NumBuckets]++
		}
		return true
	})
	for i, n := range possible {
		have += min(live[i], n)
		could += n
	}
	if could > 0 {
		s.Filled = float64(have) / float64(could)
	}
	return s
}

// Dead reports whether a node is down, or was never there, or can't be reached by a host.
func (m *Meter) Dead(h *Host, n *enode.Node) bool {
	o := m.world.HostOf(n)
	return o == nil || !o.up || m.world.apart(h, o)
}

// maxSample bounds the hosts whose tables Filled looks at.
const maxSample = 200

// Filled returns which share of the places that the median host's table could have
// taken is taken by hosts that are up and in reach.
func (w *World) Filled() float64 {
	m := NewMeter(w)
	var fills []float64
	for _, h := range m.Sample(maxSample) {
		fills = append(fills, m.Table(h).Filled)
	}
	if len(fills) < 2 {
		return 0
	}
	slices.Sort(fills)
	return fills[len(fills)/2]
}

// Traffic sums that of all hosts.
func (w *World) Traffic() (sum Traffic) {
	for _, h := range w.hosts {
		t := &h.traffic
		sum.SentPackets += t.SentPackets
		sum.SentBytes += t.SentBytes
		sum.ReceivedPackets += t.ReceivedPackets
		sum.ReceivedBytes += t.ReceivedBytes
		sum.LineDrops += t.LineDrops
	}
	return sum
}

// FullShare is the share of its possible entries with which a table counts as full: the
// last ones come with time, by refresh and revalidation.
const FullShare = 0.9

// Milestones notes when hosts have come how far. All times are since the host's start;
// one that goes down before begins anew.
type Milestones struct {
	FirstNeighbour []time.Duration // until the table has an entry
	FullTable      []time.Duration // until it is full by FullShare
	Peers          []time.Duration // until the host is connected to WantPeers others

	meter     *Meter
	step      int
	wantPeers int
	seen      []progress
}

// progress is how far a host has come.
type progress struct {
	reached [3]bool
	entries int // of the table, when it was looked at last
}

// Milestones returns an empty one for every step-th host, at least 1, that is there or
// comes later. wantPeers is how many connections count as enough, 0 for none.
func (m *Meter) Milestones(step, wantPeers int) *Milestones {
	return &Milestones{meter: m, step: max(step, 1), wantPeers: wantPeers}
}

// Note looks at hosts now: times are as exact as it is called often. The Meter must have
// been updated. It returns how many of the hosts that are up have not come all the way.
func (s *Milestones) Note() (open int) {
	w := s.meter.world
	for i := 0; i < len(w.hosts); i += s.step {
		if k := i / s.step; k >= len(s.seen) {
			s.seen = append(s.seen, progress{})
		}
		if h := w.hosts[i]; h.up && h.m.Table != nil && !s.note(h, &s.seen[i/s.step]) {
			open++
		}
	}
	return open
}

// note reports whether a host has come all the way.
func (s *Milestones) note(h *Host, p *progress) bool {
	took := time.Duration(h.world.now - h.begun)
	live := h.m.Table.Live()
	if !p.reached[0] && live > 0 {
		p.reached[0] = true
		s.FirstNeighbour = append(s.FirstNeighbour, took)
	}
	if !p.reached[1] && live > p.entries && s.meter.Table(h).Filled >= FullShare {
		p.reached[1] = true
		s.FullTable = append(s.FullTable, took)
	}
	p.entries = live
	wants := s.wantPeers > 0 && h.server != nil
	if wants && !p.reached[2] && len(h.Peers()) >= s.wantPeers {
		p.reached[2] = true
		s.Peers = append(s.Peers, took)
	}
	return p.reached[0] && p.reached[1] && (p.reached[2] || !wants)
}

// Missing returns how many of the hosts that are up have not come to each of the three.
func (s *Milestones) Missing() (first, full, peers int) {
	for k, p := range s.seen {
		h := s.meter.world.hosts[k*s.step]
		if !h.up || h.m.Table == nil {
			continue
		}
		for i, n := range []*int{&first, &full, &peers} {
			if !p.reached[i] && (i < 2 || s.wantPeers > 0 && h.server != nil) {
				*n++
			}
		}
	}
	return first, full, peers
}
