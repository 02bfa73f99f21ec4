package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/report"
)

// Page is the report of a run. version is that of the program.
func (r *Result) Page(version string) *report.Page {
	s := r.Scenario
	p := &report.Page{Title: s.Name, Lead: s.Question + "\n\n" + r.answer(), Facts: r.facts(version)}
	p.Sections = append(p.Sections, r.expectationSection())
	if f := r.Failure; f != nil {
		p.Sections = append(p.Sections, r.failureSection())
	}
	p.Sections = append(p.Sections, r.timeSection())
	if sec := r.lookupSection(); len(sec.Figures) > 0 {
		p.Sections = append(p.Sections, sec)
	}
	if sec := r.nodeSection(); len(sec.Figures) > 0 {
		p.Sections = append(p.Sections, sec)
	}
	p.Sections = append(p.Sections, r.valueSection(), report.Section{Title: "Scenario",
		Text: "Run it again with: " + r.Command("run"), Pre: s.text})
	return p
}

// Command is the command line that repeats the run.
func (r *Result) Command(verb string) string {
	mix := ""
	if r.Scenario.mix != "" {
		mix = " --mix " + r.Scenario.mix
	}
	return fmt.Sprintf("kith sim %s %s --seed %d --nodes %d --duration %v%s", verb, r.Scenario.Name, r.Seed, r.Scenario.Nodes, r.Virtual, mix)
}

// answer says in a sentence how it came out.
func (r *Result) answer() string {
	failed, cut := 0, 0
	for _, j := range r.Judgements {
		switch {
		case !j.Judged:
			cut++
		case !j.OK:
			failed++
		}
	}
	n := len(r.Judgements)
	text := ""
	switch {
	case r.Failure != nil:
		text = fmt.Sprintf("It ended after %v: the rule %q was broken.", r.Failure.At, r.Failure.Rule)
	case n == 0:
		text = "No rule was broken; the scenario expects nothing."
	case failed == 0 && cut == 0:
		text = fmt.Sprintf("No rule was broken, and all %d expectations came true.", n)
	default:
		text = fmt.Sprintf("No rule was broken; of %d expectations %d came true, %d did not.", n, n-failed-cut, failed)
	}
	if cut > 0 {
		text += fmt.Sprintf(" It was cut short before %d could be judged.", cut)
	}
	if a := r.Metric("accuracy"); !math.IsNaN(a) {
		text += fmt.Sprintf(" At the end lookups found %s of the nearest nodes, over %s hops on average.",
			report.Share.Format(a), report.Number.Format(r.Metric("hops_mean")))
	}
	return text
}

func (r *Result) facts(version string) []report.Fact {
	at := ""
	if r.Interrupted {
		at = "interrupted"
	}
	facts := []report.Fact{
		{Name: "nodes", Value: report.Number.Format(float64(r.Nodes)), Note: "up at the end: " + report.Number.Format(r.Metric("up"))},
		{Name: "virtual time", Value: report.Seconds.Format(r.Virtual.Seconds()), Note: at},
		{Name: "seed", Value: strconv.FormatUint(r.Seed, 10)},
		{Name: "hash", Value: fmt.Sprintf("%016x", r.Hash), Note: "equal for equal runs, whatever the machine and the number of workers"},
		{Name: "events", Value: report.Number.Format(float64(r.Events)), Note: report.Number.Format(math.Round(r.Rate())) + " a second, the world's making and measuring included"},
		{Name: "wall time", Value: report.Seconds.Format(r.Wall.Seconds()), Note: fmt.Sprintf("%d workers", r.Workers)},
		{Name: "packets", Value: r.Scenario.Wire, Note: map[string]string{"struct": "passed as values, taken to be signed", "real": "encoded, signed, parsed and recovered"}[r.Scenario.Wire]},
	}
	if mix := r.Scenario.mix; mix != "" {
		facts = append(facts, report.Fact{Name: "mix", Value: mix, Note: "nodes in a hundred that speak v4 alone, v5 alone, and both"})
	}
	if version != "" {
		facts = append(facts, report.Fact{Name: "version", Value: version})
	}
	return facts
}

func (r *Result) expectationSection() report.Section {
	t := &report.Table{Header: []string{"expected", "came", "outcome"}}
	for _, j := range r.Judgements {
		t.Rows = append(t.Rows, []string{j.Text, j.Unit.Format(float64(j.Got)), j.Verdict()})
	}
	rules := "held"
	if r.Failure != nil {
		rules = "broken: " + r.Failure.Rule
	}
	t.Rows = append(t.Rows, []string{"the rules that always hold", "", rules})
	return report.Section{Title: "Expectations and checks", Table: t,
		Text: "Rules are checked for every node all through the run. Of an expectation about many samples the worst one is shown."}
}

// Verdict says how an expectation came out.
func (j *Judgement) Verdict() string {
	switch {
	case !j.Judged:
		return "not reached"
	case j.OK:
		return "came true"
	}
	return "failed"
}

func (r *Result) failureSection() report.Section {
	f := r.Failure
	return report.Section{Title: "What broke", Pre: Transcribe(r.Transcript),
		Text: fmt.Sprintf("Seed %d, after %v, host %d: rule %q: %s", f.Seed, f.At, f.Host, f.Rule, f.Detail)}
}

// plots are the figures over time: the metrics that share an axis.
var plots = []struct {
	title, label, caption string
	metrics               []string
}{
	{"Nodes that are up", "nodes", "", []string{"up"}},
	{"Tables", "share", "Filled: the share of the entries that a table could have, in the median node; the band is from the 10th to the 90th percentile. Dead: entries that are down or out of reach. Alone: nodes up for a minute without an entry.",
		[]string{"filled", "dead", "alone"}},
	{"Lookups: accuracy", "share", "Of the 16 nearest nodes that could be found. Timeouts: queries without an answer.", []string{"accuracy", "timeouts"}},
	{"Lookups: hops", "hops", "Nodes asked one after the other to get to the nearest; the band is from the 10th to the 90th percentile.", []string{"hops_mean"}},
	{"Lookups: time", "time", "Of the median lookup; the band is from the 10th to the 90th percentile.", []string{"lookup_time"}},
	{"Traffic of a node", "bytes a second", "What a node sends on average: datagrams of discovery.", []string{"bytes"}},
	{"Connections of a node", "peers", "Of the median node; the band is from the 10th to the 90th percentile.", []string{"peers"}},
	{"What adversaries have", "share", "Of the table of their victim, what its lookups find, and whom it is connected to; without a victim, of the average node's.",
		[]string{"table_share", "lookup_share", "outbound_share", "peer_share"}},
	{"What the victim receives", "bytes a second", "Datagrams.", []string{"victim_bytes"}},
	{"Connectedness", "share", "Share of the nodes in the largest part of the network.", []string{"connected"}},
}

func (r *Result) timeSection() report.Section {
	sec := report.Section{Title: "Over time", Text: "All times are virtual."}
	marks := r.marks()
	for _, pl := range plots {
		fig := report.Lines{Title: pl.title, Caption: pl.caption, Band: "10th to 90th percentile", Marks: marks,
			X: report.Axis{Label: "time", Unit: report.Seconds, To: r.Virtual.Seconds()}, Y: report.Axis{Label: pl.label}} // all figures as long
		for _, name := range pl.metrics {
			s := r.series(name)
			if s == nil || len(s.At) < 2 {
				continue
			}
			m, _ := metric(name)
			if fig.Y.Unit = m.Unit; m.Unit == report.Share {
				fig.Y.To = 1
			}
			line := report.Series{Name: strings.ReplaceAll(name, "_", " "), X: s.At, Y: s.Value}
			if len(s.Low) == len(s.At) {
				line.Low, line.High = s.Low, s.High
			}
			fig.Series = append(fig.Series, line)
		}
		if len(fig.Series) > 0 {
			sec.Figures = append(sec.Figures, fig)
		}
	}
	return sec
}

// marks are the scenario's events.
func (r *Result) marks() (list []report.Mark) {
	for _, e := range r.Scenario.Events {
		what := e.Do
		switch {
		case e.Region != "":
			what = e.Region + ": " + e.Do
		case e.Count > 0:
			what = fmt.Sprintf("%d %s", e.Count, e.Do)
		case e.Share > 0:
			what = fmt.Sprintf("%.0f %% %s", 100*e.Share, e.Do)
		}
		if e.At <= r.Virtual {
			list = append(list, report.Mark{X: e.At.Seconds(), Label: what})
		}
	}
	return list
}

func (r *Result) lookupSection() report.Section {
	sec := report.Section{Title: "The last lookups", Text: "Random nodes looked random targets up at the end, all at once."}
	for _, d := range r.Distributions {
		m, _ := metric(d.Metric)
		switch d.Metric {
		case "hops_mean":
			sec.Figures = append(sec.Figures, report.Distribution{Title: "Hops", X: report.Axis{Label: "hops to the nearest node"},
				Sets: []report.Samples{{Values: d.Values}}, Histogram: true})
		case "queries":
			sec.Figures = append(sec.Figures, report.Distribution{Title: "Nodes asked", X: report.Axis{Label: "queries of a lookup"},
				Sets: []report.Samples{{Values: d.Values}}, Histogram: true})
		case "lookup_time":
			sec.Figures = append(sec.Figures, report.Distribution{Title: "Time", X: report.Axis{Label: "time of a lookup", Unit: m.Unit},
				Sets: []report.Samples{{Values: d.Values}}})
		}
	}
	if len(r.Lookup.Steps) > 0 {
		sec.Figures = append(sec.Figures, r.ring())
	}
	return sec
}

func (r *Result) ring() report.Ring {
	l := &r.Lookup
	ring := report.Ring{Title: "One lookup, step by step", Target: l.Target, Self: l.From.Node().ID(),
		Caption: fmt.Sprintf("The one with the median number of queries: node %d looks a random target up, and finds %d of the %d nearest.",
			l.From.Index(), l.Right, l.Possible)}
	for _, id := range r.ids {
		ring.Nodes = append(ring.Nodes, id)
	}
	for _, n := range l.Nodes {
		ring.Closest = append(ring.Closest, n.ID())
	}
	for _, st := range l.Steps {
		step := report.Step{ID: st.Node.ID(), Depth: st.Depth, Returned: st.Returned, New: len(st.Heard), At: st.At, Took: st.Took}
		for _, n := range st.Heard {
			step.Heard = append(step.Heard, n.ID())
		}
		if st.Err != nil {
			step.Failed = st.Err.Error()
		}
		ring.Steps = append(ring.Steps, step)
	}
	return ring
}

// waits are the distributions of what nodes waited for.
var waits = []struct{ metric, name string }{
	{"first_neighbour", "first neighbour"}, {"full_table", "full table"}, {"enough_peers", "enough peers"},
}

func (r *Result) nodeSection() report.Section {
	sec := report.Section{Title: "Nodes"}
	fig := report.Distribution{Title: "From a node's start until it has…", X: report.Axis{Label: "time since the start", Unit: report.Seconds, Log: true},
		Caption: "A full table has nine tenths of the entries that it could have."}
	for _, wait := range waits {
		if d := r.distribution(wait.metric); d != nil {
			fig.Sets = append(fig.Sets, report.Samples{Name: wait.name, Values: d.Values})
		}
	}
	if len(fig.Sets) > 0 {
		sec.Figures = append(sec.Figures, fig)
	}
	if d := r.distribution("bytes"); d != nil {
		sec.Figures = append(sec.Figures, report.Distribution{Title: "What nodes sent", Caption: "Datagrams of discovery, averaged over the run.",
			X: report.Axis{Label: "sent", Unit: report.BytesPerSecond, Log: true}, Sets: []report.Samples{{Values: d.Values}}})
	}
	if d := r.distribution("peers"); d != nil {
		sec.Figures = append(sec.Figures, report.Distribution{Title: "Connections", X: report.Axis{Label: "peers of a node"},
			Sets: []report.Samples{{Values: d.Values}}, Histogram: true})
	}
	if len(r.Tables) > 0 {
		fig := report.Buckets{Title: "Tables of some nodes", Caption: "At the end. A row is a node's table: the node's number and the start of its ID. A column is a bucket; what is written in it is how many entries it has.",
			Size: kad.BucketSize, Nearest: 257 - kad.NumBuckets, Kind: "entries", Other: "dead"}
		for _, t := range r.Tables {
			fig.Rows = append(fig.Rows, report.BucketRow{Name: t.Name, Entries: t.Entries, Other: t.Dead})
		}
		sec.Figures = append(sec.Figures, fig)
	}
	return sec
}

func (r *Result) distribution(name string) *Distribution {
	i := slices.IndexFunc(r.Distributions, func(d Distribution) bool { return d.Metric == name })
	if i < 0 || len(r.Distributions[i].Values) == 0 {
		return nil
	}
	return &r.Distributions[i]
}

func (r *Result) valueSection() report.Section {
	t := &report.Table{Header: []string{"metric", "at the end", "what it is"}}
	for _, m := range metrics {
		if v, ok := r.Values[m.Name]; ok {
			t.Rows = append(t.Rows, []string{m.Name, m.Unit.Format(float64(v)), m.Text})
		}
	}
	return report.Section{Title: "All that was measured", Table: t}
}

// Transcribe writes steps of a host, one a line.
func Transcribe(steps []sim.Step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

// before is how long before a failure its transcript begins.
const before = 30 * time.Second

// Witness returns options with which a failed run happens again, and keeps what its host
// sent and received before it failed; ok is false if no host in particular is to blame.
func (r *Result) Witness(o Options) (again Options, ok bool) {
	f := r.Failure
	if f == nil || f.Host < 0 {
		return o, false
	}
	o.Watch = &Watch{Host: f.Host, From: max(0, f.At-before)}
	return o, true
}
