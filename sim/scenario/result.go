package scenario

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/sim"
)

// Result is what came of a run.
type Result struct {
	Scenario    *Scenario
	Seed        uint64
	Nodes       int // at the end, up or not
	Workers     int
	Virtual     time.Duration // how far it came
	Wall        time.Duration // what it took
	Events      uint64
	Hash        uint64 // of all that happened: equal for equal runs
	Interrupted bool

	Series        []Series
	Distributions []Distribution
	Values        map[string]Number // by the name of the metric, at the end
	Judgements    []Judgement
	Failure       *Failure   // of a rule that must always hold
	Lookup        sim.Lookup // one of the last, with its steps
	Tables        []TableRow // of some nodes, at the end
	Transcript    []sim.Step // if it was asked for

	ids []enode.ID // of some nodes
}

// Number is a float64 that JSON has as null where it is none or has no end.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
	return []byte("null"), nil
}

// Series is a metric over time.
type Series struct {
	Metric    string
	At        []float64 // seconds
	Value     []float64
	Low, High []float64 // the tenth and ninetieth percentiles of nodes, or nil
}

// Distribution is what a metric was for each node or lookup; infinite: it never was.
type Distribution struct {
	Metric string
	Values []float64
}

// TableRow is the buckets of a node's table, the nearest first.
type TableRow struct {
	Name          string
	Entries, Dead []int
}

// Failure is a rule that must always hold, and did not.
type Failure struct {
	Seed   uint64        `json:"seed"`
	At     time.Duration `json:"-"`
	Host   int           `json:"host"` // -1: of no host in particular
	Rule   string        `json:"rule"`
	Detail string        `json:"detail"`
}

// Metric returns what a metric was at the end; not a number if it was not measured.
func (r *Result) Metric(name string) float64 {
	if v, ok := r.Values[name]; ok {
		return float64(v)
	}
	return math.NaN()
}

// Passed reports whether no rule was broken that was not meant to be, and no expectation
// that could be judged failed.
func (r *Result) Passed() bool {
	return (r.Failure == nil || r.meant()) && !slices.ContainsFunc(r.Judgements, func(j Judgement) bool { return j.Judged && !j.OK })
}

// meant reports whether the rule that was broken was expected to be.
func (r *Result) meant() bool {
	return slices.ContainsFunc(r.Judgements, func(j Judgement) bool { return j.OK && j.Text == "breaks "+r.Failure.Rule })
}

// Rate returns the events of a second of real time.
func (r *Result) Rate() float64 {
	if r.Wall <= 0 {
		return 0
	}
	return float64(r.Events) / r.Wall.Seconds()
}

func (r *Result) series(name string) *Series {
	for i := range r.Series {
		if r.Series[i].Metric == name {
			return &r.Series[i]
		}
	}
	return nil
}

// add appends a sample. It is the metric's value at the end, too, until another comes.
func (r *Result) add(name string, at time.Duration, v float64) *Series {
	s := r.series(name)
	if s == nil {
		r.Series = append(r.Series, Series{Metric: name})
		s = &r.Series[len(r.Series)-1]
	}
	s.At = append(s.At, at.Seconds())
	s.Value = append(s.Value, v)
	r.Values[name] = Number(v)
	return s
}

// addBand appends a sample of many nodes: their median, and what lies around it.
func (r *Result) addBand(name string, at time.Duration, values []float64) {
	slices.Sort(values)
	s := r.add(name, at, percentile(values, 0.5))
	s.Low = append(s.Low, percentile(values, 0.1))
	s.High = append(s.High, percentile(values, 0.9))
}

// percentile returns the least of sorted values that the share p of them does not
// exceed.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(float64(p*float64(len(sorted))) - 1e-9))
	return sorted[max(rank, 1)-1]
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
