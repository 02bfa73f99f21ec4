package report

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What follows was wrong once, and seen only in a browser.

// TestAxesEndOnTicks: an axis was made longer to end on a tick, and then had others.
func TestAxesEndOnTicks(t *testing.T) {
	for hi := 0.01; hi < 5000; hi *= 1.07 {
		for unit := range BytesPerSecond + 1 {
			s := newScale(Axis{Unit: unit}, extent{0, hi, true}, plotHeight, 0, true)
			ticks := s.ticks()
			if last := ticks[len(ticks)-1].v; !s.inside(last) || s.share(last) < 1-1e-6 {
				t.Errorf("unit %d: an axis to %v ends at %v, with its last tick at %v", unit, hi, s.hi, last)
			}
		}
	}
}

func TestGivenTicks(t *testing.T) {
	at := []float64{-1, nan, 50, 100, 800, 1600}
	s := scale{axis: Axis{Log: true, At: at}, lo: 45, hi: 900, from: 0, to: 600}
	if got := join(labels(s)); got != "50 100 800" {
		t.Errorf("ticks at %s, want 50 100 800", got)
	}
	s.axis.At = make([]float64, 1000)
	s.axis.Log, s.lo = false, 0
	if n := len(s.ticks()); n != maxTicks {
		t.Errorf("%d ticks of 1000, want %d", n, maxTicks)
	}
}

// TestFitIsDrawnOverTheData: it went below the least value and ended where it left the
// axis, which was as high as the points.
func TestFitIsDrawnOverTheData(t *testing.T) {
	x, y := []float64{50, 100, 200, 400, 800}, []float64{1, 1, 2, 2, 2}
	svg := Lines{X: Axis{Log: true}, Series: []Series{{X: x, Y: y, Points: true, Fit: FitLog}}}.draw().svg.svg("")
	paths := regexp.MustCompile(`class="curve fit s0 n0" d="M(\S+) \S+(L[^"]*?L(\S+) \S+)"`).FindAllStringSubmatch(svg, -1)
	dots := regexp.MustCompile(`class="dots s0 n0" d="M(\S+) [^"]*M(\S+) [^"M]*"`).FindStringSubmatch(svg)
	if len(paths) != 1 || dots == nil {
		t.Fatalf("%d lines, dots %q", len(paths), dots)
	}
	if p := paths[0]; p[1] != dots[1] || p[3] != dots[2] || strings.Contains(p[2], "M") {
		t.Errorf("the line is from %s to %s, the points from %s to %s", p[1], p[3], dots[1], dots[2])
	}
}

// TestSeriesDiffer: in print the seventh series was as the first of its colour.
func TestSeriesDiffer(t *testing.T) {
	dash := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\.n(\d+)\.curve\{stroke-dasharray:([^}]*)\}`).FindAllStringSubmatch(figureCSS, -1) {
		dash[m[1]] = m[2]
	}
	seen := map[string]int{}
	for i := range maxSeries {
		d := dash[strconv.Itoa(i)]
		if j, twice := seen[d]; twice {
			t.Errorf("lines %d and %d are both dashed %q", j, i, d)
		}
		seen[d] = i
	}
}

func TestRingLegend(t *testing.T) {
	step := Step{ID: [32]byte{1}}
	for _, c := range []struct {
		ring      Ring
		has, lack string
	}{
		{Ring{Steps: []Step{step}}, ">asked, and answered<", ">asked, and failed<"},
		{Ring{Steps: []Step{step}}, ">the closest that answered<", "heard of"},
		{Ring{Steps: []Step{{Failed: "timeout"}}}, ">asked, and failed<", ">asked, and answered<"},
		{Ring{Steps: []Step{{Heard: [][32]byte{{2}}}}}, ">the closest heard of so far<", ">one of the closest<"},
		{Ring{Steps: []Step{step}, Nodes: [][32]byte{{3}}}, ">another node of the network<", ">who looks up<"},
	} {
		svg := c.ring.draw().svg.svg("")
		if !strings.Contains(svg, c.has) || strings.Contains(svg, c.lack) {
			t.Errorf("the legend has no %q, or %q", c.has, c.lack)
		}
	}
}

func TestLabelWithoutCaption(t *testing.T) {
	page := render(t, Lines{Title: "Hops"})
	if !strings.Contains(page, `aria-label="Figure 1. Hops"`) {
		t.Error("the picture's name is not that of the figure")
	}
}

// TestWideTables: numbers were broken, and made rows twice as high.
func TestWideTables(t *testing.T) {
	table := Table{Header: make([]string, roomyColumns+1)}
	if !strings.Contains(table.html(), `class="table wide"`) {
		t.Error("a table of many columns is as narrow as text")
	}
	if !strings.Contains(pageCSS, "td.number,th.number{text-align:right;white-space:nowrap}") {
		t.Error("numbers are broken")
	}
}
