package report

import (
	"math"
	"strings"
	"testing"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// odd are numbers that a careless chart breaks on.
var odd = [][]float64{
	nil, {}, {0}, {1}, {-1}, {nan}, {inf}, {-inf}, {nan, inf, -inf}, {3, 3, 3}, {-3, -3}, {0, 0},
	{1, nan, 2, 3, inf, 4}, {nan, 1, nan}, {-5, 5}, {-1e300, 1e300}, {1e-300, 2e-300}, {1e100, -1e100}, {1e-100, 1e100},
	{1, 1 + 1e-15}, {1e15, 1e15 + 1}, {1e6, 1e6 + 10}, {math.MaxFloat64, 1}, {math.SmallestNonzeroFloat64, 1}, {math.Copysign(0, -1), 1},
	{5, 4, 3, 2, 1}, {1, 10, 100, 1e9}, {0, 1e-7}, {59.999, 60.001}, {0.1, 0.2, 0.3}, {-0.001, 0.999},
}

func TestOddNumbers(t *testing.T) {
	for i, xs := range odd {
		for j, ys := range odd {
			for _, log := range []bool{false, true} {
				a := Axis{Unit: Unit(i+j) % (BytesPerSecond + 1), Log: log}
				d := Lines{X: a, Y: a, Series: []Series{{X: xs, Y: ys, Low: ys, High: xs, Points: (i+j)%2 == 0, Fit: FitLog}},
					Marks: []Mark{{nan, "x"}, {inf, "y"}, {-1, "z"}, {1, ""}}}.draw()
				checkDrawing(t, d, xs, ys)
			}
		}
	}
	for _, v := range odd {
		for _, log := range []bool{false, true} {
			for unit := range BytesPerSecond + 1 {
				for _, hist := range []bool{false, true} {
					checkDrawing(t, Distribution{X: Axis{Unit: unit, Log: log}, Sets: []Samples{{"a", v}, {"b", nil}, {"c", v}}, Histogram: hist}.draw(), v)
				}
				var bars []Bar
				for _, x := range v {
					bars = append(bars, Bar{Name: "x", Value: x})
				}
				checkDrawing(t, Bars{Unit: unit, Bars: bars}.draw(), v)
			}
		}
	}
}

// checkDrawing checks one picture without the rest of the page.
func checkDrawing(t testing.TB, d drawing, input ...any) {
	t.Helper()
	for _, err := range pageErrors("<!DOCTYPE html>\n" + figureHTML(d, 1)) {
		t.Errorf("%v: %v", input, err)
	}
}

func TestOddAxes(t *testing.T) {
	for _, a := range []Axis{{From: 1, To: -1}, {From: nan, To: inf}, {From: -inf, To: inf}, {From: -1, To: 1}, {From: 0, To: 1e-300}, {To: 1e300}, {From: 1e9, To: 2e9}} {
		for _, log := range []bool{false, true} {
			a.Log = log
			checkDrawing(t, Lines{X: a, Y: a, Series: []Series{{X: []float64{1, 2}, Y: []float64{3, 4}}}}.draw(), a)
			checkDrawing(t, Distribution{X: a, Sets: []Samples{{"", []float64{1, 2}}}}.draw(), a)
			checkDrawing(t, Distribution{X: a, Sets: []Samples{{"", []float64{1, 2}}}, Histogram: true}.draw(), a)
		}
	}
}

func TestOddRingsAndBuckets(t *testing.T) {
	target := [32]byte{0xab, 31: 7}
	near := target
	near[31] ^= 1
	far := target
	far[0] ^= 0x80
	for _, r := range []Ring{
		{}, {Steps: make([]Step, 1)}, {Steps: make([]Step, 500)},
		{Target: target, Self: target, Steps: []Step{{ID: target, Depth: -1, Returned: -5, At: -1}}},
		{Target: target, Self: near, Steps: []Step{{ID: near, Heard: [][32]byte{target, far}}, {ID: far, Failed: "timeout"}}, Closest: [][32]byte{near}},
		{Target: target, Steps: []Step{{ID: far, Failed: "timeout", At: math.MaxInt64, Took: math.MinInt64}}},
	} {
		checkDrawing(t, r.draw(), "ring")
	}
	for _, b := range []Buckets{
		{}, {Rows: make([]BucketRow, 3)}, {Rows: []BucketRow{{"a", []int{0}, nil}}}, {Size: -1, Nearest: -3, Rows: []BucketRow{{"a", []int{-1, 99, math.MaxInt}, []int{5, 500, -1, 3}}}},
		{Other: "dead", Rows: []BucketRow{{"a", make([]int, 17), nil}, {"b", []int{16, 3}, []int{16, 3}}, {}}},
		{Nearest: math.MaxInt, Rows: []BucketRow{{"a", []int{1}, nil}}}, {Rows: make([]BucketRow, 500)},
	} {
		checkDrawing(t, b.draw(), "buckets")
	}
}

func TestLeftOutIsSaid(t *testing.T) {
	page := render(t, Lines{Y: Axis{Log: true}, Series: []Series{{Name: "s", X: []float64{1, 2, 3, 4}, Y: []float64{1, nan, -1, 4}}}})
	if !strings.Contains(page, "2 values are not drawn: they are not finite numbers, or not above zero on a logarithmic axis.") {
		t.Error("the note does not count what is missing")
	}
	page = render(t, Lines{Series: []Series{{Name: "s", X: []float64{1}, Y: []float64{nan}}}})
	if !strings.Contains(page, "no data") || !strings.Contains(page, "1 value is not drawn") {
		t.Error("a figure without data does not say so")
	}
	page = render(t, Distribution{X: Axis{Unit: Seconds, Log: true}, Sets: []Samples{{"s", []float64{-1, 0, 1, 2, inf, nan, -inf}}}})
	for _, want := range []string{"2 samples count, but are not above zero", "1 sample counts, but is infinite (never)", "2 values are not drawn", "n = 5"} {
		if !strings.Contains(page, want) {
			t.Errorf("the note has no %q", want)
		}
	}
}
