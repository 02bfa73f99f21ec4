package report

import (
	"math"
	"slices"
	"strconv"
)

// Distribution shows how samples are distributed: for each value the share of samples
// up to it, or with Histogram the share that each whole number has. The legend gives
// the number n of samples, their median and their 90th and 99th percentiles (p90, p99):
// the least value that this share of the samples does not exceed.
type Distribution struct {
	Title, Caption string
	X              Axis // of the values
	Sets           []Samples
	// Histogram is for small whole numbers, such as hops: others are rounded, and the
	// axis is neither logarithmic nor longer than the data. A wide range is shown in steps of more than one.
	Histogram bool
}

// Samples are measurements of one kind, in any order. A positive infinity is one that
// had no end: it counts, but has no place, so that the curve stays below 100 %. What
// is no number is left out.
type Samples struct {
	Name   string
	Values []float64
}

// maxBins bounds the bars of a histogram, for each set.
const maxBins = 40

// sorted are samples made ready.
type sorted struct {
	*Samples
	class   string
	values  []float64 // ascending, infinite ones last
	below   int       // of them at the start, those that a log axis can't show
	finite  int       // that end
	dropped int
}

func sortSamples(s *Samples, a *Axis, class string) sorted {
	r := sorted{Samples: s, class: class}
	for _, v := range s.Values {
		v, ok := keepInf(v)
		if !ok || math.IsInf(v, -1) {
			r.dropped++
			continue
		}
		r.values = append(r.values, v)
	}
	slices.Sort(r.values)
	for _, v := range r.values {
		if !math.IsInf(v, 1) {
			r.finite++
			if _, ok := a.usable(v); !ok {
				r.below++
			}
		}
	}
	return r
}

// visible are the values that have a place.
func (r *sorted) visible() []float64 { return r.values[r.below:r.finite] }

// percentile is that of p, above 0 and up to 1.
func (r *sorted) percentile(p float64) float64 {
	if len(r.values) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(p*float64(len(r.values)) - 1e-9))
	return r.values[max(rank, 1)-1]
}

// percentiles are those that a legend gives.
var percentiles = []struct {
	p    float64
	name string
}{{0.5, "median"}, {0.9, "p90"}, {0.99, "p99"}}

func (r *sorted) key(u Unit, shape byte) key {
	name := oneLine(r.Name, 40)
	if name != "" {
		name += ": "
	}
	if len(r.values) == 0 {
		return key{name + "no data", r.class, shape}
	}
	for i, p := range percentiles {
		if i > 0 {
			name += ", "
		}
		name += p.name + " " + u.Format(r.percentile(p.p))
	}
	return key{name + ", n = " + commas(float64(len(r.values))), r.class, shape}
}

func (d Distribution) draw() drawing {
	if d.Histogram {
		d.X.Log = false
	}
	out := drawing{title: d.Title, caption: d.Caption}
	var sets []sorted
	var ex extent
	var keys []key
	dropped, below, endless := 0, 0, 0
	shape := byte('l')
	if d.Histogram {
		shape = 'b'
	}
	for i := range d.Sets[:min(len(d.Sets), maxSeries)] {
		r := sortSamples(&d.Sets[i], &d.X, seriesClass(i))
		dropped, below, endless = dropped+r.dropped, below+r.below, endless+len(r.values)-r.finite
		for _, v := range r.visible() {
			ex.add(v)
		}
		keys = append(keys, r.key(d.X.Unit, shape))
		sets = append(sets, r)
	}
	out.note = sentences(leftOut(maxSeries, len(d.Sets), "sets"), notDrawn(dropped, false), d.noPlace(below, endless))
	switch {
	case !ex.any:
		out.svg = noData()
	case d.Histogram:
		out.svg = d.histogram(sets, ex, keys)
	default:
		out.svg = d.cumulative(sets, ex, keys)
	}
	return out
}

// noPlace says which samples count without being seen.
func (d *Distribution) noPlace(below, endless int) (s string) {
	count := func(n int) string {
		if n == 1 {
			return "1 sample counts, but is "
		}
		return commas(float64(n)) + " samples count, but are "
	}
	if below > 0 {
		s = count(below) + "not above zero and so left of the logarithmic axis. "
	}
	if endless > 0 {
		s += count(endless) + "infinite (" + d.X.Unit.Format(math.Inf(1)) + ") and so right of the axis."
	}
	return s
}

func (d *Distribution) cumulative(sets []sorted, ex extent, keys []key) *canvas {
	y := Axis{Label: "share of samples", Unit: Share, To: 1}
	p := newPlot(d.X, y, ex, extent{0, 1, true}, true, keys, nil)
	for i := range sets {
		r := &sets[i]
		if len(r.values) > 0 {
			p.c.path("curve "+r.class, p.steps(p.stairs(r)), oneLine(r.Name, 80))
		}
	}
	for i := range sets {
		r := &sets[i]
		for _, q := range percentiles {
			v := r.percentile(q.p)
			if w, ok := d.X.usable(v); !ok || !p.x.inside(w) {
				continue
			}
			x, y := p.x.at(v), p.y.at(q.p)
			if len(sets) <= 2 { // more of these lines cross each other
				p.c.line("drop "+r.class, x, y, x, p.bottom)
			}
			tip := q.name + ": " + d.X.Unit.Format(v)
			p.c.circle("spot "+r.class, x, y, 3.5, sentences(oneLine(r.Name, 80), tip))
		}
	}
	return p.c
}

// stairs are the corners of the cumulative curve, from edge to edge of the plot. Steps
// too small to be seen are taken together, so that there are no more than about 500.
func (p *plot) stairs(r *sorted) []point {
	const least = 2 // units, across and up together
	n := len(r.values)
	list := []point{{x: p.x.lo, y: ratio(r.below, n)}}
	for i, v := range r.values[:r.finite] {
		if i < r.below || i+1 < r.finite && r.values[i+1] == v {
			continue
		}
		pt := point{x: v, y: ratio(i+1, n)}
		last := list[len(list)-1]
		moved := p.x.at(pt.x) - p.x.at(last.x) + p.y.at(last.y) - p.y.at(pt.y)
		if moved >= least || i+1 == r.finite || len(list) == 1 {
			list = append(list, pt)
		}
	}
	return append(list, point{x: p.x.hi, y: list[len(list)-1].y})
}

// bins are those of a histogram: bin i covers wide whole numbers from start + i wide on.
type bins struct {
	start, wide float64
	n           int
}

func newBins(ex extent) bins {
	lo, hi := math.Round(ex.lo), math.Round(ex.hi)
	b := bins{start: lo, wide: 1}
	if hi-lo >= maxBins {
		b.wide = niceStep((hi-lo+1)/(maxBins-1), Number)
		b.start = b.wide * math.Floor(lo/b.wide)
	}
	b.n = min(max(int((hi-b.start)/b.wide)+1, 1), maxBins)
	return b
}

func (b *bins) count(values []float64) []int {
	counts := make([]int, b.n)
	for _, v := range values {
		i := int((math.Round(v) - b.start) / b.wide)
		counts[min(max(i, 0), b.n-1)]++
	}
	return counts
}

// name is that of a bin, in tooltips.
func (b *bins) name(i int, u Unit) string {
	from := b.start + float64(i)*b.wide
	if b.wide == 1 {
		return u.Format(from)
	}
	return u.Format(from) + " to " + u.Format(from+b.wide-1)
}

func (d *Distribution) histogram(sets []sorted, ex extent, keys []key) *canvas {
	b := newBins(ex)
	var ey extent
	counts := make([][]int, len(sets))
	for i, r := range sets {
		counts[i] = b.count(r.visible())
		for _, n := range counts[i] {
			if len(r.values) > 0 {
				ey.add(ratio(n, len(r.values)))
			}
		}
	}
	x := d.X
	x.From, x.To, x.whole = 0, 0, true
	around := extent{b.start - 0.5, b.start + float64(b.n)*b.wide - 0.5, true}
	p := newPlot(x, Axis{Label: "share of samples", Unit: Share}, around, ey, false, keys, nil)
	pitch := (p.right - p.left) / float64(b.n)
	bar := pitch * 0.8 / float64(len(sets))
	for i, r := range sets {
		for j, n := range counts[i] {
			if n == 0 {
				continue
			}
			share := ratio(n, len(r.values))
			tip := b.name(j, d.X.Unit) + ": " + Share.Format(share) + " (" + strconv.Itoa(n) + ")"
			left := p.left + (float64(j)+0.1)*pitch + float64(i)*bar
			top := p.y.at(share)
			p.c.rect("bar "+r.class, left, top, max(bar-1, bar*0.8), p.bottom-top, sentences(oneLine(r.Name, 80), tip))
		}
	}
	return p.c
}
