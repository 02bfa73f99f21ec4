package report

import (
	"math"
	"strconv"
	"strings"
)

// The strip beneath a [Ring]: distances across, steps down. It shows distances of 256
// down to 248, or to where the lookup came: in a network of a million nodes the nearest
// is at about 236.
const (
	stripFar  = 256
	stripNear = 248
)

// strip draws it, and makes the canvas higher by what it needs.
func (r *Ring) strip(c *canvas) {
	near := r.nearest()
	pitch := min(max(420/float64(len(r.Steps)), 4), 15)
	top := c.height + 34
	bottom := top + pitch*float64(len(r.Steps)) + 4
	const left, right = 44.0, width - 84.0
	c.text("axis", "start", 4, c.height+6, normal, "step, and distance to the target as log₂")
	best := "the closest that answered"
	if r.heard() {
		best = "the closest heard of so far"
	}
	c.path("best", "M"+num(width-210)+" "+num(c.height+2)+"H"+num(width-192), "")
	c.text("key", "start", width-184, c.height+6, normal, best)
	s := scale{lo: near, hi: stripFar, from: right, to: left} // nearer is further right
	every := 1.0
	for (stripFar-near)/every > 14 {
		every *= 2
	}
	for v := float64(stripFar); v >= near; v -= every {
		c.line("grid", s.at(v), top-6, s.at(v), bottom)
		c.text("tick", "middle", s.at(v), top-12, small, strconv.Itoa(int(v)))
	}
	c.line("grid", width-30, top-6, width-30, bottom)
	c.text("tick", "middle", width-30, top-12, small, "target")
	at := func(id [32]byte) float64 {
		if id == r.Target {
			return width - 30
		}
		return s.at(r.fine(id))
	}
	nearest, labelled := math.Inf(-1), -100.0
	for i := range r.Steps {
		st := &r.Steps[i]
		y := top + pitch*(float64(i)+0.5)
		if y-labelled >= 14 {
			c.text("tick", "end", left-12, y+4, small, strconv.Itoa(i+1))
			labelled = y
		}
		c.group("step", i+1)
		nearest = r.row(c, st, i, y, pitch, nearest, at)
		c.endGroup()
	}
	c.height = bottom + 10
}

// row draws a step: the way to the closest ID heard of so far, those heard of in it,
// and the node that was asked. It returns the place of the closest.
func (r *Ring) row(c *canvas, s *Step, i int, y, pitch, best float64, at func([32]byte) float64) float64 {
	heard := s.Heard[:min(len(s.Heard), maxHeard)]
	now := best
	if s.Failed == "" {
		now = max(now, at(s.ID))
	}
	var dots strings.Builder
	for _, id := range heard {
		now = max(now, at(id))
		dots.WriteString(dot(at(id), y))
	}
	if !math.IsInf(now, 0) {
		d := "M" + num(now) + " " + num(y+pitch/2) + "V" + num(y-pitch/2)
		if !math.IsInf(best, 0) && best != now {
			d += "H" + num(best)
		}
		c.path("best", d, "")
	}
	c.path("dots heard", dots.String(), "")
	size := min(4.5, max(2.5, pitch*0.36))
	if s.Failed != "" {
		c.path("cross failed", cross(at(s.ID), y, size), r.tip(i))
	} else {
		c.circle("asked", at(s.ID), y, size, r.tip(i))
	}
	return now
}

// nearest is the left-out end of the strip: an even distance that nothing is below.
func (r *Ring) nearest() float64 {
	near := float64(stripNear)
	see := func(id [32]byte) {
		if id != r.Target {
			near = min(near, r.fine(id))
		}
	}
	for _, s := range r.Steps {
		see(s.ID)
		for _, id := range s.Heard[:min(len(s.Heard), maxHeard)] {
			see(id)
		}
	}
	return max(0, 2*math.Floor(near/2))
}

// table lists the steps for those who read rather than look, and without scripts.
func (r *Ring) table() string {
	t := Table{Header: []string{"step", "asked", "distance", "depth", "returned", "new", "took", "after", "outcome"}}
	for i := range r.Steps {
		s := &r.Steps[i]
		outcome := "answered"
		if s.Failed != "" {
			outcome = oneLine(s.Failed, 80)
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(i + 1), s.name(), strconv.Itoa(r.distance(s.ID)), strconv.Itoa(s.Depth),
			strconv.Itoa(s.Returned), strconv.Itoa(s.New), Seconds.Format(s.Took.Seconds()), Seconds.Format(s.At.Seconds()), outcome})
	}
	return `<details class="list"><summary>All steps</summary>` + "\n" + t.html() + "</details>\n"
}
