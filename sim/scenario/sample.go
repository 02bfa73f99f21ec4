package scenario

import (
	"math"
	"slices"
	"time"

	"github.com/kithnet/kith/sim"
)

const (
	// maxTables bounds the tables that a sample looks at.
	maxTables = 200
	// maxGraph bounds the networks whose tables' graph is walked at each sample if
	// nothing is known to part them: that touches every entry of every table.
	maxGraph = 500
	// aloneAfter is how long a node may be without an entry.
	aloneAfter = time.Minute
)

// sample measures what is measured again and again.
func (r *runner) sample(now time.Duration) {
	res := r.res
	var fills, entries []float64
	dead, all := 0, 0
	for _, h := range r.meter.Sample(maxTables) {
		s := r.meter.Table(h)
		fills = append(fills, s.Filled)
		entries = append(entries, float64(s.Entries))
		dead, all = dead+s.Dead, all+s.Entries
	}
	up, old, alone := 0, 0, 0
	for _, h := range r.w.Hosts() {
		if h.Table() == nil {
			continue
		}
		up++
		if now-h.Since() >= aloneAfter {
			if old++; h.Table().Live() == 0 {
				alone++
			}
		}
	}
	res.add("up", now, float64(up))
	if len(fills) > 0 {
		res.addBand("filled", now, fills)
		res.add("filled_low", now, percentile(fills, 0.1))
		res.add("entries", now, mean(entries))
		res.add("dead", now, ratio(dead, all))
	}
	res.add("alone", now, ratio(alone, old))
	r.sampleTraffic(now, up)
	r.sampleGraph(now, up)
	r.sampleCrews(now)
	r.last = now
}

// ratio is a of b, and nothing of nothing.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func (r *runner) sampleTraffic(now time.Duration, up int) {
	t := r.w.Traffic()
	seconds := float64((now - r.last).Seconds() * float64(max(up, 1)))
	if seconds > 0 {
		r.res.add("packets", now, float64(t.SentPackets-r.sampled.SentPackets)/seconds)
		r.res.add("bytes", now, float64(t.SentBytes-r.sampled.SentBytes)/seconds)
	}
	r.sampled = t
}

func (r *runner) sampleGraph(now time.Duration, up int) {
	if r.s.Server == nil {
		most := maxGraph
		if slices.ContainsFunc(r.s.Events, func(e Event) bool { return e.Do == doPart }) {
			most = maxAtEnd
		}
		if up <= most {
			r.res.add("connected", now, r.w.TableGraph().Largest)
		}
		return
	}
	g := r.w.PeerGraph()
	r.res.add("connected", now, g.Largest)
	peers := floats(g.Degrees)
	r.res.addBand("peers", now, peers)
	r.res.add("peers_low", now, percentile(peers, 0.1))
}

func floats[T int | time.Duration](list []T) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
		if d, ok := any(v).(time.Duration); ok {
			out[i] = d.Seconds()
		}
	}
	return out
}

// batch is lookups that began together.
type batch struct {
	*sim.Batch
	at   time.Duration
	last bool // of those at the end, which are taken together
	of   bool // of the victim: only what was found counts
}

func (r *runner) begin(n int, last bool) *batch {
	return &batch{Batch: r.meter.Begin(r.rng, n, last), at: r.w.Now(), last: last}
}

// victimLookups is how many lookups a victim makes each time: it is one node.
const victimLookups = 5

func (r *runner) beginVictim() *batch {
	return &batch{Batch: r.meter.Begin(r.rng, victimLookups, false, r.victim), at: r.w.Now(), of: true}
}

// judge takes the lookups of batches that have ended, and returns them.
func (r *runner) judge() (ended []sim.Lookup) {
	r.batches = slices.DeleteFunc(r.batches, func(b *batch) bool {
		if b.Judge() > 0 && r.w.Now()-b.at < lookupPatience {
			return false
		}
		if share, ok := r.lookupShare(b.List); ok && (b.of || r.victim == nil && !b.last) {
			r.res.add("lookup_share", b.at, share)
		}
		if b.of {
			return true
		}
		r.all.take(b.List)
		ended = append(ended, b.List...)
		if !b.last {
			r.looked(b)
		}
		return true
	})
	return ended
}

// lookupPatience bounds the wait for lookups: after it they count as they are.
const lookupPatience = time.Minute

// figures are what lookups came to.
type figures struct {
	right, possible, queries, failed int
	hops, times                      []float64
}

func (f *figures) take(list []sim.Lookup) {
	for i := range list {
		l := &list[i]
		if l.Void || !l.Ended {
			continue
		}
		f.right += l.Right
		f.possible += l.Possible
		f.queries += l.Queries
		f.failed += l.Failed
		if l.Found > 0 {
			f.hops = append(f.hops, float64(l.Hops))
		}
		f.times = append(f.times, l.Took.Seconds())
	}
}

// accuracy is not a number if there was nothing to find.
func (f *figures) accuracy() float64 {
	if f.possible == 0 {
		return math.NaN()
	}
	return float64(f.right) / float64(f.possible)
}

// looked notes what a batch of lookups came to, under the time at which it began.
func (r *runner) looked(b *batch) {
	var f figures
	f.take(b.List)
	if len(f.times) == 0 {
		return
	}
	slices.Sort(f.hops)
	slices.Sort(f.times)
	res, at := r.res, b.at
	if f.possible > 0 {
		res.add("accuracy", at, f.accuracy())
	}
	if len(f.hops) > 0 {
		s := res.add("hops_mean", at, mean(f.hops))
		s.Low, s.High = append(s.Low, percentile(f.hops, 0.1)), append(s.High, percentile(f.hops, 0.9))
	}
	s := res.add("lookup_time", at, percentile(f.times, 0.5))
	s.Low, s.High = append(s.Low, percentile(f.times, 0.1)), append(s.High, percentile(f.times, 0.9))
	res.add("queries", at, float64(f.queries)/float64(len(f.times)))
	res.add("timeouts", at, ratio(f.failed, f.queries))
}
