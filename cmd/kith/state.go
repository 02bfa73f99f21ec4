package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/p2p"
)

// nodeState is what a node says of itself every few seconds.
type nodeState struct {
	Type         string            `json:"type"`
	Seconds      float64           `json:"seconds"` // since the start
	Seq          uint64            `json:"seq"`
	Live         int               `json:"live"`
	Replacements int               `json:"replacements"`
	Table        []bucketState     `json:"table"` // buckets in use, farthest first
	InRate       float64           `json:"packetsInPerSecond"`
	OutRate      float64           `json:"packetsOutPerSecond"`
	PacketsIn    uint64            `json:"packetsIn"`
	PacketsOut   uint64            `json:"packetsOut"`
	BytesIn      uint64            `json:"bytesIn"`
	BytesOut     uint64            `json:"bytesOut"`
	SendErrors   uint64            `json:"sendErrors"`
	Proven       int               `json:"proven"`
	Peers        int               `json:"peers"`
	Inbound      int               `json:"inbound"` // of the peers
	Found        uint64            `json:"found"`   // nodes heard of, to dial
	Dialed       uint64            `json:"dialed"`
	NoPeers      map[string]uint64 `json:"noPeers"` // nodes that did not become peers, by reason
	Told         map[string]uint64 `json:"told"`    // of those that refused, what they said
	Drops        map[string]uint64 `json:"drops"`   // packets, by reason, those that happened

	dropped dropCounts
	health  p2p.Health
}

type bucketState struct {
	Distance     int `json:"distance"`
	Live         int `json:"live"`
	Replacements int `json:"replacements"`
}

// dropCounts are packets dropped, by reason: those of v4, then those of v5.
type dropCounts [discv4.NumDrops + discv5.NumDrops]uint64

func dropsOf(s *discover.Stats) (d dropCounts) {
	copy(d[:], s.Drops[:])
	copy(d[discv4.NumDrops:], s.V5.Drops[:])
	return d
}

// dropName is what the i-th reason is called.
func dropName(i int) string {
	if i < discv4.NumDrops {
		return discv4.Drop(i).String()
	}
	return "v5-" + discv5.Drop(i-discv4.NumDrops).String()
}

func (d *dropCounts) add(o dropCounts) {
	for i := range o {
		d[i] += o[i]
	}
}

func (d dropCounts) total() (sum uint64) {
	for _, n := range d {
		sum += n
	}
	return sum
}

func (d dropCounts) byName() map[string]uint64 {
	m := make(map[string]uint64)
	for reason, n := range d {
		if n > 0 {
			m[dropName(reason)] = n
		}
	}
	return m
}

// String lists the reasons that happened, in the order of the checks.
func (d dropCounts) String() string {
	var b strings.Builder
	for reason, n := range d {
		if n > 0 {
			fmt.Fprintf(&b, " %s=%d", dropName(reason), n)
		}
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()[1:]
}

// meter makes rates of a node's counters.
type meter struct {
	start, last time.Time
	in, out     uint64
}

func newMeter(srv *p2p.Server) *meter {
	now, s := time.Now(), discoveryStats(srv)
	return &meter{start: now, last: now, in: s.PacketsIn, out: s.PacketsOut}
}

// discoveryStats are zero for a node without discovery.
func discoveryStats(srv *p2p.Server) (s discover.Stats) {
	if node := srv.Discovery(); node != nil {
		s = node.Stats()
	}
	return s
}

// read returns the node's state, with rates since the last read.
func (m *meter) read(srv *p2p.Server) nodeState {
	now, s, health := time.Now(), discoveryStats(srv), srv.Health()
	seconds := max(now.Sub(m.last).Seconds(), 1e-3)
	st := nodeState{
		Type: "state", Seconds: float64(now.Sub(m.start).Milliseconds()) / 1000, Seq: srv.Self().Seq(),
		Live: s.Table.Entries, Replacements: s.Table.Replacements, Table: []bucketState{},
		InRate: float64(s.PacketsIn-m.in) / seconds, OutRate: float64(s.PacketsOut-m.out) / seconds,
		PacketsIn: s.PacketsIn, PacketsOut: s.PacketsOut, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
		SendErrors: s.SendErrors, Proven: s.Proven, Peers: health.Peers, Inbound: health.Inbound,
		Found: health.Found, Dialed: health.Dialed, NoPeers: byName(health.Reasons), Told: byName(health.Told),
		dropped: dropsOf(&s), Drops: dropsOf(&s).byName(), health: health,
	}
	m.last, m.in, m.out = now, s.PacketsIn, s.PacketsOut
	node := srv.Discovery()
	if node == nil {
		return st
	}
	buckets := node.Buckets()
	for i := len(buckets) - 1; i >= 0; i-- {
		if b := buckets[i]; len(b.Entries)+len(b.Replacements) > 0 {
			st.Table = append(st.Table, bucketState{b.Distance, len(b.Entries), len(b.Replacements)})
		}
	}
	return st
}

// String is the state as one line.
func (s nodeState) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "state %.0fs: live %d, waiting %d, table", s.Seconds, s.Live, s.Replacements)
	for _, k := range s.Table {
		fmt.Fprintf(&b, " %d:%d", k.Distance, k.Live)
		if k.Replacements > 0 {
			fmt.Fprintf(&b, "+%d", k.Replacements)
		}
	}
	if len(s.Table) == 0 {
		b.WriteString(" empty")
	}
	fmt.Fprintf(&b, ", packets/s in %.1f out %.1f, proven %d, peers %d (%d inbound), drops %s", s.InRate, s.OutRate, s.Proven, s.Peers, s.Inbound, s.dropped)
	if s.SendErrors > 0 {
		fmt.Fprintf(&b, ", not sent %d", s.SendErrors)
	}
	if h := s.health; h.Peers < h.MaxPeers/2 && h.Found+h.Dialed+uint64(len(h.Reasons)) > 0 {
		fmt.Fprintf(&b, "; %v", h)
	}
	return b.String()
}

// byName is what happened how often, for JSON.
func byName[T fmt.Stringer](counts []p2p.Count[T]) map[string]uint64 {
	m := make(map[string]uint64)
	for _, c := range counts {
		m[c.What.String()] = c.N
	}
	return m
}
