package report

import "math"

// Fit says which line is fitted to the points of a [Series], by least squares.
type Fit uint8

const (
	NoFit  Fit = iota // none
	FitX              // y = a + b x
	FitLog            // y = a + b log2 x, of the points with x above 0: hops by network size
)

// fitted is a line that was fitted.
type fitted struct {
	a, b, r2 float64
	log      bool
}

// fit returns the line through points, which need two different places.
func (f Fit) fit(points []point) (line fitted, ok bool) {
	if f == NoFit {
		return line, false
	}
	line.log = f == FitLog
	var n, mx, my float64
	for _, p := range points {
		if x, ok := line.place(p.x); ok {
			n++ // running means: no sum of large numbers that overflows or loses digits
			mx += (x - mx) / n
			my += (p.y - my) / n
		}
	}
	var xx, xy, yy float64
	for _, p := range points {
		if x, ok := line.place(p.x); ok {
			xx += (x - mx) * (x - mx)
			xy += (x - mx) * (p.y - my)
			yy += (p.y - my) * (p.y - my)
		}
	}
	line.b = xy / xx
	line.a = my - line.b*mx
	line.r2 = 1
	if yy > 0 {
		line.r2 = min(max(xy/xx*xy/yy, 0), 1)
	}
	_, okA := tame(line.a)
	_, okB := tame(line.b)
	return line, n >= 2 && xx > 0 && okA && okB && !math.IsNaN(line.r2)
}

// Line fits a line to points, which need two different places.
func (f Fit) Line(x, y []float64) (a, b, r2 float64, ok bool) {
	points := make([]point, min(len(x), len(y)))
	for i := range points {
		points[i] = point{x: x[i], y: y[i]}
	}
	line, ok := f.fit(points)
	return line.a, line.b, line.r2, ok
}

// place is what the line is straight in.
func (l *fitted) place(x float64) (float64, bool) {
	if !l.log {
		return x, true
	}
	return math.Log2(x), x > 0
}

func (l *fitted) at(x float64) (float64, bool) {
	p, ok := l.place(x)
	return l.a + l.b*p, ok
}

// String is the formula and R², the share of the variance that it explains.
func (l *fitted) String() string {
	sign, b := " + ", l.b
	if b < 0 {
		sign, b = " − ", -b
	}
	of := " x"
	if l.log {
		of = " log₂ x"
	}
	a := digits(math.Abs(l.a), 3)
	if l.a < 0 && a != "0" {
		a = "−" + a
	}
	return "y = " + a + sign + digits(b, 3) + of + " (R² = " + digits(l.r2, 3) + ")"
}
