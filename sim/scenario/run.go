package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/adversary"
)

// Options say how to run a scenario. The zero value runs it as the file says.
type Options struct {
	Seed     *uint64       // in place of the file's
	Nodes    int           // in place of the file's; 0: the file's
	Duration time.Duration // in place of the file's; 0: the file's
	Workers  int           // how many cores to use; 0: one
	Mix      string        // which nodes speak what, in place of the file's; "": the file's
	Without  string        // defences that nodes do without, in place of the file's; "": the file's
	// Progress, if set, is called every so often, in the run's turn.
	Progress func(Progress)
	// Watch, if set, keeps what a host sends and receives.
	Watch *Watch

	check func(*sim.World) error // of tests: another rule
}

// Watch says whose packets to keep.
type Watch struct {
	Host     int
	From, To time.Duration // To 0: until the end
	Last     int           // of them at most; 0: 40
}

// most is how many packets are kept.
func (w *Watch) most() int {
	if w != nil && w.Last > 0 {
		return w.Last
	}
	return 40
}

// Progress is how far a run is.
type Progress struct {
	Virtual, Of time.Duration
	Wall        time.Duration
	Nodes       int // that are up
	Events      uint64
}

// With returns the scenario at another size: what options say is put in place.
func (s *Scenario) With(o Options) (*Scenario, error) {
	c := *s
	if o.Nodes != 0 {
		if o.Nodes < max(2, s.Bootnodes) || o.Nodes > maxNodes {
			return nil, fmt.Errorf("%d nodes, want from %d to %d", o.Nodes, max(2, s.Bootnodes), maxNodes)
		}
		c.Nodes = o.Nodes
	}
	if o.Seed != nil {
		c.Seed = *o.Seed
	}
	if o.Without != "" {
		if _, err := sim.ParseDefences(o.Without); err != nil {
			return nil, err
		}
		c.Without = o.Without
	}
	if o.Mix != "" {
		var err error
		if c.Protocols.shares, err = ParseMix(o.Mix); err != nil {
			return nil, fmt.Errorf("%q, %w", o.Mix, err)
		}
		c.Protocols.Mix, c.mix = o.Mix, o.Mix
	}
	if c.total() > 2*maxNodes {
		return nil, fmt.Errorf("%d nodes with those that come later, at most %d", c.total(), 2*maxNodes)
	}
	return &c, nil
}

// tick is how exactly times are known that a run measures; in a large world, where each
// look costs more, it is largeTick.
const (
	tick      = 250 * time.Millisecond
	largeTick = time.Second
	large     = 20_000
)

// runner runs a scenario.
type runner struct {
	s       *Scenario
	opt     Options
	plan    *plan
	w       *sim.World
	meter   *sim.Meter
	rng     *rand.Rand // for what is measured
	stones  *sim.Milestones
	batches []*batch
	all     figures // of all lookups
	coming  []arrivals
	events  []Event
	attacks []Adversary
	crews   []*adversary.Crew
	victim  *sim.Host
	left    []*sim.Host // by doLeave, and not back
	sides   int         // how often the network was parted
	sampled sim.Traffic
	last    time.Duration // sampled then
	res     *Result
	until   time.Duration
	begun   time.Time
	steps   []sim.Step
	watched bool

	victimGot uint64 // bytes, when it was sampled last
}

// arrivals are nodes that come evenly over a time.
type arrivals struct {
	from, over time.Duration
	first, n   int // nodes, by number
	came       int
}

// Run runs a scenario until its end, a broken rule, or ctx's end. The error is of
// options or a scenario that can't be run; what a run shows is in the result.
func Run(ctx context.Context, s *Scenario, o Options) (*Result, error) {
	s, err := s.With(o)
	if err != nil {
		return nil, err
	}
	r := &runner{s: s, opt: o, until: s.Duration, begun: time.Now(), rng: rand.New(rand.NewPCG(s.Seed, 0x3ea5)),
		events: s.Events, attacks: slices.Clone(s.Adversaries), res: &Result{Scenario: s, Seed: s.Seed, Workers: max(o.Workers, 1), Values: make(map[string]Number)}}
	if o.Duration > 0 {
		r.until = min(o.Duration, maxDuration)
	}
	if r.plan, err = newPlan(s, s.Seed); err != nil {
		return nil, err
	}
	r.w = s.world(s.Seed, o.Workers)
	if err := r.populate(); err != nil {
		return nil, err
	}
	r.meter = sim.NewMeter(r.w)
	want := 0
	if s.Server != nil {
		want = s.Server.Want
	}
	r.stones = r.meter.Milestones(1+s.total()/maxTracked, want)
	r.loop(ctx)
	r.finish()
	return r.res, nil
}

// maxTracked bounds the nodes whose way to a full table is followed.
const maxTracked = 1000

// populate adds the bootnodes and, unless they come bit by bit, all others.
func (r *runner) populate() error {
	s := r.s
	boot, err := r.w.AddAll(s.Bootnodes, r.plan.node)
	if err != nil {
		return err
	}
	r.plan.boot = slices.Clone(boot)
	for _, a := range s.Adversaries {
		if a.Kind == hostileBootnode {
			if err := r.deploy(a); err != nil {
				return err
			}
		}
	}
	r.attacks = slices.DeleteFunc(r.attacks, func(a Adversary) bool { return a.Kind == hostileBootnode })
	slices.SortStableFunc(r.attacks, func(a, b Adversary) int { return cmp.Compare(a.At, b.At) })
	r.coming = []arrivals{{over: s.Join, first: s.Bootnodes, n: s.Nodes - s.Bootnodes}}
	return r.arrive(0)
}

// arrive adds the nodes that have come until now.
func (r *runner) arrive(now time.Duration) error {
	for i := range r.coming {
		a := &r.coming[i]
		due := a.n
		if now < a.from {
			due = 0
		} else if a.over > 0 && now < a.from+a.over {
			due = int(float64(a.n) * float64(now-a.from) / float64(a.over))
		}
		if due <= a.came {
			continue
		}
		first := a.first + a.came
		if _, err := r.w.AddAll(due-a.came, func(k int) sim.Node { return r.plan.node(first + k) }); err != nil {
			return err
		}
		a.came = due
	}
	return nil
}

// arriving reports whether nodes are to come.
func (r *runner) arriving() bool {
	for _, a := range r.coming {
		if a.came < a.n {
			return true
		}
	}
	return false
}

// loop lets time pass, step by step, and does what is due between two steps.
func (r *runner) loop(ctx context.Context) {
	step := tick
	if r.s.total() > large {
		step = largeTick
	}
	nextSample, nextLookups := r.s.Every, r.s.Lookups.From
	open := 1
	for now := r.w.Now(); ; now = r.w.Now() {
		if !r.due(now, &nextSample, &nextLookups, &open) {
			return
		}
		if now >= r.until {
			return
		}
		if ctx.Err() != nil {
			r.res.Interrupted = true
			return
		}
		to := min(r.until, nextSample, now-now%step+step)
		if open == 0 && len(r.batches) == 0 && !r.arriving() {
			to = min(r.until, nextSample)
		}
		if len(r.events) > 0 {
			to = min(to, r.events[0].At)
		}
		if len(r.attacks) > 0 {
			to = min(to, r.attacks[0].At)
		}
		if r.s.Lookups.Every > 0 {
			to = min(to, nextLookups)
		}
		if w := r.opt.Watch; w != nil && !r.watched && w.From > now {
			to = min(to, w.From)
		}
		if err := r.w.Run(max(to-now, 1)); err != nil {
			r.broke(err)
			return
		}
		if check := r.opt.check; check != nil {
			if err := check(r.w); err != nil {
				r.broke(err)
				return
			}
		}
		r.progress()
	}
}

// due does what is due now. It reports whether to go on.
func (r *runner) due(now time.Duration, nextSample, nextLookups *time.Duration, open *int) bool {
	for len(r.events) > 0 && r.events[0].At <= now {
		if err := r.do(r.events[0]); err != nil {
			r.broke(err)
			return false
		}
		r.events = r.events[1:]
	}
	if err := r.arrive(now); err != nil {
		r.broke(err)
		return false
	}
	for len(r.attacks) > 0 && r.attacks[0].At <= now {
		if err := r.deploy(r.attacks[0]); err != nil {
			r.broke(err)
			return false
		}
		r.attacks = r.attacks[1:]
	}
	r.watch(now)
	r.meter.Update()
	*open = r.stones.Note()
	r.judge()
	if now >= *nextSample {
		r.sample(now)
		*nextSample += r.s.Every
	}
	if l := r.s.Lookups; l.Every > 0 && now >= *nextLookups && now < r.until {
		r.batches = append(r.batches, r.begin(l.Count, false))
		if r.victim != nil && r.victim.Table() != nil {
			r.batches = append(r.batches, r.beginVictim())
		}
		*nextLookups += l.Every
	}
	return true
}

// watch begins and ends to keep a host's packets.
func (r *runner) watch(now time.Duration) {
	w := r.opt.Watch
	if w == nil || w.Host < 0 || w.Host >= len(r.w.Hosts()) {
		return
	}
	h := r.w.Hosts()[w.Host]
	if w.To > 0 && now >= w.To {
		r.w.Watch(h, nil)
		return
	}
	if r.watched || now < w.From {
		return
	}
	r.watched = true
	most := w.most()
	r.w.Watch(h, func(s sim.Step) {
		if len(r.steps) >= 2*most {
			r.steps = append(r.steps[:0], r.steps[len(r.steps)-most:]...)
		}
		r.steps = append(r.steps, s)
	})
}

func (r *runner) progress() {
	if r.opt.Progress == nil {
		return
	}
	p := Progress{Virtual: r.w.Now(), Of: r.until, Wall: time.Since(r.begun), Events: r.w.Events()}
	if up := r.res.series("up"); up != nil {
		p.Nodes = int(up.Value[len(up.Value)-1])
	} else {
		p.Nodes = len(r.w.Hosts())
	}
	r.opt.Progress(p)
}

// broke notes that a rule was broken.
func (r *runner) broke(err error) {
	var b *sim.Broken
	if errors.As(err, &b) {
		r.res.Failure = &Failure{Seed: b.Seed, At: b.At, Host: b.Host, Rule: string(b.Rule), Detail: b.Detail}
		return
	}
	r.res.Failure = &Failure{Seed: r.s.Seed, At: r.w.Now(), Host: -1, Rule: "run", Detail: err.Error()}
}

// finish measures what is measured at the end.
func (r *runner) finish() {
	res := r.res
	res.Virtual = r.w.Now()
	if res.Failure == nil {
		r.meter.Update()
		if now := r.w.Now(); now > r.last {
			r.sample(now)
		}
		r.conclude()
	}
	res.Hash, res.Events = r.w.Hash(), r.w.Events()
	res.Wall = time.Since(r.begun)
	res.Nodes = len(r.w.Hosts())
	res.Transcript = r.steps[max(0, len(r.steps)-r.opt.Watch.most()):]
	expects := r.s.expects
	if r.plan.without != 0 {
		expects = r.s.expectsWithout
	}
	for i := range expects {
		res.Judgements = append(res.Judgements, expects[i].judge(res))
	}
}
