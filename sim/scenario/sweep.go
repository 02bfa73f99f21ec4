package scenario

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/kithnet/kith/sim/report"
)

// Set returns the scenario with another value at a key such as "nodes", "link.loss" or
// "server.max_peers". The text of a value is as in the file; a duration may go without
// its quotes.
func (s *Scenario) Set(key, value string) (*Scenario, error) {
	var tree map[string]any
	if _, err := toml.Decode(s.text, &tree); err != nil {
		return nil, readable(err)
	}
	parts := strings.Split(key, ".")
	if slices.Contains(parts, "") {
		return nil, fmt.Errorf("%q is no key", key)
	}
	table := tree
	for _, part := range parts[:len(parts)-1] {
		switch next := table[part].(type) {
		case map[string]any:
			table = next
		case nil:
			made := make(map[string]any)
			table[part], table = made, made
		default:
			return nil, fmt.Errorf("%q is no key with one value", key)
		}
	}
	last := parts[len(parts)-1]
	switch table[last].(type) {
	case map[string]any, []map[string]any, []any:
		return nil, fmt.Errorf("%q is no key with one value", key)
	}
	table[last] = scalar(value)
	if key == "nodes" || key == "duration" { // the small size is another matter
		delete(tree, "small")
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(tree); err != nil {
		return nil, fmt.Errorf("%s = %s: %w", key, value, err)
	}
	c, err := Decode(b.String())
	if err != nil {
		return nil, fmt.Errorf("%s = %s: %w", key, value, withoutLine(err))
	}
	return c, nil
}

// withoutLine is an error without the line of a file that nobody has seen.
func withoutLine(err error) error {
	if _, rest, ok := strings.Cut(err.Error(), ": "); ok && strings.HasPrefix(err.Error(), "line ") {
		return fmt.Errorf("%s", rest)
	}
	return err
}

// scalar reads a value as TOML would, and what TOML would not as text.
func scalar(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	if b, err := strconv.ParseBool(s); err == nil {
		return b
	}
	return strings.Trim(s, `"`)
}

// Sweep is runs of one scenario with different values of a key.
type Sweep struct {
	Scenario *Scenario
	Key      string
	Points   []Point
}

// Point is a run of a sweep.
type Point struct {
	Value  string
	Result *Result
}

// x returns the number that a value is, in seconds if it is a duration.
func (p *Point) x() (x float64, unit report.Unit, ok bool) {
	if v, err := strconv.ParseFloat(p.Value, 64); err == nil {
		return v, report.Number, true
	}
	if d, err := time.ParseDuration(p.Value); err == nil {
		return d.Seconds(), report.Seconds, true
	}
	return 0, 0, false
}

// SweepMetrics are those that a sweep tells of, if they were measured.
func SweepMetrics() []string {
	return []string{"accuracy", "hops_mean", "hops_median", "queries", "lookup_time", "timeouts", "filled", "dead", "full_table", "first_neighbour",
		"bytes", "connected", "peers", "enough_peers", "diameter", "table_share", "lookup_share", "outbound_share", "victim_bytes"}
}

// Page is the report of a sweep.
func (w *Sweep) Page(version string) *report.Page {
	p := &report.Page{Title: w.Scenario.Name + " over " + w.Key, Lead: w.Scenario.Question + "\n\nAsked again for each value of " + w.Key + "."}
	if len(w.Points) > 0 {
		r := w.Points[0].Result
		p.Facts = []report.Fact{{Name: "seed", Value: strconv.FormatUint(r.Seed, 10), Note: "of the first run; each value's is in the table"},
			{Name: "runs", Value: strconv.Itoa(len(w.Points))}}
	}
	if version != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "version", Value: version})
	}
	figs := report.Section{Title: "Outcome", Text: "A dot is a run: what was measured at its end."}
	for _, name := range SweepMetrics() {
		if fig, ok := w.figure(name); ok {
			figs.Figures = append(figs.Figures, fig)
		}
	}
	p.Sections = []report.Section{figs, {Title: "Runs", Table: w.table()}, {Title: "Scenario", Pre: w.Scenario.text}}
	return p
}

// figure plots a metric; ok is false if it was not measured, or values are no numbers.
func (w *Sweep) figure(name string) (fig report.Lines, ok bool) {
	m, _ := metric(name)
	s := report.Series{Name: strings.ReplaceAll(name, "_", " "), Points: true}
	var unit report.Unit
	least, most := math.Inf(1), math.Inf(-1)
	for _, p := range w.Points {
		x, u, isNumber := p.x()
		v, measured := p.Result.Values[name]
		if !isNumber || !measured {
			continue
		}
		unit = u
		s.X, s.Y = append(s.X, x), append(s.Y, float64(v))
		least, most = min(least, x), max(most, x)
	}
	if len(s.X) < 2 {
		return fig, false
	}
	fig = report.Lines{Title: capital(strings.ReplaceAll(name, "_", " ")), Caption: capital(m.Text) + ".",
		X: report.Axis{Label: w.Key, Unit: unit, Log: w.log(least, most)}, Y: report.Axis{Label: strings.ReplaceAll(name, "_", " "), Unit: m.Unit}}
	if m.Unit == report.Share {
		fig.Y.To = 1
	}
	if w.Key == "nodes" && strings.HasPrefix(name, "hops") {
		s.Fit = report.FitLog
	}
	fig.X.At = slices.Compact(slices.Sorted(slices.Values(s.X)))
	fig.Series = []report.Series{s}
	return fig, true
}

// log reports whether values from least to most belong on a logarithmic axis. Sizes of a
// network do earlier: on it, what grows with their logarithm is a straight line.
func (w *Sweep) log(least, most float64) bool {
	return least > 0 && (most/least >= 20 || w.Key == "nodes" && most/least >= 4)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// maxColumns bounds the metrics of the table.
const maxColumns = 7

func (w *Sweep) table() *report.Table {
	t := &report.Table{Header: []string{w.Key, "seed", "nodes", "hash", "outcome"}}
	if w.Key == "nodes" {
		t.Header = slices.Delete(t.Header, 2, 3) // it would be there twice
	}
	var shown []string
	for _, name := range SweepMetrics() {
		if len(shown) < maxColumns && slices.ContainsFunc(w.Points, func(p Point) bool { _, ok := p.Result.Values[name]; return ok }) {
			shown = append(shown, name)
		}
	}
	t.Header = append(t.Header, shown...)
	for _, p := range w.Points {
		r := p.Result
		row := []string{p.Value, strconv.FormatUint(r.Seed, 10), strconv.Itoa(r.Nodes), fmt.Sprintf("%016x", r.Hash), r.Outcome()}
		if w.Key == "nodes" {
			row = slices.Delete(row, 2, 3)
		}
		for _, name := range shown {
			m, _ := metric(name)
			row = append(row, m.Unit.Format(r.Metric(name)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Outcome says in a word or two how a run came out.
func (r *Result) Outcome() string {
	failed := 0
	for _, j := range r.Judgements {
		if j.Judged && !j.OK {
			failed++
		}
	}
	switch {
	case r.Failure != nil && !r.meant():
		return "broke " + r.Failure.Rule
	case r.Interrupted:
		return "interrupted"
	case failed > 0:
		return fmt.Sprintf("%d of %d failed", failed, len(r.Judgements))
	}
	return "passed"
}

// Fit returns the line a + b log2(x) through a metric of the runs, and the share of the
// variance that it explains; ok is false without three different numbers.
func (w *Sweep) Fit(name string) (a, b, r2 float64, ok bool) {
	points := make(map[float64]bool)
	var xs, ys []float64
	for _, p := range w.Points {
		x, _, isNumber := p.x()
		v, measured := p.Result.Values[name]
		if isNumber && measured && x > 0 && !math.IsInf(float64(v), 0) && !math.IsNaN(float64(v)) {
			points[x] = true
			xs, ys = append(xs, x), append(ys, float64(v))
		}
	}
	if len(slices.Collect(maps.Keys(points))) < 3 {
		return 0, 0, 0, false
	}
	return report.FitLog.Line(xs, ys)
}
