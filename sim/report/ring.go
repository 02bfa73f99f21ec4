package report

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ring shows one lookup, step by step. IDs lie on a circle by their first 8 bytes,
// clockwise, turned so that the target is at the top. IDs that are near by exclusive or
// are near on the circle, but not the other way round; so a strip beneath shows the
// distance itself, as its logarithm to base 2.
//
// Without scripts, and in print, it shows the lookup's end. Its steps follow as a table.
type Ring struct {
	Title, Caption string
	Target         [32]byte
	Self           [32]byte   // who looks up; zero: not shown
	Nodes          [][32]byte // of the network, as a backdrop; 300 of them are drawn
	Closest        [][32]byte // what the lookup should find, or found; up to 32
	Steps          []Step     // in order, up to 200
}

// Step is a node that was asked.
type Step struct {
	ID       [32]byte
	Name     string        // empty: the start of the ID
	Depth    int           // steps from who looks up
	Returned int           // nodes in the answer
	New      int           // of these not heard of before
	At       time.Duration // since the lookup began, when the answer came
	Took     time.Duration // of it, that this step took
	Failed   string        // why there was no answer; empty: there was
	Heard    [][32]byte    // the new ones; up to 32. May be nil
}

// Bounds of what a Ring draws.
const (
	maxSteps   = 200 // a lookup of Kademlia asks some dozens
	maxNodes   = 300 // more would close the ring
	maxHeard   = 32
	maxClosest = 32
)

// Where the ring is.
const (
	ringX, ringY = 196.0, 220.0
	ringR        = 158.0
	ringLegend   = 400.0
)

func (r Ring) draw() drawing {
	d := drawing{title: r.Title, caption: r.Caption}
	d.note = leftOut(maxSteps, len(r.Steps), "steps")
	r.Steps = r.Steps[:min(len(r.Steps), maxSteps)]
	if len(r.Steps) == 0 {
		d.svg = noData()
		return d
	}
	d.steps = len(r.Steps)
	c := &canvas{height: ringY + ringR + 42}
	d.svg = c
	c.circle("ring", ringX, ringY, ringR, "")
	r.backdrop(c)
	var taken [][2]float64 // places of the steps' numbers
	for i := range r.Steps {
		taken = r.step(c, i, taken)
	}
	if r.Self != ([32]byte{}) {
		x, y := r.place(r.Self, 0)
		c.circle("self", x, y, 6, "who looks up: "+shortID(r.Self))
	}
	// The target points at its place rather than cover those near by and their numbers.
	x, y := r.place(r.Target, 23)
	name := "target " + shortID(r.Target)
	c.path("target", "M"+num(x)+" "+num(y)+"L"+num(x-6)+" "+num(y-10)+"H"+num(x+6)+"Z", name)
	c.text("value", "middle", x, y-15, small, name)
	r.legend(c)
	r.strip(c)
	d.below = r.table()
	return d
}

// place is where an ID lies on the ring, or out units beyond it.
func (r *Ring) place(id [32]byte, out float64) (x, y float64) {
	turn := binary.BigEndian.Uint64(id[:]) - binary.BigEndian.Uint64(r.Target[:])
	angle := float64(turn) / (1 << 63) * math.Pi
	return ringX + (ringR+out)*math.Sin(angle), ringY - (ringR+out)*math.Cos(angle)
}

// dots is a path of IDs, which lie a little outside or inside of the ring.
func (r *Ring) dots(ids [][32]byte, out float64) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(dot(r.place(id, out)))
	}
	return b.String()
}

func (r *Ring) backdrop(c *canvas) {
	c.path("dots net", r.dots(spaced(r.Nodes, maxNodes), 0), "nodes of the network")
	for _, id := range r.Closest[:min(len(r.Closest), maxClosest)] {
		x, y := r.place(id, 0)
		c.circle("wanted", x, y, 7, "one of the closest: "+shortID(id))
	}
}

// step draws one: the question, what was heard, and the node with its number, if that
// does not stand on another one.
func (r *Ring) step(c *canvas, i int, taken [][2]float64) [][2]float64 {
	s := &r.Steps[i]
	x, y := r.place(s.ID, 0)
	c.group("step", i+1)
	if r.Self != ([32]byte{}) {
		fx, fy := r.place(r.Self, 0)
		mx, my := (x+fx)/2*0.6+ringX*0.4, (y+fy)/2*0.6+ringY*0.4
		c.path("ask", "M"+num(fx)+" "+num(fy)+"Q"+num(mx)+" "+num(my)+" "+num(x)+" "+num(y), "")
	}
	heard := s.Heard[:min(len(s.Heard), maxHeard)]
	var told strings.Builder
	for _, id := range heard {
		hx, hy := r.place(id, -6)
		told.WriteString("M" + num(x) + " " + num(y) + "L" + num(hx) + " " + num(hy))
	}
	c.path("told", told.String(), "")
	c.path("dots heard", r.dots(heard, -6), "")
	tip := r.tip(i)
	if s.Failed != "" {
		c.path("cross failed", cross(x, y, 4.5), tip)
	} else {
		c.circle("asked", x, y, 4.5, tip)
	}
	lx, ly := r.place(s.ID, 15)
	free := true
	for _, t := range taken {
		free = free && (math.Abs(t[0]-lx) > 16 || math.Abs(t[1]-ly) > 11)
	}
	if free {
		taken = append(taken, [2]float64{lx, ly})
		c.text("tick", "middle", lx, ly+4, small, strconv.Itoa(i+1))
	}
	c.endGroup()
	return taken
}

// tip says what a step was, for its tooltip and the line that follows the controls.
func (r *Ring) tip(i int) string {
	s := &r.Steps[i]
	text := "step " + strconv.Itoa(i+1) + ": " + s.name() + " at distance " + strconv.Itoa(r.distance(s.ID)) +
		", depth " + strconv.Itoa(s.Depth)
	if s.Failed != "" {
		text += ", failed: " + oneLine(s.Failed, 80)
	} else {
		text += ", returned " + strconv.Itoa(s.Returned) + ", " + strconv.Itoa(s.New) + " new"
	}
	return text + ", after " + Seconds.Format(s.At.Seconds())
}

func (s *Step) name() string {
	if s.Name != "" {
		return oneLine(s.Name, 40)
	}
	return shortID(s.ID)
}

// shortID is the start of an ID, as many digits as tell a few thousand apart.
func shortID(id [32]byte) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, v := range id[:4] {
		b.WriteByte(hex[v>>4])
		b.WriteByte(hex[v&15])
	}
	return b.String()
}

// distance is the log2 distance of an ID from the target: the number of the highest bit
// in which they differ, counted from 1; 0 for the target itself.
func (r *Ring) distance(id [32]byte) int {
	for i := range id {
		if x := id[i] ^ r.Target[i]; x != 0 {
			return 8*(len(id)-1-i) + bits.Len8(x)
		}
	}
	return 0
}

// fine is the same with a fraction, and so never above the whole: 250.3 is a bit
// beyond 2^250.
func (r *Ring) fine(id [32]byte) float64 {
	d := r.distance(id)
	if d == 0 {
		return 0
	}
	top, at := uint64(0), (256-d)/8
	for i := range 8 {
		top <<= 8
		if at+i < len(id) {
			top |= uint64(id[at+i] ^ r.Target[at+i])
		}
	}
	return math.Log2(float64(top)) - 64 + float64(256-8*at)
}

// legend stands right of the ring, with what the lookup came to.
func (r *Ring) legend(c *canvas) {
	failed, depth, end := r.failed(), 0, time.Duration(0)
	for _, s := range r.Steps {
		depth, end = max(depth, s.Depth), max(end, s.At)
	}
	y := 60.0
	for _, k := range r.keys(c) {
		k.draw(ringLegend+10, y-4)
		c.text("key", "start", ringLegend+28, y, normal, k.name)
		y += 21
	}
	y += 16
	for _, line := range []string{
		strconv.Itoa(len(r.Steps)) + " asked, " + strconv.Itoa(failed) + " failed",
		"depth up to " + strconv.Itoa(depth),
		"ended after " + Seconds.Format(end.Seconds()),
	} {
		c.text("value", "start", ringLegend, y, normal, line)
		y += 19
	}
}

// ringKey is an entry of the legend.
type ringKey struct {
	name string
	draw func(x, y float64)
}

// keys explains what there is, and nothing else.
func (r *Ring) keys(c *canvas) (keys []ringKey) {
	add := func(there bool, name string, draw func(x, y float64)) {
		if there {
			keys = append(keys, ringKey{name, draw})
		}
	}
	failed := r.failed()
	add(failed < len(r.Steps), "asked, and answered", func(x, y float64) { c.circle("asked", x, y, 4.5, "") })
	add(failed > 0, "asked, and failed", func(x, y float64) { c.path("cross failed", cross(x, y, 4.5), "") })
	add(r.heard(), "heard of", func(x, y float64) { c.path("dots heard", dot(x, y), "") })
	add(len(r.Closest) > 0, "one of the closest", func(x, y float64) { c.circle("wanted", x, y, 7, "") })
	add(r.Self != ([32]byte{}), "who looks up", func(x, y float64) { c.circle("self", x, y, 6, "") })
	add(len(r.Nodes) > 0, "another node of the network", func(x, y float64) { c.path("dots net", dot(x, y), "") })
	return keys
}

// failed counts the steps without an answer.
func (r *Ring) failed() (n int) {
	for _, s := range r.Steps {
		if s.Failed != "" {
			n++
		}
	}
	return n
}

// heard reports whether it is known what the answers had.
func (r *Ring) heard() bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return len(s.Heard) > 0 })
}
