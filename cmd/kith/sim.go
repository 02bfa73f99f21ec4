package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/report"
	"github.com/kithnet/kith/sim/scenario"
)

var simListCommand = command{
	name:  "sim list",
	short: "list the simulated networks that come with Kith",
	long: `A scenario is a network in one process, in virtual time: who is in it, on which links, what
happens to it, what is measured and what must come of it. It is a file; docs/simulator.md says what may be
in one.`,
	setup: func(fs *flagSet) action {
		asJSON, show := false, ""
		fs.boolean(&asJSON, "json", "write JSON")
		fs.text(&show, "show", "print the file of the scenario `NAME`, to begin your own with")
		return func(_ context.Context, a *app, args []string) error {
			if err := want(args); err != nil {
				return err
			}
			if show != "" {
				s, err := scenario.Load(show)
				if err != nil {
					return usagef("--show: %w", err)
				}
				fmt.Fprint(a.stdout, s.Text())
				return nil
			}
			return a.listScenarios(asJSON)
		}
	},
}

// listed is a line of the list.
type listed struct {
	Name     string  `json:"name"`
	Nodes    int     `json:"nodes"`
	Seconds  float64 `json:"seconds"`
	Question string  `json:"question"`
}

func (a *app) listScenarios(asJSON bool) error {
	for _, s := range scenario.Shipped() {
		l := listed{s.Name, s.Nodes, s.Duration.Seconds(), s.Question}
		if asJSON {
			a.writeJSON(l)
			continue
		}
		fmt.Fprintf(a.stdout, "%s  (%s nodes, %s)\n", l.Name, count(l.Nodes), briefly(s.Duration))
		wrap(a.stdout, l.Question, "    ")
	}
	return nil
}

// simFlags are those of every command that runs a scenario.
type simFlags struct {
	seed     uint64
	nodes    int
	workers  int
	duration time.Duration
	defences string
	mix      string
	without  string
	json     bool
	report   string
	fs       *flagSet
}

const (
	maxSimNodes = 2_000_000
	maxSimTime  = 30 * 24 * time.Hour
)

func newSimFlags(fs *flagSet) *simFlags {
	f := &simFlags{fs: fs, workers: min(runtime.NumCPU(), 8)}
	fs.uint64(&f.seed, "seed", "draw everything from the seed `N` rather than the scenario's")
	fs.number(&f.nodes, "nodes", "run it with `N` nodes rather than the scenario's number", 0, maxSimNodes)
	fs.number(&f.workers, "workers", "use `N` cores: the outcome is the same", 1, 256)
	fs.duration(&f.duration, "duration", "let it run for `TIME`, which is virtual, rather than the scenario's", 0, maxSimTime)
	fs.choice(&f.defences, "defences", "`on`, or off: nodes do without all their defences against adversaries", []string{"on", "off"})
	fs.text(&f.without, "without", "do without some `DEFENCES`: names separated by commas")
	fs.text(&f.mix, "mix", "have `V4:V5:BOTH` in a hundred nodes speak discovery v4 alone, v5 alone and both, rather than the scenario's")
	fs.boolean(&f.json, "json", "write JSON")
	return f
}

// options are what the flags say, checked against a scenario.
func (f *simFlags) options(s *scenario.Scenario) (o scenario.Options, err error) {
	o = scenario.Options{Nodes: f.nodes, Duration: f.duration, Workers: f.workers, Without: f.without, Mix: f.mix}
	if f.fs.isSet("seed") {
		o.Seed = &f.seed
	}
	if f.without != "" {
		if _, err := sim.ParseDefences(f.without); err != nil {
			return o, usagef("--without: %s", strings.TrimPrefix(err.Error(), "sim: "))
		}
	}
	if f.mix != "" {
		if _, err := s.With(scenario.Options{Mix: f.mix}); err != nil {
			return o, usagef("--mix: %w", err)
		}
	}
	switch f.defences {
	case "off":
		if f.without != "" {
			return o, usagef("give only one of --defences and --without")
		}
		o.Without = "all"
	case "on":
		o.Without = cmp.Or(f.without, "none")
	}
	if _, err := s.With(o); err != nil {
		return o, usagef("--nodes: %w", err)
	}
	return o, nil
}

// loadScenario returns the scenario of an argument. A name or a file that is not there
// and a file that says what can't be are wrong usage.
func loadScenario(args []string) (*scenario.Scenario, error) {
	if err := want(args, "the scenario"); err != nil {
		return nil, err
	}
	s, err := scenario.Load(args[0])
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// reportFile is a file for a report, made before the run: that it can't be written is
// no news for its end.
type reportFile struct{ *os.File }

func createReport(name string) (*reportFile, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, usagef("--report: %w", pathCause(name, err))
	}
	return &reportFile{f}, nil
}

// pathCause names the file that was asked for, rather than a temporary one.
func pathCause(name string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", name, path.Err)
	}
	return err
}

// finish writes the page and gives the file its name.
func (f *reportFile) finish(name string, p *report.Page) error {
	if f == nil {
		return nil
	}
	err := p.Write(f)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("--report: %w", pathCause(name, err))
	}
	return nil
}

// abandon removes the file of a report that will not be.
func (f *reportFile) abandon() {
	if f != nil {
		f.Close()
		os.Remove(f.Name())
	}
}

// value writes a number of a metric.
func simValue(name string, v float64) string {
	for _, m := range scenario.Metrics() {
		if m.Name == name {
			return m.Unit.Format(v)
		}
	}
	return report.Number.Format(v)
}

// measured reports whether a metric has a value.
func measured(v float64) bool { return !math.IsNaN(v) }
