package report

import (
	"math"
	"strconv"
	"strings"
)

// width is that of every figure, in user units: about a pixel each on a wide screen.
const width = 720

// Font sizes of page.css and figure.css, needed to lay text out.
const (
	small  = 11 // ticks and notes
	normal = 12 // legends and names
)

// canvas writes SVG. What it is given is escaped, rounded and kept inside.
type canvas struct {
	b      strings.Builder
	height float64
}

// num writes a coordinate: to a tenth of a unit, which is finer than is seen.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0" // can't be: scales map into the figure
	}
	v = math.Round(v*10) / 10
	if v == 0 {
		return "0" // not -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func (c *canvas) attr(name string, v float64) {
	c.b.WriteString(" " + name + `="` + num(v) + `"`)
}

// end closes an element that has nothing, or only a tooltip, in it.
func (c *canvas) end(name, tip string) {
	if tip == "" {
		c.b.WriteString("/>\n")
		return
	}
	c.b.WriteString("><title>" + escape(cut(tip, 300)) + "</title></" + name + ">\n")
}

func (c *canvas) open(name, class string) { c.b.WriteString("<" + name + ` class="` + class + `"`) }

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.open("line", class)
	c.attr("x1", x1)
	c.attr("y1", y1)
	c.attr("x2", x2)
	c.attr("y2", y2)
	c.end("line", "")
}

func (c *canvas) rect(class string, x, y, w, h float64, tip string) {
	c.open("rect", class)
	c.attr("x", x)
	c.attr("y", y)
	c.attr("width", max(0, w))
	c.attr("height", max(0, h))
	c.end("rect", tip)
}

// shade is a rect of the given opacity, 0 to 1.
func (c *canvas) shade(class string, x, y, w, h, opacity float64, tip string) {
	c.open("rect", class)
	c.attr("x", x)
	c.attr("y", y)
	c.attr("width", w)
	c.attr("height", h)
	c.b.WriteString(` fill-opacity="` + strconv.FormatFloat(opacity, 'f', 2, 64) + `"`)
	c.end("rect", tip)
}

func (c *canvas) circle(class string, x, y, r float64, tip string) {
	c.open("circle", class)
	c.attr("cx", x)
	c.attr("cy", y)
	c.attr("r", r)
	c.end("circle", tip)
}

// text writes s at its baseline, shortened and moved where it would leave the figure.
// The anchor is start, middle or end; bold and such come with the class.
func (c *canvas) text(class, anchor string, x, y, size float64, s string) {
	s = fitText(s, size, width-4)
	w := textWidth(s, size)
	before := map[string]float64{"middle": w / 2, "end": w}[anchor]
	x = min(max(x, before+1), width-1-(w-before))
	c.open("text", class)
	c.attr("x", x)
	c.attr("y", y)
	if anchor != "start" {
		c.b.WriteString(` text-anchor="` + anchor + `"`)
	}
	c.b.WriteString(">" + escape(s) + "</text>\n")
}

func (c *canvas) path(class, d, tip string) {
	if d == "" {
		return
	}
	c.b.WriteString(`<path class="` + class + `" d="` + d + `"`)
	c.end("path", tip)
}

// group starts a group; step, if not 0, is the one of a [Ring] that it belongs to.
func (c *canvas) group(class string, step int) {
	c.open("g", class)
	if step > 0 {
		c.b.WriteString(` data-step="` + strconv.Itoa(step) + `"`)
	}
	c.b.WriteString(">\n")
}

func (c *canvas) endGroup() { c.b.WriteString("</g>\n") }

// cross is a path of two strokes, for what failed.
func cross(x, y, r float64) string {
	return "M" + num(x-r) + " " + num(y-r) + "L" + num(x+r) + " " + num(y+r) +
		"M" + num(x-r) + " " + num(y+r) + "L" + num(x+r) + " " + num(y-r)
}

// dot is a path of one point, which a round line cap makes a dot: many of them are far
// shorter than as many circles.
func dot(x, y float64) string { return "M" + num(x) + " " + num(y) + "h0" }

// svg returns the picture with a name for those who can't see it.
func (c *canvas) svg(label string) string {
	return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="` + escape(oneLine(label, 600)) +
		`" viewBox="0 0 ` + num(width) + " " + num(c.height) + "\">\n" + c.b.String() + "</svg>"
}

// noData is what a figure with nothing to draw shows.
func noData() *canvas {
	c := &canvas{height: 90}
	c.rect("plate", 1, 1, width-2, 88, "")
	c.text("soft", "middle", width/2, 50, normal, "no data")
	return c
}
