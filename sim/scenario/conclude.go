package scenario

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/sim"
)

// conclude measures what is known at the end: the last lookups, for which the world runs
// on, how long nodes took to find their way, and how all are connected.
func (r *runner) conclude() {
	res := r.res
	r.tables() // as they are before the lookups teach them more
	r.graph()
	if n := r.s.Lookups.Last; n > 0 && !res.Interrupted {
		r.lastLookups(n)
	}
	if r.all.possible > 0 {
		res.Values["accuracy_all"] = Number(r.all.accuracy())
	}
	for _, name := range []string{"packets", "bytes"} {
		if s := res.series(name); s != nil {
			res.Values[name] = Number(mean(s.Value))
		}
	}
	first, full, peers := r.stones.Missing()
	r.spread("first_neighbour", floats(r.stones.FirstNeighbour), first)
	r.spread("full_table", floats(r.stones.FullTable), full)
	if r.s.Server != nil {
		r.spread("enough_peers", floats(r.stones.Peers), peers)
	}
}

// lastLookups runs lookups after the end and takes the distributions from them. They begin
// a few each second, so that what is measured is not how the network bears them.
func (r *runner) lastLookups(n int) {
	each := max(1, len(r.w.Hosts())/lookupShare)
	b := &batch{Batch: &sim.Batch{}, at: r.w.Now(), last: true}
	for n > 0 || len(r.batches) > 0 {
		if n > 0 {
			r.batches = append(r.batches, r.begin(min(n, each), true))
			n -= min(n, each)
		}
		for range int(time.Second / tick) {
			if err := r.w.Run(tick); err != nil {
				r.broke(err)
				return
			}
			r.meter.Update()
			b.List = append(b.List, r.judge()...)
		}
	}
	r.looked(b)
	r.lookedBy(b.List)
	var f figures
	f.take(b.List)
	slices.Sort(f.hops)
	slices.Sort(f.times)
	if len(f.hops) > 0 {
		r.res.Values["hops_median"] = Number(percentile(f.hops, 0.5))
		r.res.Values["hops_p90"] = Number(percentile(f.hops, 0.9))
	}
	if len(f.times) > 0 {
		r.res.Values["lookup_time_p90"] = Number(percentile(f.times, 0.9))
	}
	var queries []float64
	for _, l := range b.List {
		if !l.Void && l.Ended {
			queries = append(queries, float64(l.Queries))
		}
	}
	r.res.Distributions = append(r.res.Distributions, Distribution{"hops_mean", f.hops},
		Distribution{"lookup_time", f.times}, Distribution{"queries", queries})
	r.res.Lookup = typical(b.List)
	r.res.ids = ids(r.w.Hosts(), shownIDs)
}

// lookedBy notes, where nodes speak several protocols, how right the lookups of those were
// that speak each.
func (r *runner) lookedBy(list []sim.Lookup) {
	if r.s.Protocols.alone() != 0 {
		return
	}
	for i, speaks := range mixOrder {
		var f figures
		for _, l := range list {
			if l.From != nil && l.From.Speaks() == speaks {
				f.take([]sim.Lookup{l})
			}
		}
		if f.possible > 0 {
			r.res.Values[accuracies[i]] = Number(f.accuracy())
		}
	}
}

// typical returns the lookup with the median number of steps, to be shown.
func typical(list []sim.Lookup) (l sim.Lookup) {
	list = slices.DeleteFunc(slices.Clone(list), func(l sim.Lookup) bool { return l.Void || !l.Ended || len(l.Steps) == 0 })
	if len(list) == 0 {
		return l
	}
	slices.SortStableFunc(list, func(a, b sim.Lookup) int { return len(a.Steps) - len(b.Steps) })
	return list[len(list)/2]
}

// spread notes how long nodes took for something; missing ones never came so far.
func (r *runner) spread(name string, values []float64, missing int) {
	if len(values)+missing == 0 {
		return
	}
	values = slices.Concat(values, slices.Repeat([]float64{math.Inf(1)}, missing))
	slices.Sort(values)
	r.res.Values[name] = Number(percentile(values, 0.5))
	r.res.Values[name+"_p90"] = Number(percentile(values, 0.9))
	r.res.Distributions = append(r.res.Distributions, Distribution{name, values})
}

// lookupShare is how many nodes there are for each lookup that begins in a second.
const lookupShare = 20

// maxAtEnd bounds the networks whose tables' graph is walked at the end.
const maxAtEnd = 20_000

func (r *runner) graph() {
	var g sim.Graph
	switch {
	case r.s.Server != nil:
		g = r.w.PeerGraph()
		r.res.Distributions = append(r.res.Distributions, Distribution{"peers", floats(g.Degrees)})
	case len(r.w.Hosts()) <= maxAtEnd:
		g = r.w.TableGraph()
	default:
		return
	}
	r.res.Values["connected"] = Number(g.Largest)
	r.res.Values["diameter"] = Number(g.Diameter)
	r.res.Values["components"] = Number(g.Components)
}

// shownTables is how many tables are kept to be shown.
const shownTables = 12

func (r *runner) tables() {
	for _, h := range r.meter.Sample(shownTables) {
		row := TableRow{Name: fmt.Sprintf("%d, %s", h.Index(), h.Node().ID().Short())}
		for _, b := range h.Table().Buckets() {
			dead := 0
			for _, n := range b.Entries {
				if r.meter.Dead(h, n.Node) {
					dead++
				}
			}
			row.Entries, row.Dead = append(row.Entries, len(b.Entries)), append(row.Dead, dead)
		}
		r.res.Tables = append(r.res.Tables, row)
	}
	var bytes []float64
	for _, h := range r.w.Hosts() {
		if h.Table() != nil {
			bytes = append(bytes, float64(h.Traffic().SentBytes)/max(r.w.Now().Seconds(), 1))
		}
	}
	r.res.Distributions = append(r.res.Distributions, Distribution{"bytes", bytes})
}

// shownIDs is how many nodes a picture of a lookup has behind it.
const shownIDs = 800

// ids are those of up to n nodes, as a backdrop.
func ids(hosts []*sim.Host, n int) (list []enode.ID) {
	for i := range min(n, len(hosts)) {
		list = append(list, hosts[i*len(hosts)/min(n, len(hosts))].Node().ID())
	}
	return list
}
