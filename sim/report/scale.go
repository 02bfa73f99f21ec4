package report

import "math"

// Axis describes one.
type Axis struct {
	Label string
	Unit  Unit
	Log   bool // what is not above zero is left out
	// From and To are shown at least, if From < To; the data may need more. Without
	// them a linear axis whose data is nowhere below zero starts there, but for the
	// horizontal one of lines and histograms, which is as long as the data.
	From, To float64

	At []float64 // where ticks are, up to 40, in order; nil: at round numbers

	whole bool // ticks are on whole numbers only
}

// extent is the range of values seen.
type extent struct {
	lo, hi float64
	any    bool
}

func (e *extent) add(v float64) {
	if !e.any {
		e.lo, e.hi, e.any = v, v, true
	}
	e.lo, e.hi = min(e.lo, v), max(e.hi, v)
}

// usable returns a value that the axis can show.
func (a *Axis) usable(v float64) (float64, bool) {
	v, ok := tame(v)
	return v, ok && (!a.Log || v > 0)
}

// scale maps values of an axis to coordinates.
type scale struct {
	axis     Axis
	lo, hi   float64 // lo < hi
	from, to float64 // coordinates of these
	every    float64 // distance of the ticks, if the ends were put on some; or 0
}

// newScale covers what e has seen. With room, the ends are put on ticks, or a little
// apart from the data, and zero is made one of them.
func newScale(a Axis, e extent, from, to float64, room bool) scale {
	if lo, ok := a.usable(a.From); ok && a.From < a.To {
		e.add(lo)
	}
	if hi, ok := a.usable(a.To); ok && a.From < a.To {
		e.add(hi)
	}
	if room && !a.Log && e.lo > 0 && !(a.From < a.To) {
		e.add(0)
	}
	s := scale{axis: a, lo: e.lo, hi: e.hi, from: from, to: to}
	s.widen()
	switch {
	case room && a.Log:
		pad := math.Pow(s.hi/s.lo, 0.04)
		s.lo, s.hi = s.lo/pad, s.hi*pad
	case room:
		step := s.step()
		s.lo, s.hi = step*math.Floor(s.lo/step+1e-9), step*math.Ceil(s.hi/step-1e-9)
		s.every = step // the longer axis might have fewer, and none at its end
	}
	return s
}

// widen makes a range of one that is a single value, or as good as one: further digits
// could not be shown.
func (s *scale) widen() {
	if s.axis.Log {
		if s.hi/s.lo < 1+1e-6 {
			s.lo, s.hi = s.lo/2, s.hi*2
		}
		return
	}
	if s.hi-s.lo > 1e-6*max(math.Abs(s.lo), math.Abs(s.hi)) {
		return
	}
	if s.lo == 0 {
		s.hi = 1
		return
	}
	by := math.Abs(s.lo) / 2
	s.lo, s.hi = s.lo-by, s.hi+by
}

// share is where in the range a value is: 0 to 1, also for what is outside.
func (s *scale) share(v float64) float64 {
	var f float64
	if s.axis.Log {
		f = math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	} else {
		f = (v - s.lo) / (s.hi - s.lo)
	}
	if math.IsNaN(f) {
		return 0
	}
	return min(max(f, 0), 1)
}

// at returns the coordinate of a value.
func (s *scale) at(v float64) float64 { return s.from + s.share(v)*(s.to-s.from) }

// value is the one at a share of the range.
func (s *scale) value(share float64) float64 {
	if s.axis.Log {
		return s.lo * math.Pow(s.hi/s.lo, share)
	}
	return s.lo + share*(s.hi-s.lo)
}

// inside reports whether a value is in the range, but for rounding.
func (s *scale) inside(v float64) bool {
	slack := 1e-9 * (s.hi - s.lo)
	if s.axis.Log {
		slack = 1e-9 * s.lo
	}
	return v >= s.lo-slack && v <= s.hi+slack
}

// maxTicks bounds those of an axis.
const maxTicks = 40

// tick is a value on an axis and its name.
type tick struct {
	v     float64
	label string
}

// Room for a tick and its label.
const (
	tickAcross = 88 // horizontally, for one like "2 m 30 s"
	tickDown   = 46
	tickWhole  = 34 // horizontally, for a few digits
)

func (s *scale) wanted() float64 {
	length := math.Abs(s.to - s.from)
	if s.from > s.to { // downwards: y grows up
		return max(2, length/tickDown)
	}
	if s.axis.whole && s.hi-s.lo < 100 {
		return max(2, length/tickWhole)
	}
	return max(2, length/tickAcross)
}

// step is the distance of the ticks of a linear axis: a round number of its unit.
func (s *scale) step() float64 {
	if s.every > 0 {
		return s.every
	}
	step := niceStep((s.hi-s.lo)/s.wanted(), s.axis.Unit)
	if s.axis.whole {
		return max(1, step)
	}
	return step
}

// longSteps are round times of a second and more.
var longSteps = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
	3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400}

// niceStep returns the least round number that is at least v.
func niceStep(v float64, u Unit) float64 {
	if u == Seconds && v > 0.5 {
		for _, s := range longSteps {
			if s >= v {
				return s
			}
		}
		return 86400 * niceStep(v/86400, Number)
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// ticks returns those that the axis has room for.
func (s *scale) ticks() []tick {
	if len(s.axis.At) > 0 {
		return s.givenTicks()
	}
	if s.axis.Log {
		return s.logTicks()
	}
	step := s.step()
	var list []tick
	first := math.Ceil(s.lo/step - 1e-6)
	for i := range maxTicks {
		v := (first + float64(i)) * step
		if v > s.hi+1e-6*step {
			break
		}
		if math.Abs(v) < step/2 {
			v = 0
		}
		list = append(list, tick{v: v})
	}
	top := max(math.Abs(s.lo), math.Abs(s.hi))
	for i := range list {
		list[i].label = tickLabel(list[i].v, step, top, s.axis.Unit)
	}
	return list
}

// givenTicks are those that were asked for, as far as they are in view.
func (s *scale) givenTicks() (list []tick) {
	for _, v := range s.axis.At[:min(len(s.axis.At), maxTicks)] {
		if v, ok := s.axis.usable(v); ok && s.inside(v) {
			list = append(list, tick{v, s.axis.Unit.Format(v)})
		}
	}
	return list
}

// logTicks are powers of ten, and with few of these their doubles and fives; with less
// than a factor of two in view, round numbers as on a linear axis.
func (s *scale) logTicks() []tick {
	if s.hi/s.lo < 3 {
		linear := *s
		linear.axis.Log = false
		return linear.ticks()
	}
	decades := math.Log10(s.hi / s.lo)
	multiples, every := []float64{1}, max(1, math.Ceil(decades/s.wanted()))
	if decades < s.wanted()/2 { // labels without room are left out
		multiples = []float64{1, 2, 5}
	}
	var list []tick
	for i := math.Floor(math.Log10(s.lo)); i <= math.Log10(s.hi)+1; i++ {
		if math.Mod(i, every) != 0 {
			continue
		}
		for _, m := range multiples {
			v := roundTime(m*math.Pow(10, i), s.axis.Unit)
			if s.inside(v) {
				list = append(list, tick{v, s.axis.Unit.Format(v)})
			}
		}
	}
	if len(list) > 0 && s.axis.Unit == Number {
		for i := range list {
			list[i].label = tickLabel(list[i].v, list[i].v, list[i].v, Number)
		}
	}
	return list
}

// roundTime turns times that are round in tens into those that are round in minutes,
// hours and days: 100, 1000, 10,000 and 100,000 s become 1 m, 10 m, 1 h and 1 d. So
// that they do not touch these, 50 and 5000 s become 30 s and 30 m.
func roundTime(v float64, u Unit) float64 {
	switch {
	case u != Seconds || v < 49:
		return v
	case v < 51:
		return 30
	case v < 99:
		return v
	case v > 4.9e3 && v < 5.1e3:
		return 1800
	case v < 9.9e3:
		return 0.6 * v
	case v < 9.9e4:
		return 0.36 * v
	}
	return 0.864 * v
}
