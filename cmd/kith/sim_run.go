package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kithnet/kith/internal/hugepages"
	"github.com/kithnet/kith/sim/scenario"
)

var simRunCommand = command{
	name:  "sim run",
	args:  "SCENARIO",
	short: "run a simulated network and judge what comes of it",
	long: `SCENARIO is a name that "kith sim list" lists, or a file: what has a dot or a slash in it.

Everything is drawn from the seed: the same scenario, seed and number of nodes give the same network,
bit for bit, whatever the machine and the number of workers; the hash says so.

The exit code is 0 if no rule was broken and every expectation that could be judged came true. On a broken
rule it runs once more and prints what the node that broke it had sent and received before.`,
	setup: func(fs *flagSet) action {
		f := newSimFlags(fs)
		fs.text(&f.report, "report", "write a report as one HTML page to `FILE`")
		return func(ctx context.Context, a *app, args []string) error {
			s, err := loadScenario(args)
			if err != nil {
				return err
			}
			return f.run(ctx, a, s, args[0])
		}
	},
}

func (f *simFlags) run(ctx context.Context, a *app, s *scenario.Scenario, name string) error {
	o, err := f.options(s)
	if err != nil {
		return err
	}
	file, err := createReport(f.report)
	if err != nil {
		return err
	}
	r, err := f.simulate(ctx, a, s, o)
	if err != nil {
		file.abandon()
		return err
	}
	if again, ok := r.Witness(o); ok && ctx.Err() == nil {
		if seen, err := f.simulate(ctx, a, s, again); err == nil {
			r.Transcript = seen.Transcript
		}
	}
	if file != nil {
		if err := file.finish(f.report, r.Page(readVersion().Version)); err != nil {
			return err
		}
	}
	if f.json {
		a.writeJSON(simJSON(r))
	} else {
		if f.mix != "" {
			name += " --mix " + f.mix
		}
		writeResult(a.stdout, r, name)
		if f.report != "" {
			fmt.Fprintf(a.stdout, "\nreport     %s\n", f.report)
		}
	}
	return simFailure(r)
}

// simulate runs a scenario with progress on a terminal.
func (f *simFlags) simulate(ctx context.Context, a *app, s *scenario.Scenario, o scenario.Options) (*scenario.Result, error) {
	show, done := simProgress(a, f.json, s.Name)
	defer done()
	defer holdFor(cmp.Or(o.Nodes, s.Nodes))()
	o.Progress = show
	r, err := scenario.Run(ctx, s, o)
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

const (
	// From largeWorld nodes on the garbage may be a third of what is in use, and not as
	// much again: memory is what bounds such a world, and there is little garbage.
	largeWorld    = 5000
	largeWorldGCs = 33
)

// holdFor has memory held as is good for so many nodes, and returns what ends that: in huge pages,
// and with the collector run so often, unless the environment says how often.
func holdFor(nodes int) (undo func()) {
	if nodes < largeWorld {
		return func() {}
	}
	stop := hugepages.Keep()
	if os.Getenv("GOGC") != "" {
		return stop
	}
	before := debug.SetGCPercent(largeWorldGCs)
	return func() {
		debug.SetGCPercent(before)
		stop()
	}
}

var errInterrupted = errors.New("interrupted")

// simFailure is why a run did not pass, or nil.
func simFailure(r *scenario.Result) error {
	switch {
	case r.Passed() && r.Interrupted:
		return fmt.Errorf("%w after %v of %v", errInterrupted, r.Virtual, r.Scenario.Duration)
	case r.Passed():
		return nil
	case r.Failure != nil:
		fl := r.Failure
		who := ""
		if fl.Host >= 0 {
			who = fmt.Sprintf(", host %d", fl.Host)
		}
		return fmt.Errorf("seed %d, at %v%s: rule %q is broken: %s", fl.Seed, fl.At, who, fl.Rule, fl.Detail)
	}
	return fmt.Errorf("seed %d: %s", r.Seed, r.Outcome())
}

// shownMetrics are those that a result tells of, with what they are called.
var shownMetrics = []struct{ name, text string }{
	{"up", "nodes up"}, {"filled", "tables filled"}, {"dead", "entries dead"}, {"alone", "nodes alone"},
	{"first_neighbour", "first neighbour"}, {"full_table", "full table"}, {"accuracy", "lookups right"}, {"accuracy_v4", "by v4 alone"}, {"accuracy_v5", "by v5 alone"}, {"accuracy_both", "by both"}, {"hops_mean", "hops"},
	{"lookup_time", "time of a lookup"}, {"queries", "nodes asked"}, {"timeouts", "without answer"}, {"bytes", "a node sends"},
	{"peers", "peers"}, {"enough_peers", "enough peers"}, {"connected", "connected"}, {"diameter", "diameter"},
	{"table_share", "adversaries in tables"}, {"lookup_share", "in lookups"}, {"outbound_share", "among dialed peers"},
	{"peer_share", "among peers"}, {"address_share", "of addresses"}, {"victim_bytes", "victim receives"},
}

// percentiles are the metrics that stand beside another.
var beside = map[string]string{
	"filled": "filled_low", "first_neighbour": "first_neighbour_p90", "full_table": "full_table_p90", "hops_mean": "hops_p90",
	"lookup_time": "lookup_time_p90", "peers": "peers_low", "enough_peers": "enough_peers_p90",
}

func writeResult(w io.Writer, r *scenario.Result, name string) {
	s := r.Scenario
	wrap(w, s.Question, "")
	fmt.Fprintln(w)
	state := ""
	if r.Interrupted {
		state = ", interrupted"
	}
	fmt.Fprintf(w, "ran        %s with %s nodes for %v of virtual time%s\n", s.Name, count(r.Nodes), r.Virtual, state)
	fmt.Fprintf(w, "events     %s in %s, %s a second with %s; %s of memory\n", count(r.Events), took(r.Wall), count(uint64(r.Rate())),
		plural(r.Workers, "worker"), size(float64(residentMemory())))
	fmt.Fprintf(w, "repeat     kith sim run %s --seed %d --nodes %d, hash %016x\n\n", name, r.Seed, s.Nodes, r.Hash)
	for _, m := range shownMetrics {
		v := r.Metric(m.name)
		if !measured(v) {
			continue
		}
		line := fmt.Sprintf("%-22s %s", m.text, simValue(m.name, v))
		if b, ok := beside[m.name]; ok && measured(r.Metric(b)) {
			what := "90th percentile"
			if strings.HasSuffix(b, "_low") {
				what = "10th percentile"
			}
			line += fmt.Sprintf(", %s %s", what, simValue(b, r.Metric(b)))
		}
		fmt.Fprintln(w, line)
	}
	if len(r.Judgements) > 0 {
		fmt.Fprintln(w)
	}
	for _, j := range r.Judgements {
		came := ""
		if j.Judged && measured(float64(j.Got)) {
			came = " (" + j.Unit.Format(float64(j.Got)) + ")"
		}
		fmt.Fprintf(w, "%-11s %s%s\n", j.Verdict(), j.Text, came)
	}
	writeFailure(w, r)
}

// writeFailure tells of a broken rule, and of the packets that led there.
func writeFailure(w io.Writer, r *scenario.Result) {
	f := r.Failure
	if f == nil {
		return
	}
	fmt.Fprintf(w, "\nbroken     rule %q, seed %d, at %v, host %d\n           %s\n", f.Rule, f.Seed, f.At, f.Host, f.Detail)
	if len(r.Transcript) > 0 {
		fmt.Fprintf(w, "\nThe last %d packets that host %d sent (->) and received (<-):\n%s", len(r.Transcript), f.Host, scenario.Transcribe(r.Transcript))
	}
}

// simResult is a result as JSON has it.
type simResult struct {
	Type        string                     `json:"type"`
	Scenario    string                     `json:"scenario"`
	Passed      bool                       `json:"passed"`
	Outcome     string                     `json:"outcome"`
	Interrupted bool                       `json:"interrupted"`
	Seed        uint64                     `json:"seed"`
	Nodes       int                        `json:"nodes"`
	Seconds     float64                    `json:"virtualSeconds"`
	Wall        float64                    `json:"wallSeconds"`
	Events      uint64                     `json:"events"`
	Rate        float64                    `json:"eventsPerSecond"`
	Memory      uint64                     `json:"memoryBytes"`
	Hash        string                     `json:"hash"`
	Metrics     map[string]scenario.Number `json:"metrics"`
	Expected    []scenario.Judgement       `json:"expected"`
	Failure     *scenario.Failure          `json:"failure,omitempty"`
	At          float64                    `json:"failedSeconds,omitempty"`
	Transcript  []string                   `json:"transcript,omitempty"`
}

func simJSON(r *scenario.Result) simResult {
	j := simResult{Type: "result", Scenario: r.Scenario.Name, Passed: r.Passed(), Outcome: r.Outcome(), Interrupted: r.Interrupted, Seed: r.Seed,
		Nodes: r.Nodes, Seconds: r.Virtual.Seconds(), Wall: r.Wall.Seconds(), Events: r.Events, Rate: r.Rate(), Memory: residentMemory(),
		Hash: fmt.Sprintf("%016x", r.Hash), Metrics: r.Values, Expected: r.Judgements, Failure: r.Failure}
	if r.Failure != nil {
		j.At = r.Failure.At.Seconds()
	}
	for _, s := range r.Transcript {
		j.Transcript = append(j.Transcript, s.String())
	}
	return j
}

// progressPause is the time between two redraws.
const progressPause = 200 * time.Millisecond
