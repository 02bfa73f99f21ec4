package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
)

func decode(t testing.TB, text string) *Scenario {
	t.Helper()
	s, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t testing.TB, s *Scenario, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at returns a series' last value until a time.
func (r *Result) at(metric string, at time.Duration) float64 {
	v := math.NaN()
	if s := r.series(metric); s != nil {
		for i := range s.At {
			if s.At[i] <= at.Seconds() {
				v = s.Value[i]
			}
		}
	}
	return v
}

// TestReplay: the same seed gives the same run with any number of workers and however
// packets pass, and another seed another one.
func TestReplay(t *testing.T) {
	names := []string{"churn-mix", "eclipse", "half-leaves", "nat-70", "peers-churn", "real-wire", "mixed-ten-thousand", "real-wire-mixed"}
	if testing.Short() {
		names = names[:1]
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			s.Nodes, s.Lookups.Last = 24, 20
			if s.Wire == "real" {
				s.Nodes = 12
			}
			o := Options{Duration: 45 * time.Second, Workers: 1}
			for i := range s.Events { // all of it, soon
				s.Events[i].At /= 24
			}
			for i := range s.Adversaries {
				s.Adversaries[i].At /= 24
				s.Adversaries[i].IDs = 100
			}
			outcome := func() string {
				r := run(t, s, o)
				return fmt.Sprintf("%016x %d %v %v", r.Hash, r.Events, r.Values, r.Failure)
			}
			want := outcome()
			o.Workers = 2
			if got := outcome(); got != want {
				t.Errorf("2 workers: %s\nwant %s", got, want)
			}
			if s.Protocols.alone() != kad.V4 {
				for _, o.Workers = range []int{3, 5} {
					if got := outcome(); got != want {
						t.Errorf("%d workers: %s\nwant %s", o.Workers, got, want)
					}
				}
			}
			if s.Wire == "real" {
				s.Wire = "struct"
				got := strings.Fields(outcome())
				if w := strings.Fields(want); got[0] != w[0] || got[1] != w[1] {
					t.Errorf("packets as values: %s, want %s", got[:2], w[:2])
				}
			}
			other := s.Seed + 1
			o.Seed = &other
			if got := outcome(); strings.Fields(got)[0] == strings.Fields(want)[0] {
				t.Errorf("another seed: %s, too", got)
			}
		})
	}
}

const quiet = `
name = "quiet"
question = "Does it work?"
nodes = 40
duration = "4m"
every = "2s"
[lookups]
last = 30
`

// TestEvents: what is told to happen does.
func TestEvents(t *testing.T) {
	s := decode(t, strings.Replace(quiet, "[lookups]", `expect = ["up <= 25 from 1m to 1m58s", "dead <= 0 at 58s", "dead >= 0.2 at 1m2s", "up >= 66"]
[lookups]`, 1)+`
[[event]]
at = "1m"
do = "leave"
count = 15
[[event]]
at = "2m"
do = "return"
[[event]]
at = "2m30s"
do = "crowd"
share = 0.65
over = "30s"
`)
	r := run(t, s, Options{})
	for at, want := range map[time.Duration]float64{59 * time.Second: 40, 61 * time.Second: 25, 118 * time.Second: 25, 122 * time.Second: 40, 146 * time.Second: 40, 165 * time.Second: 53, 200 * time.Second: 66} {
		if got := r.at("up", at); math.Abs(got-want) > 2 {
			t.Errorf("after %v %v nodes are up, want %v", at, got, want)
		}
	}
	if r.Nodes != 66 || !r.Passed() || r.Metric("accuracy") < 0.99 || r.Metric("filled") < 0.9 {
		t.Errorf("%d nodes, %v, %+v", r.Nodes, r.Values, r.Judgements)
	}
}

// TestPart: a network that is cut in two is two, and then one.
func TestPart(t *testing.T) {
	s := decode(t, strings.Replace(quiet, `"4m"`, `"40m"`, 1)+`
[[event]]
at = "1m"
do = "part"
share = 0.5
[[event]]
at = "16m"
do = "heal"
`)
	r := run(t, s, Options{})
	for at, want := range map[time.Duration]float64{50 * time.Second: 1, 15 * time.Minute: 0.5, 40 * time.Minute: 1} {
		if got := r.at("connected", at); math.Abs(got-want) > 0.02 {
			t.Errorf("after %v %.2f are connected, want %v", at, got, want)
		}
	}
}

// TestRegionLeaves: those of a region go, and no others.
func TestRegionLeaves(t *testing.T) {
	s := decode(t, strings.Replace(quiet, `"4m"`, `"20s"`, 1)+`
[regions]
names = ["a", "b"]
shares = [0.7, 0.3]
one_way_ms = [[5, 50], [50, 5]]
[[event]]
at = "10s"
do = "leave"
region = "b"
`)
	p, err := newPlan(s, s.Seed)
	if err != nil {
		t.Fatal(err)
	}
	stay := 1.0 // the bootnode
	for i := 1; i < s.Nodes; i++ {
		if p.node(i).Region == 0 {
			stay++
		}
	}
	if r := run(t, s, Options{}); r.Metric("up") != stay || stay < 22 || stay > 35 {
		t.Errorf("%v of %d stay, want %v", r.Metric("up"), s.Nodes, stay)
	}
}

// TestPlan: shares come out as they are told to, and bootnodes are spared.
func TestPlan(t *testing.T) {
	s := decode(t, `
name = "x"
nodes = 4000
duration = "1m"
bootnodes = 5
ipv6 = 0.25
[nat]
full_cone = 0.1
symmetric = 0.3
[line]
share = 0.5
up = 1000
[churn]
share = 0.2
up = { exponential = "1m" }
down = { constant = "1m" }
[addresses]
networks = 0.5
`)
	p, err := newPlan(s, 3)
	if err != nil {
		t.Fatal(err)
	}
	var cone, symmetric, line, churn, six float64
	for i := range s.Nodes {
		n := p.node(i)
		if i < 5 && (n.NAT.Kind != sim.NoNAT || n.Sessions.Up != nil || n.Up != 0) {
			t.Errorf("bootnode %+v", n)
		}
		for _, c := range []struct {
			is bool
			n  *float64
		}{{n.NAT.Kind == sim.FullCone, &cone}, {n.NAT.Kind == sim.Symmetric, &symmetric}, {n.Up > 0, &line}, {n.Sessions.Up != nil, &churn}, {n.Addr6.IsValid(), &six}} {
			if c.is {
				*c.n += 1 / float64(s.Nodes)
			}
		}
	}
	for i, pair := range [][2]float64{{cone, 0.1}, {symmetric, 0.3}, {line, 0.5}, {churn, 0.2}, {six, 0.25}} {
		if math.Abs(pair[0]-pair[1]) > 0.03 {
			t.Errorf("%d: %.3f, want %v", i, pair[0], pair[1])
		}
	}
}

// TestMix: shares of protocols come out as they are told to, whoever is what besides.
func TestMix(t *testing.T) {
	for mix, want := range map[string][3]float64{"": {1, 0, 0}, "100:0:0": {1, 0, 0}, "0:100:0": {0, 1, 0}, "0:0:100": {0, 0, 1}, "40:30:30": {0.4, 0.3, 0.3}, "0:70:30": {0, 0.7, 0.3}} {
		text := minimal
		if mix != "" {
			text += fmt.Sprintf("[protocols]\nmix = %q\n", mix)
		}
		s := decode(t, text)
		p, err := newPlan(s, 3)
		if err != nil {
			t.Fatal(err)
		}
		var got [4]float64
		const n = 4000
		for i := range n {
			got[p.speaks(i)] += 1.0 / n
		}
		for i, share := range want {
			if math.Abs(got[1+i]-share) > 0.03 {
				t.Errorf("mix %q: %v, want %v", mix, got[1:], want)
			}
		}
		if p.s.Protocols.alone() == 0 && p.speaks(0) != kad.V4|kad.V5 {
			t.Errorf("mix %q: the bootnode speaks %v", mix, p.speaks(0))
		}
	}
	s, err := decode(t, minimal).With(Options{Mix: "0:50:50"})
	if err != nil || s.Protocols.shares != [3]int{0, 50, 50} {
		t.Errorf("%v, %v", s, err)
	}
	r := run(t, decode(t, quiet), Options{Mix: "30:30:40", Duration: time.Minute})
	for _, name := range accuracies {
		if !(r.Metric(name) >= 0.9) {
			t.Errorf("%s: %v", name, r.Metric(name))
		}
	}
	if c := r.Command("run"); !strings.HasSuffix(c, "--mix 30:30:40") {
		t.Error(c)
	}
}

// TestJudge: expectations fail where they are to.
func TestJudge(t *testing.T) {
	s := decode(t, minimal+`expect = ["filled >= 0.5 from 10s to 30s", "filled >= 0.9 from 10s to 30s", "filled >= 0.9 at 25s", "dead <= 0.1",
	"dead < 0.1", "first_neighbour <= 2s", "outbound_share <= 1", "table_share <= address_share+0.05", "breaks bucket"]`)
	r := &Result{Scenario: s, Virtual: time.Minute, Values: map[string]Number{"dead": 0.1, "first_neighbour": Number(math.Inf(1)), "table_share": 0.12, "address_share": 0.1}}
	for i, v := range []float64{0.1, 0.6, 0.95, 0.95, 0.2} {
		r.add("filled", time.Duration(i)*10*time.Second, v)
	}
	got := ""
	for _, e := range s.expects {
		j := e.judge(r)
		got += map[bool]string{true: "+", false: "-"}[j.OK]
		if !j.Judged {
			t.Errorf("%s: not judged", j.Text)
		}
	}
	if got != "+-++---+-" {
		t.Error(got)
	}
	if j := s.expects[1].judge(r); j.Got != 0.6 || j.Verdict() != "failed" {
		t.Errorf("%+v", j)
	}
	r.Virtual = 20 * time.Second
	if j := s.expects[0].judge(r); j.Judged || j.Verdict() != "not reached" {
		t.Errorf("%+v", j)
	}
	r.Failure = &Failure{Rule: "bucket"}
	if j := s.expects[8].judge(r); !j.OK {
		t.Errorf("%+v", j)
	}
	r.Judgements = []Judgement{s.expects[8].judge(r)}
	if !r.Passed() {
		t.Error("a rule that was to be broken fails the run")
	}
	r.Judgements = nil
	if r.Passed() || r.Outcome() != "broke bucket" {
		t.Error("a broken rule does not fail the run")
	}
}

// TestInterrupted: a run that is ended tells what it has, and judges no end.
func TestInterrupted(t *testing.T) {
	s := decode(t, strings.Replace(quiet, "[lookups]", "expect = [\"filled >= 2\", \"up >= 1 at 10s\", \"up >= 1 at 3m\"]\n[lookups]", 1))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Run(ctx, s, Options{Progress: func(p Progress) {
		if p.Virtual >= 20*time.Second {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || r.Virtual < 20*time.Second || r.Virtual > 22*time.Second || !r.Passed() || r.Metric("up") != 40 {
		t.Errorf("%v, %v, %+v", r.Interrupted, r.Virtual, r.Judgements)
	}
	if j := r.Judgements; j[0].Judged || !j[1].OK || j[2].Judged {
		t.Errorf("%+v", j)
	}
}

// TestWitness: a run that broke a rule runs again, and says what led there.
func TestWitness(t *testing.T) {
	s := decode(t, quiet)
	o := Options{check: func(w *sim.World) error {
		if h := w.Hosts()[11]; h.Traffic().ReceivedPackets >= 200 {
			return &sim.Broken{Seed: 1, At: w.Now(), Host: h.Index(), Rule: sim.RuleBounds, Detail: "too much"}
		}
		return nil
	}}
	r := run(t, s, o)
	if r.Failure == nil || r.Failure.Rule != "bounds" || r.Passed() || r.Outcome() != "broke bounds" {
		t.Fatalf("%+v", r.Failure)
	}
	o, ok := r.Witness(o)
	if !ok {
		t.Fatal("no witness")
	}
	again := run(t, s, o)
	if again.Hash != r.Hash || *again.Failure != *r.Failure {
		t.Errorf("%+v, then %+v", r.Failure, again.Failure)
	}
	n := len(again.Transcript)
	if n < 10 || n > 40 || again.Transcript[n-1].At > r.Failure.At || again.Transcript[n-1].At < r.Failure.At-time.Second {
		t.Fatalf("%d packets: %v", n, again.Transcript)
	}
	if text := Transcribe(again.Transcript); !strings.Contains(text, "-> ") || !strings.Contains(text, "NEIGHBORS") {
		t.Error(text)
	}
	if _, ok := run(t, decode(t, minimal), Options{Duration: time.Second}).Witness(o); ok {
		t.Error("a witness of nothing")
	}
}

// TestWatch: packets of the time that was asked for, and no more than that.
func TestWatch(t *testing.T) {
	s := decode(t, quiet)
	o := Options{Duration: time.Minute, Watch: &Watch{Host: 7, From: 10 * time.Second, To: 40 * time.Second, Last: 5}}
	r := run(t, s, o)
	if len(r.Transcript) != 5 || r.Hash != run(t, s, Options{Duration: time.Minute}).Hash {
		t.Errorf("%v", r.Transcript)
	}
	for _, st := range r.Transcript {
		if st.At < 10*time.Second || st.At > 40*time.Second {
			t.Errorf("%v", st)
		}
	}
}

// TestVictim: what adversaries have of their victim is measured, and defences matter.
func TestVictim(t *testing.T) {
	s, err := Load("eclipse")
	if err != nil {
		t.Fatal(err)
	}
	s.Adversaries[0].IDs = 300
	share := func(without string) float64 {
		r := run(t, s, Options{Nodes: 50, Duration: 7 * time.Minute, Without: without})
		if before := r.at("table_share", 5*time.Minute); before > 0 {
			t.Errorf("%.2f of the table before the attack", before)
		}
		if r.Metric("victim_bytes") <= 0 || r.Metric("address_share") <= 0 || r.Nodes != 350 || r.Metric("up") != 50 {
			t.Errorf("%v, %d nodes", r.Values, r.Nodes)
		}
		return r.Metric("table_share")
	}
	with, without := share("none"), share("all")
	if with > 0.4 || without < 0.5 {
		t.Errorf("%.2f of the table with defences, %.2f without", with, without)
	}
}

// TestPage: the report tells all that there is.
func TestPage(t *testing.T) {
	s, err := Load("peers-churn")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, s, Options{Nodes: 40, Duration: 2 * time.Minute})
	var b strings.Builder
	if err := r.Page("v1.2.3").Write(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{s.Question, "v1.2.3", fmt.Sprintf("%016x", r.Hash), "Expectations and checks", "came true", "One lookup, step by step",
		"Tables of some nodes", "enough peers", "Connections of a node", "max_peers = 20", "--seed 1 --nodes 40"} {
		if !strings.Contains(page, strings.ReplaceAll(want, `"`, "&#34;")) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if _, err := json.Marshal(r.Values); err != nil {
		t.Error(err)
	}
}

// TestSweep: points, their fit, and the report.
func TestSweep(t *testing.T) {
	s := decode(t, quiet)
	w := &Sweep{Scenario: s, Key: "nodes"}
	for i, v := range []string{"100", "200", "400"} {
		r := &Result{Scenario: s, Seed: 5, Values: map[string]Number{"hops_mean": Number(1.5 + 0.25*float64(i)), "accuracy": 1, "full_table": Number(math.Inf(1))}}
		w.Points = append(w.Points, Point{v, r})
	}
	a, b, r2, ok := w.Fit("hops_mean")
	if !ok || math.Abs(b-0.25) > 1e-9 || math.Abs(a+0.25*math.Log2(100)-1.5) > 1e-9 || math.Abs(r2-1) > 1e-9 {
		t.Errorf("%v + %v log2, %v", a, b, r2)
	}
	if _, _, _, ok := w.Fit("full_table"); ok {
		t.Error("a line through infinity")
	}
	var out strings.Builder
	if err := w.Page("").Write(&out); err != nil || !strings.Contains(out.String(), "log₂") {
		t.Errorf("no fitted line, %v", err)
	}
	w.Points = slices.Repeat(w.Points[:1], 3)
	if _, _, _, ok := w.Fit("hops_mean"); ok {
		t.Error("a line through one point")
	}
}

// TestRefused: options that can't be are errors.
func TestRefused(t *testing.T) {
	s := decode(t, strings.Replace(minimal, "nodes", "bootnodes = 5\nnodes", 1))
	for _, o := range []Options{{Nodes: 4}, {Nodes: -1}, {Nodes: maxNodes + 1}, {Without: "luck"}, {Mix: "50:50"}, {Mix: "50:50:50"}, {Mix: "a:b:c"}} {
		if _, err := Run(t.Context(), s, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if _, err := Load("nobody"); err == nil || !strings.Contains(err.Error(), "bootstrap") {
		t.Error(err)
	}
	if _, err := Load("./nobody.toml"); err == nil {
		t.Error("no file, no error")
	}
}
