package report

import "math"

// Bars compares values of categories: counts by reason.
type Bars struct {
	Title, Caption string
	Unit           Unit
	Bars           []Bar // up to 60, drawn in this order
}

// Bar is one of them.
type Bar struct {
	Name  string
	Value float64 // finite, to have a length; may be negative
	Note  string  // a tooltip; may be empty
}

// maxBars bounds the bars of a figure: two printed pages.
const maxBars = 60

func (b Bars) draw() drawing {
	const pitch, thick = 22.0, 14.0
	bars := b.Bars[:min(len(b.Bars), maxBars)]
	d := drawing{title: b.Title, caption: b.Caption, note: leftOut(maxBars, len(b.Bars), "bars")}
	if len(bars) == 0 {
		d.svg = noData()
		return d
	}
	left, right := 60.0, 40.0
	ex := extent{0, 0, true}
	for _, bar := range bars {
		left = max(left, 14+textWidth(oneLine(bar.Name, 80), normal))
		if v, ok := tame(bar.Value); ok {
			ex.add(v)
		}
		right = max(right, 14+textWidth(b.Unit.Format(bar.Value), normal))
	}
	left, right = min(left, 0.4*width), min(right, 0.25*width)
	if ex.lo < 0 {
		left += right // values of negative bars stand left of them
	}
	if ex.lo == ex.hi {
		ex.hi = 1
	}
	s := scale{axis: Axis{Unit: b.Unit}, lo: ex.lo, hi: ex.hi, from: left, to: width - right}
	c := &canvas{height: pitch*float64(len(bars)) + 12}
	zero := s.at(0)
	for i, bar := range bars {
		y := 6 + pitch*float64(i)
		names := left - 8
		if ex.lo < 0 {
			names -= right
		}
		c.text("key", "end", names, y+thick-3, normal, fitText(bar.Name, normal, names-4))
		v, ok := tame(bar.Value)
		text, at := b.Unit.Format(bar.Value), zero
		if ok {
			at = s.at(v)
			tip := sentences(oneLine(bar.Name, 120)+": "+text, oneLine(bar.Note, 160))
			c.rect("bar s0", min(zero, at), y, math.Abs(at-zero), thick, tip)
		}
		if at < zero {
			c.text("value", "end", at-6, y+thick-3, normal, text)
		} else {
			c.text("value", "start", at+6, y+thick-3, normal, text)
		}
	}
	c.line("base", zero, 2, zero, c.height-4)
	d.svg = c
	return d
}
