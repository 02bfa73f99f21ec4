package report

import (
	"cmp"
	"slices"
)

// Lines shows series of points over a common axis.
type Lines struct {
	Title, Caption string
	X, Y           Axis
	Series         []Series // up to 12
	Band           string   // what the series' bands are: "10th to 90th percentile"
	Marks          []Mark   // up to 40; names that find no room are tooltips
}

// Series is a line, or points. Slices of different lengths count as far as both go;
// values that are not finite, and beyond ±1e100, interrupt the line.
type Series struct {
	Name      string
	X, Y      []float64 // in the order in which they are joined
	Low, High []float64 // of a band around the line, at the same X; may be nil
	Points    bool      // dots rather than a line
	Fit       Fit       // a line through the points, its formula in the legend
}

// curve is a series made ready.
type curve struct {
	*Series
	class     string
	points    []point // all that can be drawn
	low, high []point // of the band; as many in each
	line      fitted
	fits      bool
	reach     extent // of the fitted line: it says nothing of what was not measured
}

func (l Lines) draw() drawing {
	d := drawing{title: l.Title, caption: l.Caption}
	series := l.Series[:min(len(l.Series), maxSeries)]
	marks := slices.Clone(l.Marks[:min(len(l.Marks), maxMarks)])
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.X, b.X) })
	var ex, ey extent
	var curves []curve
	dropped := 0
	for i := range series {
		c, n := l.curve(&series[i], i, &ex, &ey)
		dropped += n
		curves = append(curves, c)
	}
	d.note = sentences(notDrawn(dropped, l.X.Log || l.Y.Log), leftOut(maxSeries, len(l.Series), "series"), leftOut(maxMarks, len(l.Marks), "marks"))
	if !ex.any {
		d.svg = noData()
		return d
	}
	for _, m := range marks {
		if v, ok := l.X.usable(m.X); ok {
			ex.add(v)
		}
	}
	scattered := slices.ContainsFunc(series, func(s Series) bool { return s.Points })
	p := newPlot(l.X, l.Y, ex, ey, scattered, l.legend(curves), marks)
	for _, c := range curves {
		p.band(&c)
	}
	for _, c := range curves {
		p.curve(&c)
	}
	p.tips(curves)
	d.svg = p.c
	return d
}

// curve prepares a series and widens the extents by it.
func (l *Lines) curve(s *Series, i int, ex, ey *extent) (c curve, dropped int) {
	c = curve{Series: s, class: seriesClass(i)}
	c.points, dropped = tamed(&l.X, &l.Y, s.X, s.Y)
	for _, p := range c.points {
		ex.add(p.x)
		ey.add(p.y)
	}
	gap := false
	for i := range min(len(s.X), len(s.Low), len(s.High)) {
		x, okX := l.X.usable(s.X[i])
		low, okL := l.Y.usable(s.Low[i])
		high, okH := l.Y.usable(s.High[i])
		if !okX || !okL || !okH {
			gap = true
			continue
		}
		ex.add(x)
		ey.add(low)
		ey.add(high)
		c.low = append(c.low, point{x, min(low, high), gap})
		c.high = append(c.high, point{x, max(low, high), gap})
		gap = false
	}
	c.line, c.fits = s.Fit.fit(c.points)
	if c.fits {
		for _, p := range c.points {
			if y, ok := c.line.at(p.x); ok {
				c.reach.add(p.x)
				if y, ok = l.Y.usable(y); ok {
					ey.add(y)
				}
			}
		}
	}
	return c, dropped
}

func (l *Lines) legend(curves []curve) (keys []key) {
	banded := ""
	for _, c := range curves {
		shape := byte('l')
		if c.Points {
			shape = 'd'
		}
		name := oneLine(c.Name, 80)
		if len(c.points) == 0 {
			name += " (no data)"
		}
		if name != "" {
			keys = append(keys, key{name, c.class, shape})
		}
		if c.fits {
			keys = append(keys, key{c.line.String(), "fit " + c.class, 'l'})
		}
		if len(c.low) > 0 && banded == "" {
			banded = "band " + c.class
		}
	}
	if banded != "" && l.Band != "" {
		keys = append(keys, key{oneLine(l.Band, 80), banded, 'b'})
	}
	return keys
}

// band fills between low and high, stretch by stretch.
func (p *plot) band(c *curve) {
	const most = maxPoints / 2 // two edges
	low, high := c.low, c.high
	if len(low) > most {
		// Each place gets the least low and the greatest high of its stretch.
		n := most
		lows, highs := make([]point, n), make([]point, n)
		for i := range n {
			from, to := i*len(low)/n, (i+1)*len(low)/n
			lows[i], highs[i] = low[from], high[from]
			for j := from + 1; j < to; j++ {
				lows[i].y, highs[i].y = min(lows[i].y, low[j].y), max(highs[i].y, high[j].y)
				lows[i].gap = lows[i].gap || low[j].gap
			}
		}
		lows[n-1].x, highs[n-1].x = low[len(low)-1].x, low[len(low)-1].x
		low, high = lows, highs
	}
	d := ""
	for from := 0; from < len(low); {
		to := from + 1
		for to < len(low) && !low[to].gap {
			to++
		}
		edge := slices.Clone(high[from:to])
		slices.Reverse(edge)
		outline := append(slices.Clone(low[from:to]), edge...)
		for i := range outline {
			outline[i].gap = false
		}
		line, _ := p.segments(outline) // two points at least
		d += line + "Z"
		from = to
	}
	p.c.path("band "+c.class, d, "")
}

func (p *plot) curve(c *curve) {
	name := oneLine(c.Name, 80)
	points := thin(c.points, maxPoints)
	if !c.Points {
		lines, lone := p.segments(points)
		p.c.path("curve "+c.class, lines, name)
		p.c.path("dots "+c.class, lone, name)
	} else {
		d := ""
		for _, pt := range points {
			d += dot(p.x.at(pt.x), p.y.at(pt.y))
		}
		p.c.path("dots "+c.class, d, name)
	}
	if !c.fits {
		return
	}
	const pieces = 100
	var line []point
	gap := false
	from, to := p.x.share(c.reach.lo), p.x.share(c.reach.hi)
	for i := range pieces + 1 {
		x := p.x.value(from + (to-from)*float64(i)/pieces)
		y, ok := c.line.at(x)
		if !ok || !p.y.inside(y) || y <= 0 && p.y.axis.Log {
			gap = true // it leaves the picture
			continue
		}
		line = append(line, point{x, y, gap})
		gap = false
	}
	pieced, _ := p.segments(line)
	p.c.path("curve fit "+c.class, pieced, c.line.String())
}

// maxTips bounds the places of a figure that have a tooltip.
const maxTips = 320

// tips puts unseen circles over points, which show as the pointer meets them.
func (p *plot) tips(curves []curve) {
	for _, c := range curves {
		for _, pt := range spaced(c.points, maxTips/len(curves)) {
			tip := p.x.axis.Unit.Format(pt.x) + ": " + p.y.axis.Unit.Format(pt.y)
			if c.Name != "" {
				tip = oneLine(c.Name, 80) + "\n" + tip
			}
			p.c.circle("tip "+c.class, p.x.at(pt.x), p.y.at(pt.y), 5, tip)
		}
	}
}
