package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kithnet/kith/sim/report"
)

// Expectation is what must come of a run: a metric, how it compares to a value, and
// when. "breaks amplification" is for a run without defences that must end because that
// rule is broken. "filled >= 0.9 from 2m to 5m" holds if each sample from then to then does;
// "filled >= 0.9 at 5m" if the last one until then does; without a time it is the end
// that counts. "table_share <= address_share+0.05" compares with what something else came
// to.
type Expectation struct {
	Text     string
	Metric   string
	Op       string // ">=", "<=", ">" or "<"
	Value    float64
	Breaks   string // a rule, in place of all that follows
	Of       string // a metric whose value at the end is added to Value, or ""
	Timed    bool
	From, To time.Duration // equal: at that time
}

// maxExpect bounds the expectations of a scenario.
const maxExpect = 100

func (s *Scenario) completeExpect() (err error) {
	s.expects, err = s.parseExpect("expect", s.Expect)
	return err
}

func (s *Scenario) parseExpect(key string, list []string) (expects []Expectation, err error) {
	if len(list) > maxExpect {
		return nil, s.problem(key, "%d expectations, at most %d", len(list), maxExpect)
	}
	for _, text := range list {
		e, err := parseExpectation(text, s.Duration)
		if err != nil {
			return nil, s.problem(key, "%q: %v", text, err)
		}
		expects = append(expects, e)
	}
	return expects, nil
}

// parseExpectation reads one of a run of some length.
func parseExpectation(text string, end time.Duration) (e Expectation, err error) {
	e.Text = text
	words := strings.Fields(text)
	if len(words) == 2 && words[0] == "breaks" {
		e.Breaks = words[1]
		return e, nil
	}
	if len(words) < 3 {
		return e, fmt.Errorf("want a metric, >= or <=, and a value, such as \"accuracy >= 0.99\"")
	}
	m, ok := metric(words[0])
	if !ok {
		var all []string
		for _, m := range metrics {
			all = append(all, m.Name)
		}
		return e, fmt.Errorf("%q is not measured; what is: %s", words[0], strings.Join(all, ", "))
	}
	e.Metric, e.Op = words[0], words[1]
	switch e.Op {
	case ">=", "<=", ">", "<":
	default:
		return e, fmt.Errorf("%q, want >=, <=, > or <", e.Op)
	}
	value := words[2]
	if of, more, ok := strings.Cut(value, "+"); ok {
		if _, ok := metric(of); ok {
			e.Of, value = of, more
		}
	}
	if e.Value, err = parseValue(value, m.Unit); err != nil {
		return e, err
	}
	when := words[3:]
	if len(when) == 0 {
		return e, nil
	}
	if e.Timed = true; !m.Series {
		return e, fmt.Errorf("%s is known at the end alone", e.Metric)
	}
	switch {
	case len(when) == 2 && when[0] == "at":
		e.From, err = parseTime(when[1], end)
		e.To = e.From
	case len(when) == 2 && when[0] == "from":
		e.From, err = parseTime(when[1], end)
		e.To = end
	case len(when) == 4 && when[0] == "from" && when[2] == "to":
		if e.From, err = parseTime(when[1], end); err == nil {
			e.To, err = parseTime(when[3], end)
		}
		if err == nil && e.To < e.From {
			err = fmt.Errorf("it is to end before it begins")
		}
	default:
		err = fmt.Errorf("%q, want \"at TIME\", \"from TIME\" or \"from TIME to TIME\"", strings.Join(when, " "))
	}
	return e, err
}

// parseValue reads a number, or where seconds are measured a duration.
func parseValue(s string, u report.Unit) (float64, error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		return v, nil
	}
	if d, err := time.ParseDuration(s); err == nil && u == report.Seconds {
		return d.Seconds(), nil
	}
	return 0, fmt.Errorf("%q is no value", s)
}

func parseTime(s string, end time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > end {
		return 0, fmt.Errorf("%q is no time up to the duration of %v", s, end)
	}
	return d, nil
}

// holds compares a value.
func (e *Expectation) holds(v float64) bool {
	switch e.Op {
	case ">=":
		return v >= e.Value
	case "<=":
		return v <= e.Value
	case ">":
		return v > e.Value
	}
	return v < e.Value
}

// Judgement is whether an expectation came true.
type Judgement struct {
	Text   string      `json:"text"`
	Got    Number      `json:"got"` // the value that counts: of many the worst
	Unit   report.Unit `json:"-"`
	Judged bool        `json:"judged"` // false: the run was cut short before
	OK     bool        `json:"ok"`
}

// judge looks whether an expectation came true in a run that came so far. What was not
// measured in a whole run did not come true.
func (e Expectation) judge(r *Result) Judgement {
	m, _ := metric(e.Metric)
	j := Judgement{Text: e.Text, Unit: m.Unit, Got: Number(math.NaN())}
	if e.Breaks != "" {
		j.OK = r.Failure != nil && r.Failure.Rule == e.Breaks
		j.Judged = j.OK || r.Virtual >= r.Scenario.Duration
		return j
	}
	if j.Judged = e.reached(r); !j.Judged {
		return j
	}
	values := r.within(&e)
	e.Value += float64(r.Values[e.Of])
	j.OK = len(values) > 0
	for i, v := range values {
		if i == 0 || worse(e.Op, v, float64(j.Got)) {
			j.Got = Number(v)
		}
		j.OK = j.OK && e.holds(v)
	}
	return j
}

// reached reports whether a run has come to where the expectation can be judged: the end
// of a shorter run will do if all that was to happen has.
func (e *Expectation) reached(r *Result) bool {
	if e.Timed {
		return r.Virtual >= e.To
	}
	return !r.Interrupted && r.Failure == nil && r.Virtual >= r.Scenario.last()
}

// last returns when the last thing happens.
func (s *Scenario) last() (at time.Duration) {
	for _, e := range s.Events {
		at = max(at, e.At+e.Over)
	}
	for _, a := range s.Adversaries {
		at = max(at, a.At)
	}
	return max(at, s.Join)
}

// within returns the values that an expectation is about.
func (r *Result) within(e *Expectation) (values []float64) {
	if !e.Timed {
		if v, ok := r.Values[e.Metric]; ok {
			values = append(values, float64(v))
		}
		return values
	}
	s := r.series(e.Metric)
	if s == nil {
		return nil
	}
	const exact = 1e-9
	for i, at := range s.At {
		switch {
		case at > e.To.Seconds()+exact:
			return values
		case e.From == e.To: // the last one counts
			values = []float64{s.Value[i]}
		case at >= e.From.Seconds()-exact:
			values = append(values, s.Value[i])
		}
	}
	return values
}

// worse reports whether a is farther from what op wants than b.
func worse(op string, a, b float64) bool {
	if op[0] == '>' {
		return a < b
	}
	return a > b
}
