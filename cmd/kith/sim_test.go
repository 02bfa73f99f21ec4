package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/scenario"
)

// TestSimProgressLine fits a run so far into a line.
func TestSimProgressLine(t *testing.T) {
	last := scenario.Progress{Wall: 10 * time.Second, Events: 1_000_000}
	p := scenario.Progress{Virtual: 90 * time.Second, Of: 3 * time.Minute, Wall: 12 * time.Second, Nodes: 1234, Events: 1_600_000}
	line := progressLine("steady", p, last, style{full: "#", empty: "."})
	if want := "steady ############............ 1m30s of 3m0s  1,234 nodes  1,600,000 events, 300,000/s  "; !strings.HasPrefix(line, want) {
		t.Errorf("%q, want %q…", line, want)
	}
}

// TestSimQuiet: where no terminal is, nothing but the result is written.
func TestSimQuiet(t *testing.T) {
	var out, errs bytes.Buffer
	show, done := simProgress(&app{stdout: &output{w: &out}, stderr: &errs}, false, "x")
	done()
	if show != nil || out.Len()+errs.Len() > 0 {
		t.Error("progress without a terminal")
	}
}

// TestSimFailure tells of a broken rule what it takes to see it again.
func TestSimFailure(t *testing.T) {
	s, err := scenario.Load("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	r := &scenario.Result{Scenario: s, Seed: 42, Nodes: 9, Values: map[string]scenario.Number{"up": 9},
		Failure:    &scenario.Failure{Seed: 42, At: 90 * time.Second, Host: 7, Rule: "bucket", Detail: "it has 17 entries"},
		Transcript: []sim.Step{{At: 89 * time.Second, Out: true, What: "PING record 1"}}}
	if err := simFailure(r); err == nil || err.Error() != `seed 42, at 1m30s, host 7: rule "bucket" is broken: it has 17 entries` {
		t.Error(err)
	}
	var b strings.Builder
	writeResult(&b, r, "./mine.toml")
	for _, want := range []string{"kith sim run ./mine.toml --seed 42 --nodes 1000", `rule "bucket", seed 42, at 1m30s, host 7`, "it has 17 entries",
		"The last 1 packets that host 7 sent", "89.000000 s  -> ", "PING record 1", "nodes up               9\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}

// TestSimInterrupted: a run ends with what it has, and says so.
func TestSimInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, errs := runKith(ctx, "sim", "run", "bootstrap", "--nodes", "20")
	if code != exitFailed || !strings.Contains(out, "virtual time, interrupted\n") || !strings.HasPrefix(errs, "kith sim run: interrupted after ") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

// TestSimCheckList: what Kith's tests run is every scenario, and each with adversaries
// twice; the command lines that repeat a run are right.
func TestSimCheckList(t *testing.T) {
	jobs, err := (&simCheck{random: 20, seed: 7}).list()
	if err != nil {
		t.Fatal(err)
	}
	without, random := 0, 0
	for _, j := range jobs {
		if strings.HasSuffix(j.repeat, " --defences off") {
			without++
		}
		if strings.Contains(j.repeat, "--seed ") {
			random++
		}
		fs := newFlagSet()
		simRunCommand.setup(fs)
		args, err := fs.parse(strings.Fields(strings.TrimPrefix(j.repeat, "kith sim run ")))
		if err != nil || len(args) != 1 || args[0] != j.s.Name {
			t.Errorf("%s: %v", j.repeat, err)
		}
	}
	if all := len(scenario.Shipped()); len(jobs) != all+without+random || random != 20 || without < 9 || jobs[len(jobs)-1].repeat != "kith sim run churn-mix --seed 26" {
		t.Errorf("%d runs of %d scenarios, %d without defences, %d with other seeds: %s", len(jobs), all, without, random, jobs[len(jobs)-1].repeat)
	}
}

// TestSimCheckWrites a line for each run, and what failed.
func TestSimCheckWrites(t *testing.T) {
	s, err := scenario.Load("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	a := &app{stdout: &output{w: &b}}
	c := &simCheck{}
	r := &scenario.Result{Scenario: s, Hash: 0xabc, Judgements: []scenario.Judgement{{Text: "up >= 3", Got: 2, Judged: true}}}
	if c.write(a, &job{s: s, repeat: "kith sim run x"}, r) != 1 || !strings.Contains(b.String(), "0000000000000abc  kith sim run x\n             up >= 3: 2\n") {
		t.Error(b.String())
	}
	r.Judgements[0].OK = true
	if c.write(a, &job{s: s}, r) != 0 {
		t.Error("it passed")
	}
}
