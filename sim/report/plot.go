package report

import (
	"math"
	"strconv"
	"strings"
)

// plot is the frame of a chart: axes, grid, legend and what is drawn between them.
type plot struct {
	c                        *canvas
	x, y                     scale
	left, top, right, bottom float64
}

// plotHeight is that between the axes.
const plotHeight = 270

// newPlot lays a chart out and draws its axes and marks. From the top: the legend, the
// name of the vertical axis, the names of marks, the plot.
func newPlot(x, y Axis, ex, ey extent, roomX bool, legend []key, marks []Mark) *plot {
	p := &plot{c: &canvas{}, left: 58, right: width - 14} // most labels fit: plots stand in line
	p.y = newScale(y, ey, plotHeight, 0, true)
	ticks := p.y.ticks()
	for _, t := range ticks {
		p.left = max(p.left, 12+textWidth(t.label, small))
	}
	p.left = min(p.left, 140)
	p.x = newScale(x, ex, p.left, p.right, roomX)
	names, rows := p.placeMarks(marks)

	p.top = 10 + drawLegend(p.c, 8, legend)
	if y.Label != "" {
		p.top += 30
		p.c.text("axis", "start", 4, p.top-17, normal, y.Label)
	}
	p.top += float64(rows) * markPitch
	p.bottom = p.top + plotHeight
	p.y.from, p.y.to = p.bottom, p.top
	for _, t := range ticks {
		at := p.y.at(t.v)
		p.c.line("grid", p.left, at, p.right, at)
		p.c.text("tick", "end", p.left-7, at+4, small, t.label)
	}
	p.c.line("base", p.left, p.bottom, p.right, p.bottom)
	drawAcross(p.c, &p.x, p.bottom)
	p.c.height = p.bottom + 26
	if x.Label != "" {
		p.c.text("axis", "end", p.right, p.bottom+36, normal, x.Label)
		p.c.height = p.bottom + 44
	}
	p.drawMarks(names)
	return p
}

// drawAcross draws ticks and labels below a horizontal axis, and leaves out the labels
// that would touch the one before.
func drawAcross(c *canvas, s *scale, y float64) {
	free := 0.0
	for _, t := range s.ticks() {
		at := s.at(t.v)
		c.line("base", at, y, at, y+4)
		half := textWidth(t.label, small) / 2
		x := min(max(at, half+1), width-1-half)
		if x-half >= free {
			c.text("tick", "middle", x, y+17, small, t.label)
			free = x + half + 8
		}
	}
}

// key is an entry of a legend.
type key struct {
	name  string
	class string // of the colour; "" for a note without a sample
	shape byte   // l line, d dot, b box, x cross
}

// seriesClass is the style of a series: its colour, and its dash past the sixth.
func seriesClass(i int) string { return "s" + strconv.Itoa(i%6) + " n" + strconv.Itoa(i%maxSeries) }

// drawLegend draws keys in rows from y on, and returns the height that they took.
func drawLegend(c *canvas, y float64, keys []key) float64 {
	if len(keys) == 0 {
		return 0
	}
	const row, sample, gap = 18, 26, 18
	x, start := 4.0, y
	for _, k := range keys {
		name := fitText(k.name, normal, width-60)
		w := textWidth(name, normal) + gap
		if k.class != "" {
			w += sample
		}
		if x > 4 && x+w-gap > width-4 {
			x, y = 4, y+row
		}
		at := x
		if k.class != "" {
			drawSample(c, k, x, y+6)
			at += sample
		}
		c.text("key", "start", at, y+10, normal, name)
		x += w
	}
	return y + row - start
}

// drawSample draws what stands before a name in a legend.
func drawSample(c *canvas, k key, x, y float64) {
	switch k.shape {
	case 'd':
		c.path("dots "+k.class, dot(x+10, y), "")
	case 'b':
		c.rect(k.class, x+2, y-5, 16, 10, "")
	case 'x':
		c.path("cross "+k.class, cross(x+10, y, 4), "")
	default:
		c.path("curve "+k.class, "M"+num(x)+" "+num(y)+"L"+num(x+20)+" "+num(y), "")
	}
}

// Mark is a vertical line with a name: an event.
type Mark struct {
	X     float64
	Label string
}

// maxMarks bounds those of a figure, and markRows the rows of their names.
const (
	maxMarks  = 40
	markRows  = 3
	markPitch = 15
)

// placedMark is a mark with its name in a row above the plot; -1: only as a tooltip.
type placedMark struct {
	Mark
	name string
	x    float64 // where the name starts
	row  int
}

// placeMarks finds room for the names of marks, which are in order, and returns how
// many rows that takes.
func (p *plot) placeMarks(marks []Mark) (placed []placedMark, rows int) {
	free := [markRows]float64{}
	for _, m := range marks {
		v, ok := p.x.axis.usable(m.X)
		if !ok || !p.x.inside(v) {
			continue
		}
		name := fitText(m.Label, small, 200)
		w := textWidth(name, small)
		at := placedMark{Mark{v, m.Label}, name, min(max(p.x.at(v)-w/2, p.left), width-2-w), -1}
		for row := range free {
			if name != "" && at.x >= free[row] {
				free[row] = at.x + w + 10
				at.row, rows = row, max(rows, row+1)
				break
			}
		}
		placed = append(placed, at)
	}
	return placed, rows
}

func (p *plot) drawMarks(marks []placedMark) {
	for _, m := range marks {
		at, top := p.x.at(m.X), p.top-float64(max(m.row, 0))*markPitch
		tip := sentences(oneLine(m.Label, 120)+":", p.x.axis.Unit.Format(m.X))
		p.c.path("mark", "M"+num(at)+" "+num(p.bottom)+"L"+num(at)+" "+num(top), tip)
	}
	for _, m := range marks { // over the lines that lead to names above them
		if m.row >= 0 {
			p.c.text("mark-name", "start", m.x, p.top-float64(m.row)*markPitch-5, small, m.name)
		}
	}
}

// segments are paths through points, interrupted before those after a gap: the lines,
// and the points on their own, as dots.
func (p *plot) segments(points []point) (lines, lone string) {
	var line, dots strings.Builder
	for i, pt := range points {
		x, y := p.x.at(pt.x), p.y.at(pt.y)
		switch {
		case i > 0 && !pt.gap:
			line.WriteString("L" + num(x) + " " + num(y))
		case i+1 == len(points) || points[i+1].gap:
			dots.WriteString(dot(x, y))
		default:
			line.WriteString("M" + num(x) + " " + num(y))
		}
	}
	return line.String(), dots.String()
}

// steps is a path on which each value lasts until the next one.
func (p *plot) steps(points []point) string {
	var b strings.Builder
	for i, pt := range points {
		x, y := num(p.x.at(pt.x)), num(p.y.at(pt.y))
		if i == 0 {
			b.WriteString("M" + x + " " + y)
			continue
		}
		b.WriteString("H" + x + "V" + y)
	}
	return b.String()
}

// notDrawn says how many values of a figure are missing.
func notDrawn(n int, log bool) string {
	if n == 0 {
		return ""
	}
	s := commas(float64(n)) + " values are not drawn: they are not finite numbers"
	if n == 1 {
		s = "1 value is not drawn: it is not a finite number"
	}
	if log {
		s += ", or not above zero on a logarithmic axis"
	}
	return s + "."
}

// leftOut says that a bound was met.
func leftOut(shown, of int, what string) string {
	if of <= shown {
		return ""
	}
	return "The first " + strconv.Itoa(shown) + " of " + commas(float64(of)) + " " + what + " are shown."
}

// sentences joins those that are not empty.
func sentences(list ...string) string {
	return strings.Join(strings.Fields(strings.Join(list, " ")), " ")
}

// share of n that i is.
func ratio(i, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(i) / float64(n)
}
