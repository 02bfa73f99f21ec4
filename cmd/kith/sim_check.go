package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"

	"github.com/kithnet/kith/sim/scenario"
)

var simCheckCommand = command{
	name:  "sim check",
	short: "run every simulated network at a small size: what Kith's own tests run",
	long: `It runs each scenario at the small size that its file gives, with its own seed; each with adversaries a
second time without defences; and the scenario churn-mix with --random seeds that nobody has seen, the odd
ones with nodes that speak discovery v4, v5 or both. A line says how each came out and how to repeat it.

The exit code is 0 if all passed.`,
	setup: func(fs *flagSet) action {
		c := &simCheck{random: 20, jobs: min(runtime.NumCPU(), 8)}
		fs.number(&c.random, "random", "run churn-mix with `N` random seeds", 0, 100_000)
		fs.uint64(&c.seed, "seed", "take the random seeds to be `N` and those that follow")
		fs.number(&c.jobs, "jobs", "run `N` at a time", 1, 256)
		return func(ctx context.Context, a *app, args []string) error {
			if err := want(args); err != nil {
				return err
			}
			if !fs.isSet("seed") {
				c.seed = rand.Uint64N(1 << 32)
			}
			return c.run(ctx, a)
		}
	},
}

// randomScenario is the one that runs with random seeds, and randomMix what its nodes
// speak if the seed is odd.
const (
	randomScenario = "churn-mix"
	randomMix      = "34:33:33"
)

type simCheck struct {
	random int
	seed   uint64
	jobs   int
}

// job is a run, and the command line that repeats it.
type job struct {
	s      *scenario.Scenario
	o      scenario.Options
	repeat string
}

// list returns what is to be run.
func (c *simCheck) list() (jobs []job, err error) {
	add := func(s *scenario.Scenario, o scenario.Options, more string) {
		o.Nodes, o.Duration = s.Small.Nodes, s.Small.Duration
		repeat := "kith sim run " + s.Name
		if o.Nodes > 0 {
			repeat += " --nodes " + strconv.Itoa(o.Nodes)
		}
		if o.Duration > 0 {
			repeat += " --duration " + briefly(o.Duration)
		}
		jobs = append(jobs, job{s, o, repeat + more})
	}
	for _, s := range scenario.Shipped() {
		add(s, scenario.Options{}, "")
		if len(s.Adversaries) > 0 {
			add(s, scenario.Options{Without: "all"}, " --defences off")
		}
	}
	mix, err := scenario.Load(randomScenario)
	if err != nil {
		return nil, err
	}
	for i := range c.random {
		seed := c.seed + uint64(i)
		o, more := scenario.Options{Seed: &seed}, " --seed "+strconv.FormatUint(seed, 10)
		if seed%2 == 1 {
			o.Mix = randomMix
			more += " --mix " + randomMix
		}
		add(mix, o, more)
	}
	return jobs, nil
}

func (c *simCheck) run(ctx context.Context, a *app) error {
	jobs, err := c.list()
	if err != nil {
		return err
	}
	results := make([]*scenario.Result, len(jobs))
	errs := make([]error, len(jobs))
	done := make([]chan struct{}, len(jobs))
	next := make(chan int)
	var wg sync.WaitGroup
	for i := range jobs {
		done[i] = make(chan struct{})
	}
	for range c.jobs {
		wg.Go(func() {
			for i := range next {
				results[i], errs[i] = scenario.Run(ctx, jobs[i].s, jobs[i].o)
				close(done[i])
			}
		})
	}
	go func() {
		for i := range jobs {
			next <- i
		}
		close(next)
	}()
	failed := 0
	for i := range jobs {
		<-done[i]
		if errs[i] != nil {
			wg.Wait()
			return errs[i]
		}
		failed += c.write(a, &jobs[i], results[i])
	}
	wg.Wait()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, plural(len(jobs), "run"))
	}
	fmt.Fprintf(a.stdout, "all %s passed\n", plural(len(jobs), "run"))
	return nil
}

// write tells how a run came out, and returns 1 if it failed.
func (c *simCheck) write(a *app, j *job, r *scenario.Result) int {
	fmt.Fprintf(a.stdout, "%-12s %8s events %7s  %016x  %s\n", r.Outcome(), count(r.Events), took(r.Wall), r.Hash, j.repeat)
	if r.Passed() {
		return 0
	}
	for _, e := range r.Judgements {
		if e.Judged && !e.OK {
			fmt.Fprintf(a.stdout, "             %s: %s\n", e.Text, e.Unit.Format(float64(e.Got)))
		}
	}
	if r.Failure != nil {
		fmt.Fprintf(a.stdout, "             %v\n", simFailure(r))
	}
	return 1
}
