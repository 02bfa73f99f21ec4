package report

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestThin(t *testing.T) {
	points := make([]point, 100_000)
	for i := range points {
		points[i] = point{x: float64(i), y: math.Sin(float64(i) / 500)}
	}
	points[34567].y, points[76543].y = 50, -50
	points[20000].gap = true
	kept := thin(points, maxPoints)
	if len(kept) > maxPoints || len(kept) < maxPoints/3 {
		t.Errorf("kept %d points", len(kept))
	}
	if kept[0] != points[0] || kept[len(kept)-1] != points[len(points)-1] {
		t.Error("the ends are lost")
	}
	gaps := 0
	for i, p := range kept {
		if i > 0 && p.x <= kept[i-1].x {
			t.Fatalf("point %d is at %v, after %v", i, p.x, kept[i-1].x)
		}
		if p.gap {
			gaps++
		}
	}
	if !slices.Contains(kept, points[34567]) || !slices.Contains(kept, points[76543]) {
		t.Error("a peak is lost")
	}
	if gaps != 1 {
		t.Errorf("%d gaps, want 1", gaps)
	}
	if !points[20000].gap || points[20001].gap {
		t.Error("the points were changed")
	}
	if few := points[:maxPoints]; len(thin(few, maxPoints)) != maxPoints {
		t.Error("few points were thinned")
	}
}

func TestSpaced(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	if got := spaced(list, 4); !slices.Equal(got, []int{0, 3, 6, 9}) {
		t.Errorf("spaced: %v", got)
	}
	for most := range 12 {
		if got := spaced(list, most); len(got) > most {
			t.Errorf("%d of %d", len(got), most)
		}
	}
}

func TestGapsInterruptLines(t *testing.T) {
	page := render(t, Lines{Series: []Series{{X: []float64{0, 1, 2, 3, 4}, Y: []float64{0, 1, nan, 3, 4}}}})
	_, d, _ := strings.Cut(page, `<path class="curve s0 n0" d="`)
	d, _, _ = strings.Cut(d, `"`)
	if page := render(t, Lines{Series: []Series{{X: []float64{0, 1, 2}, Y: []float64{0, nan, 2}}}}); !strings.Contains(page, `<path class="dots s0 n0"`) {
		t.Error("points on their own are not seen")
	}
	if strings.Count(d, "M") != 2 || strings.Count(d, "L") != 2 {
		t.Errorf("path %s", d)
	}
}

func TestFit(t *testing.T) {
	var line, log []point
	for x := 1.0; x <= 1024; x *= 2 {
		line = append(line, point{x: x, y: 3 - 2*x})
		log = append(log, point{x: x, y: 1.5 + 0.25*math.Log2(x)})
	}
	for _, c := range []struct {
		fit    Fit
		points []point
		want   string
	}{
		{FitX, line, "y = 3 − 2 x (R² = 1)"},
		{FitLog, append(log, point{x: -1, y: 99}), "y = 1.5 + 0.25 log₂ x (R² = 1)"},
		{FitX, []point{{x: 0, y: 0}, {x: 1, y: 1}, {x: 2, y: 0}, {x: 3, y: 1}}, "y = 0.2 + 0.2 x (R² = 0.2)"},
		{FitX, []point{{x: 0, y: 5}, {x: 1, y: 5}}, "y = 5 + 0 x (R² = 1)"},
	} {
		f, ok := c.fit.fit(c.points)
		if !ok || f.String() != c.want {
			t.Errorf("%q %v, want %q", f.String(), ok, c.want)
		}
	}
	for _, none := range [][]point{nil, {{x: 1, y: 1}}, {{x: 1, y: 1}, {x: 1, y: 2}}} {
		if f, ok := FitX.fit(none); ok {
			t.Errorf("%v has the line %v", none, f.String())
		}
	}
	if _, ok := NoFit.fit(line); ok {
		t.Error("a line that was not asked for")
	}
}

func TestPercentiles(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{hundred, "s: median 50, p90 90, p99 99, n = 100"},
		{[]float64{7}, "s: median 7, p90 7, p99 7, n = 1"},
		{[]float64{1, 2, inf}, "s: median 2, p90 ∞, p99 ∞, n = 3"},
		{[]float64{nan}, "s: no data"},
	} {
		r := sortSamples(&Samples{"s", c.values}, &Axis{}, "")
		if got := r.key(Number, 'l').name; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestCumulativeEndsBelow wants samples without an end to keep the curve from the top.
func TestCumulativeEndsBelow(t *testing.T) {
	r := sortSamples(&Samples{"s", []float64{1, 2, 2, inf}}, &Axis{}, "")
	p := &plot{x: scale{lo: 1, hi: 2, from: 0, to: 100}, y: scale{lo: 0, hi: 1, from: 100, to: 0}}
	got := p.stairs(&r)
	want := []point{{x: 1, y: 0}, {x: 1, y: 0.25}, {x: 2, y: 0.75}, {x: 2, y: 0.75}}
	if !slices.Equal(got, want) {
		t.Errorf("stairs %v, want %v", got, want)
	}
}

func TestBins(t *testing.T) {
	b := newBins(extent{-2, 3, true})
	if b.n != 6 || b.wide != 1 || !slices.Equal(b.count([]float64{-2, 0, 0.4, 3, 2.6}), []int{1, 0, 2, 0, 0, 2}) {
		t.Errorf("%+v %v", b, b.count([]float64{-2, 0, 0.4, 3, 2.6}))
	}
	b = newBins(extent{3, 999, true})
	if b.wide != 50 || b.start != 0 || b.n != 20 || b.name(1, Number) != "50 to 99" {
		t.Errorf("%+v %s", b, b.name(1, Number))
	}
	for _, e := range []extent{{0, 40, true}, {0, 39, true}, {39, 79, true}, {-1e100, 1e100, true}, {1e15, 1e15 + 40, true}} {
		b := newBins(e)
		if last := b.start + float64(b.n)*b.wide; b.n > maxBins || last < e.hi {
			t.Errorf("%+v: %+v up to %v", e, b, last)
		}
	}
}

func TestRingDistances(t *testing.T) {
	r := Ring{Target: [32]byte{0x80, 31: 1}}
	at := func(byteNo int, xor byte) [32]byte {
		id := r.Target
		id[byteNo] ^= xor
		return id
	}
	for _, c := range []struct {
		id       [32]byte
		distance int
		fine     float64
	}{
		{r.Target, 0, 0}, {at(0, 0x80), 256, 255}, {at(0, 0xff), 256, 255 + math.Log2(255.0/128)}, {at(1, 1), 241, 240}, {at(31, 1), 1, 0}, {at(31, 3), 2, math.Log2(3)},
	} {
		if got := r.distance(c.id); got != c.distance {
			t.Errorf("distance %d, want %d", got, c.distance)
		}
		if got := r.fine(c.id); math.Abs(got-c.fine) > 1e-9 {
			t.Errorf("distance %v, want %v", got, c.fine)
		}
	}
	near := func(what string, x, y, wantX, wantY float64) {
		if math.Abs(x-wantX) > 1e-6 || math.Abs(y-wantY) > 1e-6 {
			t.Errorf("%s is at %v, %v", what, x, y)
		}
	}
	x, y := r.place(r.Target, 0)
	near("the target", x, y, ringX, ringY-ringR)
	x, y = r.place(at(0, 0x80), 0)
	near("the farthest", x, y, ringX, ringY+ringR)
	x, y = r.place([32]byte{0xc0}, 0)
	near("a quarter on", x, y, ringX+ringR, ringY)
}
