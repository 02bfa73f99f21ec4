package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kithnet/kith/sim/scenario"
)

var devnetCommand = command{
	name:  "devnet",
	short: "run a network on this machine and check that all find each other",
	long: `It starts a bootnode and N more nodes in this process, each with a socket of its own on
127.0.0.1 and knowing the bootnode alone. Nothing leaves the machine. A few nodes join at a time,
the next when one of them has looked around. Each connects to a handful of those it finds, and they
send each other messages of the protocol echo/1 all the time.

Once the median node's table holds nine tenths of what it can hold at most (or half of the time is
over), every node looks up every other; in a network where these are more than --pairs, a random
sample in which each node looks for as many others as look for it. A pair not found is tried again until
time is up. Then it goes on with a few lookups a second until --for is over.

All nodes speak Node Discovery v4 and v5. With --mix some speak one of them alone: these find each
other through the nodes that speak both, and only pairs that have a version in common are checked.

In a terminal it shows a live view, elsewhere a line each second, and at the end a summary. The exit
code is 0 exactly if every pair was found. With --json each line is an object: type "progress", and
the last one type "summary".`,
	setup: func(fs *flagSet) action {
		c := &devnetConfig{nodes: 32, peers: 6, runFor: 30 * time.Second, pairs: 2000, mix: allDual}
		fs.number(&c.nodes, "nodes", "`N` nodes beside the bootnode", 2, 2000)
		fs.number(&c.peers, "peers", "let each node connect to up to `N` peers, which talk to each other; 0 for discovery alone", 0, 100)
		fs.duration(&c.runFor, "for", "run for `TIME`; 0 until interrupted", 0, 24*time.Hour)
		fs.boolean(&c.atOnce, "at-once", "start all nodes together: the worst a network can meet")
		fs.boolean(&c.untilFound, "until-found", "end as soon as every pair is found")
		fs.Var(&value{text: "0:0:100", set: func(s string) (err error) { c.mix, err = scenario.ParseMix(s); return err }}, "mix",
			"of a hundred nodes let `A:B:C` speak Node Discovery v4 alone, v5 alone, and both")
		fs.number(&c.pairs, "pairs", "check all pairs, or if they are more than `N` a sample of as many", 1, 10_000_000)
		fs.uint64(&c.seed, "seed", "draw keys and random choices from the seed `N`; without it a new one each time, printed at the end")
		fs.boolean(&c.plain, "plain", "write lines in a terminal too")
		fs.boolean(&c.json, "json", "write JSON")
		return func(ctx context.Context, a *app, args []string) error {
			if err := want(args); err != nil {
				return err
			}
			if !fs.isSet("seed") {
				c.seed = rand.Uint64N(1 << 32) // short enough to type
			}
			return c.run(ctx, a)
		}
	},
}

type devnetConfig struct {
	nodes       int
	peers       int
	mix         mix
	runFor      time.Duration
	atOnce      bool
	untilFound  bool
	pairs       int
	seed        uint64
	plain, json bool
}

func (c *devnetConfig) run(ctx context.Context, a *app) error {
	before := residentMemory()
	net, err := newDevnet(c.nodes, c.peers, c.mix, c.seed)
	if err != nil {
		return err
	}
	defer net.close()
	w := newWatch(c, net, before)
	show, stopShow := c.view(a)
	defer stopShow()

	running, stop := context.WithCancel(ctx)
	defer stop()
	if c.runFor > 0 {
		defer time.AfterFunc(c.runFor, stop).Stop()
	}
	filled := make(chan struct{})
	checked := make(chan struct{})
	var startErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		if startErr = net.start(running, c.atOnce); startErr != nil {
			stop()
		}
		if c.awaitFill(running, net, filled) {
			w.check.run(running, checked)
		}
	})
	c.watch(running, w, show, filled, checked)
	stop()
	wg.Wait()
	stopShow() // before the summary, and before nodes stop
	if startErr != nil {
		return startErr
	}
	w.sample()
	sum := w.summary(ctx.Err() != nil)
	if c.json {
		a.writeJSON(sum)
	} else {
		sum.write(a.stdout)
	}
	return sum.failure()
}

// awaitFill waits until tables are full enough for lookups to be fair, or half
// of the time that is left is over. It reports whether there is time left.
func (c *devnetConfig) awaitFill(ctx context.Context, net *devnet, filled <-chan struct{}) bool {
	var half <-chan time.Time
	if c.runFor > 0 {
		timer := time.NewTimer((c.runFor - time.Since(net.started)) / 2)
		defer timer.Stop()
		half = timer.C
	}
	select {
	case <-filled:
	case <-half:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

const (
	// samplePause is how often the tables are looked at: the time until they
	// are filled is known to this.
	samplePause = 50 * time.Millisecond
	// plainPause is the time between lines.
	plainPause = time.Second
	// framePause is the time between redraws of the live view.
	framePause = 200 * time.Millisecond
)

// watch samples the network and shows it until ctx ends, or all is found.
func (c *devnetConfig) watch(ctx context.Context, w *watch, show view, filled, checked chan struct{}) {
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	var shown time.Time
	for {
		if w.sample(); w.filledAfter > 0 && filled != nil {
			close(filled)
			filled = nil
		}
		if now := time.Now(); now.Sub(shown) >= show.every {
			shown = now
			show.draw(w.progress())
		}
		select {
		case <-ctx.Done():
			return
		case <-checked:
			checked = nil
			if c.untilFound {
				return
			}
		case <-ticker.C:
		}
	}
}

// failure is why the devnet is not complete, or nil.
func (s *summary) failure() error {
	switch {
	case s.Complete:
		return nil
	case s.Interrupted:
		return fmt.Errorf("interrupted with %s of %s pairs found", count(s.Found), count(s.Pairs))
	case s.Looked < s.Pairs:
		return fmt.Errorf("time was up with %s of %s pairs looked up: give it more by --for", count(s.Looked), count(s.Pairs))
	}
	return errors.New(plural(s.Pairs-s.Found, "pair") + " not found")
}
