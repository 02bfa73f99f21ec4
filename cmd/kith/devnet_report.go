package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kithnet/kith/secp"
)

// watch gathers what a devnet does, for one goroutine.
type watch struct {
	config *devnetConfig
	net    *devnet
	check  *checker
	before uint64 // memory in use before the nodes started

	running     int // nodes, without the bootnode
	lastJoined  time.Duration
	fills       []float64     // share of the possible entries, for each node
	filledAfter time.Duration // until the median node's table held nine tenths
	total       traffic
	shown       traffic // at the last progress
	shownAt     time.Time
}

// traffic sums the nodes' counters.
type traffic struct {
	packetsIn, packetsOut, bytesIn, bytesOut, sendErrors uint64
	drops                                                dropCounts
	echoes                                               uint64
}

// peerFigures are about the connections of a devnet.
type peerFigures struct {
	Median    int    `json:"median"`    // peers of a node
	Least     int    `json:"least"`     // of all nodes
	Connected int    `json:"connected"` // nodes in one piece with the first
	Made      uint64 `json:"made"`      // connections since the start
	Echoes    uint64 `json:"echoes"`    // messages answered since the start
}

func (w *watch) peers() *peerFigures {
	if w.net.peers == 0 {
		return nil
	}
	counts, connected := w.net.peerCounts()
	slices.Sort(counts)
	f := &peerFigures{Median: middle(counts, 0.5), Connected: connected, Echoes: w.net.traffic.echoes.Load(),
		Made: w.net.traffic.added.Load() / 2} // both sides count it
	if len(counts) > 0 {
		f.Least = counts[0]
	}
	return f
}

// filledShare is the share of the possible table entries at which a table
// counts as filled. The last few come with time, by revalidation and refresh.
const filledShare = 0.9

func newWatch(c *devnetConfig, net *devnet, before uint64) *watch {
	return &watch{config: c, net: net, check: newChecker(net, c.seed, c.pairs), before: before,
		fills: make([]float64, len(net.nodes)), shownAt: net.started}
}

// sample reads all nodes' counters.
func (w *watch) sample() {
	w.total = traffic{echoes: w.net.traffic.echoes.Load()}
	i := 0
	for n := range w.net.all {
		s := n.Stats()
		w.total.packetsIn += s.PacketsIn
		w.total.packetsOut += s.PacketsOut
		w.total.bytesIn += s.BytesIn
		w.total.bytesOut += s.BytesOut
		w.total.sendErrors += s.SendErrors
		w.total.drops.add(dropsOf(&s))
		if n != w.net.boot {
			w.fills[i] = float64(s.Table.Entries) / float64(w.net.possible[i])
			i++
		}
	}
	if i > w.running {
		w.running, w.lastJoined = i, time.Since(w.net.started)
	}
	if w.filledAfter == 0 && middle(slices.Sorted(slices.Values(w.fills)), 0.5) >= filledShare {
		w.filledAfter = time.Since(w.net.started)
	}
}

// middle returns the value below which the share p of sorted values lies.
func middle[T cmp.Ordered](sorted []T, p float64) (v T) {
	if len(sorted) == 0 {
		return v
	}
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// lookFigures are figures of the latest lookups.
type lookFigures struct {
	Count      int     `json:"count"`
	MedianMS   float64 `json:"medianMs"`
	P95MS      float64 `json:"p95Ms"`
	MaxMS      float64 `json:"maxMs"`
	MedianHops int     `json:"medianHops"`
	MaxHops    int     `json:"maxHops"`
}

// figures needs the lock.
func (c *checker) figures() lookFigures {
	var times []float64
	var hops []int
	for _, l := range c.latest {
		if l.hops > 0 {
			hops = append(hops, l.hops)
		} else if l.took > 0 {
			times = append(times, ms(l.took))
		}
	}
	slices.Sort(times)
	slices.Sort(hops)
	return lookFigures{c.lookups, middle(times, 0.5), middle(times, 0.95), middle(times, 1), middle(hops, 0.5), middle(hops, 1)}
}

func (f lookFigures) String() string {
	at := func(ms float64) string { return took(time.Duration(ms * 1e6)) }
	s := fmt.Sprintf("%s median, %s p95, %s max", at(f.MedianMS), at(f.P95MS), at(f.MaxMS))
	if f.MaxHops > 0 {
		s += fmt.Sprintf("; hops %d median, %d max", f.MedianHops, f.MaxHops)
	}
	return s
}

// progress is what a devnet shows while it runs.
type progress struct {
	Type        string            `json:"type"`
	Seconds     float64           `json:"seconds"`
	Nodes       int               `json:"nodes"`
	Running     int               `json:"running"`    // nodes that have started
	FillMedian  float64           `json:"fillMedian"` // share of the possible table entries
	FillLeast   float64           `json:"fillLeast"`
	Filled      float64           `json:"filledSeconds,omitempty"` // when the median reached nine tenths
	Pairs       int               `json:"pairs"`
	Looked      int               `json:"looked"`
	Found       int               `json:"found"`
	InRate      float64           `json:"packetsInPerSecond"`
	OutRate     float64           `json:"packetsOutPerSecond"`
	ByteRate    float64           `json:"bytesInPerSecond"`
	Lookups     lookFigures       `json:"lookups"`
	Drops       map[string]uint64 `json:"drops"`
	SendErrors  uint64            `json:"sendErrors"`
	MemoryBytes uint64            `json:"memoryPerNode"`
	Peers       *peerFigures      `json:"peers,omitempty"`
	EchoRate    float64           `json:"echoesPerSecond,omitempty"`

	runFor  time.Duration
	dropped dropCounts
	fills   []float64 // sorted
	recent  []look
	net     *devnet
}

// progress returns the state, with rates since the last one.
func (w *watch) progress() progress {
	now := time.Now()
	seconds := max(now.Sub(w.shownAt).Seconds(), 1e-3)
	rate := func(now, before uint64) float64 { return float64(now-before) / seconds }
	p := progress{
		Type: "progress", Seconds: sinceStart(w.net, now), Nodes: len(w.net.nodes), Running: w.running, Filled: w.filledAfter.Seconds(),
		InRate:   rate(w.total.packetsIn, w.shown.packetsIn),
		OutRate:  rate(w.total.packetsOut, w.shown.packetsOut),
		ByteRate: rate(w.total.bytesIn, w.shown.bytesIn),
		Drops:    w.total.drops.byName(), SendErrors: w.total.sendErrors, MemoryBytes: w.memoryPerNode(),
		runFor: w.config.runFor, dropped: w.total.drops, net: w.net,
		Peers: w.peers(), EchoRate: rate(w.total.echoes, w.shown.echoes),
	}
	w.shown, w.shownAt = w.total, now
	p.fills = slices.Sorted(slices.Values(w.fills))
	p.FillMedian, p.FillLeast = middle(p.fills, 0.5), p.fills[0]
	c := w.check
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Pairs, p.Looked, p.Found, p.Lookups, p.recent = len(c.pairs), c.looked, c.found, c.figures(), c.recent()
	return p
}

func sinceStart(d *devnet, now time.Time) float64 {
	return float64(now.Sub(d.started).Milliseconds()) / 1000
}

// memoryPerNode is what the process grew by, for each node.
func (w *watch) memoryPerNode() uint64 {
	now := residentMemory()
	return (max(now, w.before) - w.before) / uint64(len(w.net.nodes)+1)
}

// String is the progress as a line.
func (p progress) String() string {
	s := fmt.Sprintf("%5.1fs  tables %3.0f %% (least %.0f %%)  packets/s %s, %s/s",
		p.Seconds, 100*p.FillMedian, 100*p.FillLeast, count(uint64(p.InRate)), size(p.ByteRate))
	if p.Running < p.Nodes {
		s += fmt.Sprintf("  nodes %d of %d", p.Running, p.Nodes)
	}
	if p.Peers != nil {
		s += fmt.Sprintf("  peers %d (%d connected), echoes/s %s", p.Peers.Median, p.Peers.Connected, count(uint64(p.EchoRate)))
	}
	if p.Looked > 0 {
		s += fmt.Sprintf("  found %s of %s  lookups %s", count(p.Found), count(p.Pairs), p.Lookups)
	}
	if p.dropped.total() > 0 {
		s += "  drops " + p.dropped.String()
	}
	return s
}

// summary is what a devnet ends with.
type summary struct {
	Type           string            `json:"type"`
	Complete       bool              `json:"complete"` // every pair was found
	Interrupted    bool              `json:"interrupted"`
	Seed           uint64            `json:"seed"`
	Backend        string            `json:"secp256k1"`
	Nodes          int               `json:"nodes"`   // beside the bootnode
	SpeakV4        int               `json:"speakV4"` // of these, v4 alone
	SpeakV5        int               `json:"speakV5"` // v5 alone
	SpeakBoth      int               `json:"speakBoth"`
	Joined         float64           `json:"joinedSeconds"` // until the last of them started
	Seconds        float64           `json:"seconds"`
	Filled         *float64          `json:"filledSeconds"` // until the median node's table held nine tenths; null: never
	FoundAfter     *float64          `json:"foundSeconds"`  // until every pair was found; null: never
	FillMedian     float64           `json:"fillMedian"`
	FillLeast      float64           `json:"fillLeast"`
	Sampled        bool              `json:"sampled"` // the pairs are not all there are
	Pairs          int               `json:"pairs"`
	Looked         int               `json:"looked"`
	Found          int               `json:"found"`
	FoundAtFirst   int               `json:"foundAtFirst"`
	NotFound       []string          `json:"notFound,omitempty"` // the first few
	Lookups        lookFigures       `json:"lookups"`
	PacketsPerNode float64           `json:"packetsPerNode"` // received
	BytesPerNode   float64           `json:"bytesPerNode"`
	MemoryPerNode  uint64            `json:"memoryPerNode"`
	Drops          map[string]uint64 `json:"drops"`
	SendErrors     uint64            `json:"sendErrors"`
	Peers          *peerFigures      `json:"peers,omitempty"`

	dropped dropCounts
}

// maxNotFound is how many of the pairs not found a summary names.
const maxNotFound = 5

func (w *watch) summary(interrupted bool) *summary {
	n := len(w.net.nodes)
	sockets := float64(n + 1)
	fills := slices.Sorted(slices.Values(w.fills))
	c := w.check
	c.mu.Lock()
	defer c.mu.Unlock()
	speaks := countSpeakers(w.net.speaks[:n])
	s := &summary{
		SpeakV4: speaks[0], SpeakV5: speaks[1], SpeakBoth: speaks[2],
		Type: "summary", Interrupted: interrupted, Seed: w.config.seed, Backend: secp.Backend, Nodes: n, Joined: w.lastJoined.Seconds(),
		Seconds: sinceStart(w.net, time.Now()), FillMedian: middle(fills, 0.5), FillLeast: fills[0],
		Sampled: pairsEach(n, w.config.pairs) < n-1, Pairs: len(c.pairs), Looked: c.looked, Found: c.found, FoundAtFirst: c.first,
		Complete: c.found == len(c.pairs), Lookups: c.figures(),
		PacketsPerNode: float64(w.total.packetsIn) / sockets, BytesPerNode: float64(w.total.bytesIn) / sockets,
		MemoryPerNode: w.memoryPerNode(), Drops: w.total.drops.byName(), SendErrors: w.total.sendErrors,
		dropped: w.total.drops, Peers: w.peers(),
	}
	if w.filledAfter > 0 {
		t := w.filledAfter.Seconds()
		s.Filled = &t
	}
	if !c.doneAt.IsZero() {
		t := sinceStart(w.net, c.doneAt)
		s.FoundAfter = &t
	}
	for _, p := range c.notFound[:min(len(c.notFound), maxNotFound)] {
		s.NotFound = append(s.NotFound, w.net.pairName(p))
	}
	return s
}

func (d *devnet) pairName(p pair) string {
	return d.ids[p.from].Short() + " -> " + d.ids[p.to].Short()
}

func (s *summary) write(w io.Writer) {
	after := func(t *float64) string {
		if t == nil {
			return "not reached"
		}
		return "after " + took(time.Duration(*t*1e9))
	}
	of := "all pairs"
	if s.Sampled {
		of = fmt.Sprintf("a random sample of the %s pairs", count(s.Nodes*(s.Nodes-1)))
	}
	if s.SpeakBoth < s.Nodes {
		of += " that can talk to each other"
	}
	fmt.Fprintf(w, "nodes           %d and a bootnode, all started after %s, for %.1f s, seed %d, secp256k1 by %s\n",
		s.Nodes, took(time.Duration(s.Joined*1e9)), s.Seconds, s.Seed, s.Backend)
	if s.SpeakBoth < s.Nodes {
		fmt.Fprintf(w, "discovery       %d nodes speak v4 alone, %d v5 alone, %d both\n", s.SpeakV4, s.SpeakV5, s.SpeakBoth)
	}
	fmt.Fprintf(w, "tables          90 %% of the possible in the median node %s; at the end %.0f %%, least %.0f %%\n",
		after(s.Filled), 100*s.FillMedian, 100*s.FillLeast)
	fmt.Fprintf(w, "found           %s of %s pairs, %s by the first lookup (%s)\n", count(s.Found), count(s.Pairs), count(s.FoundAtFirst), of)
	fmt.Fprintf(w, "all found       %s\n", after(s.FoundAfter))
	for _, p := range s.NotFound {
		fmt.Fprintf(w, "not found       %s\n", p)
	}
	fmt.Fprintf(w, "lookups         %s: %s\n", count(s.Lookups.Count), s.Lookups)
	fmt.Fprintf(w, "for each node   %s packets and %s received, %s of memory\n",
		count(uint64(s.PacketsPerNode)), size(s.BytesPerNode), size(float64(s.MemoryPerNode)))
	if p := s.Peers; p != nil {
		fmt.Fprintf(w, "peers           %d in the median node, least %d; %d of %d nodes connected to one network\n", p.Median, p.Least, p.Connected, s.Nodes)
		fmt.Fprintf(w, "connections     %s made, %s messages answered over them\n", count(p.Made), count(p.Echoes))
	}
	fmt.Fprintf(w, "drops           %s\n", s.dropped)
	if s.SendErrors > 0 {
		fmt.Fprintf(w, "not sent        %s packets\n", count(s.SendErrors))
	}
}
