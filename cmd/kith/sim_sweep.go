package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kithnet/kith/sim/scenario"
)

var simSweepCommand = command{
	name:  "sim sweep",
	args:  "SCENARIO",
	short: "run a simulated network with several values of something",
	long: `--over names a key of the scenario's file and its values: nodes=100,1000,10000 or link.loss=0,0.1,0.3.
Any key that has one value will do. The report plots the outcome over the values, hops over nodes with the
line a + b log2(nodes) that fits them best.

The exit code is 0 if every run passed.`,
	setup: func(fs *flagSet) action {
		f := newSimFlags(fs)
		over, seeds := "", 1
		fs.text(&over, "over", "the key and its values: `KEY=VALUE,...`")
		fs.number(&seeds, "seeds", "run each value with `N` seeds, the one after the other", 1, 1000)
		fs.text(&f.report, "report", "write a report as one HTML page to `FILE`")
		return func(ctx context.Context, a *app, args []string) error {
			s, err := loadScenario(args)
			if err != nil {
				return err
			}
			points, err := f.sweepPoints(s, over)
			if err != nil {
				return err
			}
			file, err := createReport(f.report)
			if err != nil {
				return err
			}
			w := &scenario.Sweep{Scenario: s, Key: points[0].key}
			failed, err := f.sweep(ctx, a, w, points, seeds)
			if err != nil {
				file.abandon()
				return err
			}
			if file != nil {
				if err := file.finish(f.report, w.Page(readVersion().Version)); err != nil {
					return err
				}
			}
			f.writeSweep(a, w)
			switch {
			case ctx.Err() != nil:
				return fmt.Errorf("%w after %d of %s", errInterrupted, len(w.Points), plural(len(points)*seeds, "run"))
			case failed > 0:
				return fmt.Errorf("%d of %s failed", failed, plural(len(w.Points), "run"))
			}
			return nil
		}
	},
}

// sweepPoint is a scenario of a sweep.
type sweepPoint struct {
	key, value string
	s          *scenario.Scenario
	o          scenario.Options
}

// maxSweep bounds the values of a sweep.
const maxSweep = 1000

// sweepPoints checks all values before the first run.
func (f *simFlags) sweepPoints(s *scenario.Scenario, over string) (points []sweepPoint, err error) {
	key, values, ok := strings.Cut(over, "=")
	if !ok || key == "" || values == "" {
		return nil, usagef("--over %q: want a key and its values, such as nodes=100,1000", over)
	}
	list := strings.Split(values, ",")
	if len(list) > maxSweep {
		return nil, usagef("--over: %d values, at most %d", len(list), maxSweep)
	}
	for _, v := range list {
		v = strings.TrimSpace(v)
		c, err := s.Set(key, v)
		if err != nil {
			return nil, usagef("--over: %w", err)
		}
		o, err := f.options(c)
		if err != nil {
			return nil, err
		}
		switch key {
		case "nodes":
			o.Nodes = 0
		case "seed":
			o.Seed = nil
		case "duration":
			o.Duration = 0
		}
		points = append(points, sweepPoint{key, v, c, o})
	}
	return points, nil
}

// sweep runs all points until ctx ends, and returns how many failed.
func (f *simFlags) sweep(ctx context.Context, a *app, w *scenario.Sweep, points []sweepPoint, seeds int) (failed int, err error) {
	for _, p := range points {
		for k := range seeds {
			if ctx.Err() != nil {
				return failed, nil
			}
			o := p.o
			seed := p.s.Seed + uint64(k)
			if o.Seed != nil {
				seed = *o.Seed + uint64(k)
			}
			o.Seed = &seed
			r, err := f.simulate(ctx, a, p.s, o)
			if err != nil {
				return failed, err
			}
			if r.Interrupted {
				return failed, nil
			}
			w.Points = append(w.Points, scenario.Point{Value: p.value, Result: r})
			if !r.Passed() {
				failed++
			}
		}
	}
	return failed, nil
}

// sweepColumns are the metrics of the table.
var sweepColumns = []string{"accuracy", "hops_mean", "queries", "lookup_time", "filled", "dead", "full_table", "bytes"}

func (f *simFlags) writeSweep(a *app, w *scenario.Sweep) {
	if f.json {
		for _, p := range w.Points {
			a.writeJSON(struct {
				Key   string `json:"key"`
				Value string `json:"value"`
				simResult
			}{w.Key, p.Value, simJSON(p.Result)})
		}
		return
	}
	writeSweepTable(a.stdout, w)
	if line, b, r2, ok := w.Fit("hops_mean"); ok && w.Key == "nodes" {
		fmt.Fprintf(a.stdout, "\nhops       %.2f + %.2f log2(nodes), R2 %.3f\n", line, b, r2)
	}
	if f.report != "" {
		fmt.Fprintf(a.stdout, "\nreport     %s\n", f.report)
	}
}

func writeSweepTable(out io.Writer, w *scenario.Sweep) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\tseed\t%s\toutcome\t\n", w.Key, strings.Join(sweepColumns, "\t"))
	for _, p := range w.Points {
		fmt.Fprintf(t, "%s\t%d\t", p.Value, p.Result.Seed)
		for _, name := range sweepColumns {
			v := p.Result.Metric(name)
			if !measured(v) {
				fmt.Fprint(t, "-\t")
				continue
			}
			fmt.Fprintf(t, "%s\t", simValue(name, v))
		}
		fmt.Fprintf(t, "%s\t\n", p.Result.Outcome())
	}
	t.Flush()
}
