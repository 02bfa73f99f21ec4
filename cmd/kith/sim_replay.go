package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/kithnet/kith/sim/scenario"
)

var simReplayCommand = command{
	name:  "sim replay",
	args:  "SCENARIO",
	short: "run a simulated network again and print a node's packets",
	long: `Runs are exact: with the scenario, the seed and the number of nodes of a run it happens again. This
prints what one node sends and receives, of all or of the time given; without --host that of the node
that breaks a rule, shortly before.`,
	setup: func(fs *flagSet) action {
		f := newSimFlags(fs)
		host, last := -1, 40
		var from, to time.Duration
		fs.number(&host, "host", "print the packets of host `N`, the first is 0; without it of the one that breaks a rule", 0, 2*maxSimNodes)
		fs.duration(&from, "from", "begin at `TIME` of the run", 0, maxSimTime)
		fs.duration(&to, "to", "end at `TIME` of the run; 0: with it", 0, maxSimTime)
		fs.number(&last, "last", "print the last `N` packets at most", 1, 100_000)
		return func(ctx context.Context, a *app, args []string) error {
			s, err := loadScenario(args)
			if err != nil {
				return err
			}
			o, err := f.options(s)
			if err != nil {
				return err
			}
			if to > 0 && to <= from {
				return usagef("--to %v is not after --from %v", to, from)
			}
			if fs.isSet("host") {
				if to > 0 { // what comes after it is of no interest
					o.Duration = to
				}
				o.Watch = &scenario.Watch{Host: host, From: from, To: cmp.Or(o.Duration, s.Duration), Last: last}
			}
			return f.replay(ctx, a, s, o, last)
		}
	},
}

func (f *simFlags) replay(ctx context.Context, a *app, s *scenario.Scenario, o scenario.Options, last int) error {
	r, err := f.simulate(ctx, a, s, o)
	if err != nil {
		return err
	}
	host := -1
	if o.Watch != nil {
		if host = o.Watch.Host; host >= r.Nodes {
			return usagef("--host %d: there are %s, the last is %d", host, plural(r.Nodes, "host"), r.Nodes-1)
		}
	} else if again, ok := r.Witness(o); ok {
		again.Watch.Last = last
		host = again.Watch.Host
		if r, err = f.simulate(ctx, a, s, again); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		a.writeJSON(simJSON(r))
	case host < 0:
		fmt.Fprintf(a.stdout, "seed %d, hash %016x: no rule is broken; --host prints a node's packets\n", r.Seed, r.Hash)
	default:
		fmt.Fprintf(a.stdout, "seed %d, hash %016x, host %d: %s\n%s", r.Seed, r.Hash, host, plural(len(r.Transcript), "packet"), scenario.Transcribe(r.Transcript))
	}
	if r.Failure != nil {
		return simFailure(r)
	}
	if r.Interrupted {
		return errInterrupted
	}
	return nil
}
