package report

import (
	"math"
	"strconv"
)

// Buckets shows how full the buckets of nodes' tables are: a row for each node, a
// column for each bucket. Shade is the filled share of a bucket; entries of another
// kind are a bar at the foot of its cell.
type Buckets struct {
	Title, Caption string
	Size           int         // places of a bucket; 0: 16
	Nearest        int         // log2 distance of the first column; 0: the columns are numbered from 0
	Kind           string      // what entries are; empty: "entries"
	Other          string      // what those of the other kind are: "dead"; empty: not shown
	Rows           []BucketRow // up to 100
}

// BucketRow is a node's table.
type BucketRow struct {
	Name    string
	Entries []int // of each bucket, of both kinds, the nearest first; up to 32
	Other   []int // of these, those of the other kind; may be shorter, or nil
}

// shadeOf is the opacity of a cell that is filled to a share.
func shadeOf(share float64) float64 { return 0.12 + 0.88*share }

// countClass is the style of a number on a shade, so that it can be read on light and on
// dark paper: ink on faint ones, paper on full ones, and in between what is dark on both.
func countClass(share float64) string {
	switch {
	case share > 0.85:
		return "count on"
	case share > 0.65:
		return "count mid"
	}
	return "count"
}

// Bounds of what is drawn.
const (
	maxBucketRows    = 100
	maxBucketColumns = 32
)

func (b Buckets) draw() drawing {
	d := drawing{title: b.Title, caption: b.Caption}
	columns := 0
	for i := range b.Rows[:min(len(b.Rows), maxBucketRows)] {
		columns = max(columns, len(b.Rows[i].Entries))
	}
	d.note = sentences(leftOut(maxBucketRows, len(b.Rows), "nodes"), leftOut(maxBucketColumns, columns, "buckets"))
	if columns == 0 {
		d.svg = noData()
		return d
	}
	columns = min(columns, maxBucketColumns)
	if b.Size <= 0 {
		b.Size = 16
	}
	if b.Kind == "" {
		b.Kind = "entries"
	}
	b.Rows = b.Rows[:min(len(b.Rows), maxBucketRows)]
	d.svg = b.grid(columns)
	return d
}

// grid draws the cells and what is around them.
func (b *Buckets) grid(columns int) *canvas {
	c := &canvas{}
	top := 24 + b.legend(c)
	pitch := 26.0
	if len(b.Rows) > 8 {
		pitch = max(8, min(22, 560/float64(len(b.Rows))))
	}
	left := 24.0
	for _, r := range b.Rows {
		left = max(left, 12+textWidth(oneLine(r.Name, 60), small))
	}
	left = min(left, 180)
	const totals = 56.0
	cell := min((width-left-totals)/float64(columns), 40)
	c.text("axis", "start", left, top-2, small, b.columnTitle())
	top += 18
	free := 0.0
	for j := range columns {
		x, label := left+(float64(j)+0.5)*cell, strconv.Itoa(b.Nearest+j)
		if half := textWidth(label, small) / 2; x-half >= free {
			c.text("tick", "middle", x, top-5, small, label)
			free = x + half + 6
		}
	}
	c.text("tick", "start", left+cell*float64(columns)+8, top-5, small, "all")
	labelled := math.Inf(-1)
	for i := range b.Rows {
		y := top + pitch*float64(i)
		if y-labelled >= small+1 {
			labelled = y
			c.text("tick", "end", left-7, y+pitch/2+4, small, fitText(b.Rows[i].Name, small, left-10))
			c.text("tick", "start", left+cell*float64(columns)+8, y+pitch/2+4, small, commas(float64(b.Rows[i].total())))
		}
		b.row(c, &b.Rows[i], columns, left, y, cell, pitch)
	}
	c.height = top + pitch*float64(len(b.Rows)) + 8
	return c
}

func (b *Buckets) columnTitle() string {
	if b.Nearest > 0 {
		return "log₂ distance of the bucket"
	}
	return "bucket, the nearest first"
}

// total sums what is drawn.
func (r *BucketRow) total() (n int) {
	for _, e := range r.Entries[:min(len(r.Entries), maxBucketColumns)] {
		n += min(max(e, 0), 1<<30)
	}
	return n
}

// row draws a node's cells. Numbers are written where there is room.
func (b *Buckets) row(c *canvas, r *BucketRow, columns int, left, y, cell, pitch float64) {
	gap := 1.0
	if pitch < 12 {
		gap = 0.5
	}
	c.rect("plate", left, y, cell*float64(columns)-gap, pitch-gap, "")
	for j, n := range r.Entries[:min(len(r.Entries), columns)] {
		n = max(n, 0)
		if n == 0 {
			continue
		}
		other := 0
		if b.Other != "" && j < len(r.Other) {
			other = min(max(r.Other[j], 0), n)
		}
		x := left + float64(j)*cell
		tip := sentences(oneLine(r.Name, 60), b.bucketName(j)+":", strconv.Itoa(n), "of", strconv.Itoa(b.Size), oneLine(b.Kind, 40))
		if other > 0 {
			tip += ", " + strconv.Itoa(other) + " " + oneLine(b.Other, 40)
		}
		share := min(float64(n)/float64(b.Size), 1)
		c.shade("fill", x, y, cell-gap, pitch-gap, shadeOf(share), tip)
		if other > 0 {
			high := max(3, pitch*0.28)
			c.rect("other", x, y+pitch-gap-high, max(3, (cell-gap)*min(float64(other)/float64(b.Size), 1)), high, tip)
		}
		if label := strconv.Itoa(n); pitch >= 20 && textWidth(label, small) < cell-4 {
			c.text(countClass(share), "middle", x+(cell-gap)/2, y+13, small, label)
		}
	}
}

func (b *Buckets) bucketName(j int) string {
	if b.Nearest > 0 {
		return "at distance " + strconv.Itoa(b.Nearest+j)
	}
	return "bucket " + strconv.Itoa(j)
}

// legend shows shades from empty to full, and the other kind.
func (b *Buckets) legend(c *canvas) float64 {
	const size, n = 22.0, 5
	x := 4.0
	c.text("key", "start", x, 16, normal, "0")
	x += 14
	c.rect("plate", x, 5, size, 14, "")
	x += size + 1
	for i := 1; i < n; i++ {
		c.shade("fill", x, 5, size, 14, shadeOf(float64(i)/(n-1)), "")
		x += size + 1
	}
	name := strconv.Itoa(b.Size) + " " + fitText(b.Kind, normal, 200)
	c.text("key", "start", x+6, 16, normal, name)
	x += textWidth(name, normal) + 30
	if b.Other != "" {
		c.rect("plate", x, 5, size, 14, "")
		c.rect("other", x, 14, size/2, 5, "")
		name := "of these " + fitText(b.Other, normal, 160) + ", as a share of the width"
		c.text("key", "start", x+size+6, 16, normal, name)
	}
	return 24
}
