package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/sim/report"
)

// written is the text of a page.
func written(t *testing.T, p *report.Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageTimes: figures over time began at their first samples, which are not at the
// same time, so that an event stood at another place in each.
func TestPageTimes(t *testing.T) {
	s := decode(t, quiet)
	r := &Result{Scenario: s, Virtual: 10 * time.Minute, Values: map[string]Number{}}
	for i := range 5 {
		r.add("up", time.Duration(i+1)*time.Second, 3)
		r.add("accuracy", time.Duration(i+4)*time.Minute, 1)
	}
	figures := r.timeSection().Figures
	if len(figures) != 2 {
		t.Fatalf("%d figures, want those of up and accuracy", len(figures))
	}
	for _, f := range figures {
		if x := f.(report.Lines).X; x.From != 0 || x.To != 600 {
			t.Errorf("%s is from %v s to %v s, want the whole run", f.(report.Lines).Title, x.From, x.To)
		}
	}
}

// TestPageEscapes: what a scenario says is text and nothing else.
func TestPageEscapes(t *testing.T) {
	s := decode(t, quiet)
	s.Question = `"><img src=x onerror=alert(1)> </title><script>alert(2)</script> 'q' & &amp;`
	s.text = s.Question
	r := &Result{Scenario: s, Virtual: time.Minute, Values: map[string]Number{}}
	for _, page := range []string{written(t, r.Page("")), written(t, (&Sweep{Scenario: s, Key: `<b>"'`}).Page(""))} {
		for _, bad := range []string{"<img", "<script>alert", "<b>&", `<b>"`, "& &amp;"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page has %q", bad)
			}
		}
		if strings.Count(page, "&lt;script&gt;alert(2)&lt;/script&gt;") != 2 || !strings.Contains(page, "&amp; &amp;amp;") {
			t.Error("the question is not there, or not as text in the head and in the scenario")
		}
	}
}

// TestSweepOverNodes: sizes that double are on a logarithmic axis, each with its tick,
// on which what is fitted is straight; the table has them once; and captions say what is
// measured without the metric that stands before it elsewhere.
func TestSweepOverNodes(t *testing.T) {
	s := decode(t, quiet)
	w := &Sweep{Scenario: s, Key: "nodes"}
	for i, v := range []string{"800", "100", "100", "400"} {
		w.Points = append(w.Points, Point{v, &Result{Scenario: s, Values: map[string]Number{
			"hops_median": Number(i), "timeouts": 0, "bytes": 1, "lookup_share": 0, "outbound_share": 0}}})
	}
	page := written(t, w.Page(""))
	fig, ok := w.figure("hops_median")
	if !ok || !fig.X.Log || len(fig.X.At) != 3 || fig.X.At[0] != 100 || fig.X.At[2] != 800 {
		t.Errorf("the axis of nodes is %+v", fig.X)
	}
	if strings.Count(page, `<th scope="col" class="number">nodes</th>`) != 1 {
		t.Error("the table has not one column of nodes")
	}
	for _, bad := range []string{"he same of", "sends with them", "of them that", "</strong> share"} {
		if strings.Contains(page, bad) {
			t.Errorf("a caption says %q", bad)
		}
	}
	w.Key = "link.loss"
	if fig, _ := w.figure("hops_median"); fig.X.Log {
		t.Error("what is no size is on a logarithmic axis from a factor of eight")
	}
	if row := w.table().Rows[0]; len(row) != len(w.table().Header) || w.table().Header[2] != "nodes" {
		t.Errorf("the table of another key has %q", w.table().Header)
	}
}

// TestPageRing: the ring of a lookup shows whom its answers named.
func TestPageRing(t *testing.T) {
	s := decode(t, quiet)
	r, err := Run(t.Context(), s, Options{Nodes: 60, Duration: 40 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ring := r.ring()
	for _, step := range ring.Steps {
		if step.New != len(step.Heard) || step.New > step.Returned {
			t.Errorf("%d of %d nodes are new, %d are shown", step.New, step.Returned, len(step.Heard))
		}
	}
	if len(ring.Steps) == 0 || len(ring.Steps[0].Heard) == 0 {
		t.Error("the first answer told nothing new")
	}
}
