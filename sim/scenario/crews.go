package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/adversary"
)

// Adversary is a crew that wishes the network ill: [adversary.Plan]. Zero numbers are the
// defaults of its kind.
type Adversary struct {
	Kind      string        `toml:"kind"`
	At        time.Duration `toml:"at"`
	Addresses int           `toml:"addresses"`
	IDs       int           `toml:"ids"`
	Rate      float64       `toml:"rate"`
	Victim    bool          `toml:"victim"` // one node in particular, the same for all crews
	Pongs     bool          `toml:"pongs"`
}

// hostileBootnode is the kind that is there before the others, who know it.
const hostileBootnode = "bootnode"

const (
	maxCrews = 10
	maxIDs   = 100_000
)

func (s *Scenario) completeAdversaries() (err error) {
	if _, err = sim.ParseDefences(s.Without); err != nil {
		return s.problem("without", "%s", strings.TrimPrefix(err.Error(), "sim: "))
	}
	if len(s.Adversaries) > maxCrews {
		return s.problem("adversary", "%d of them, at most %d", len(s.Adversaries), maxCrews)
	}
	victim := false
	for i, a := range s.Adversaries {
		at := fmt.Sprintf("adversary %d", i+1)
		victim = victim || a.Victim
		switch {
		case !slices.Contains(adversary.Kinds(), a.Kind):
			return fmt.Errorf("%s: kind = %q, want one of %s", at, a.Kind, strings.Join(adversary.Kinds(), ", "))
		case a.At < 0 || a.At > s.Duration:
			return fmt.Errorf("%s: at = %v, want a time up to duration", at, a.At)
		case a.Kind == hostileBootnode && a.At > 0:
			return fmt.Errorf("%s: a hostile bootnode is there from the start: at can't be %v", at, a.At)
		case a.Addresses < 0 || a.Addresses > maxIDs || a.IDs < 0 || a.IDs > maxIDs:
			return fmt.Errorf("%s: want up to %d addresses and ids", at, maxIDs)
		case !(a.Rate >= 0 && a.Rate <= adversary.MaxRate):
			return fmt.Errorf("%s: want a rate up to %d packets a second", at, int(adversary.MaxRate))
		}
	}
	for i, e := range s.Events {
		if e.Do == doRestart && !victim {
			return fmt.Errorf("event %d: %q is for the victim, and there is none", i+1, e.Do)
		}
	}
	s.expectsWithout, err = s.parseExpect("expect_without", s.ExpectWithout)
	return err
}

// deploy lets a crew begin.
func (r *runner) deploy(a Adversary) error {
	p := adversary.Plan{Kind: a.Kind, Addresses: a.Addresses, IDs: a.IDs, Rate: a.Rate, Pongs: a.Pongs}
	if a.Victim {
		if r.victim == nil {
			r.victim = r.anyVictim()
		}
		p.Victim = r.victim
	}
	c, err := adversary.Deploy(r.w, p)
	if err != nil {
		return err
	}
	r.crews = append(r.crews, c)
	if a.Kind == hostileBootnode {
		r.plan.boot = append(r.plan.boot, c.Hosts()[0])
	}
	return nil
}

// anyVictim returns a node that others can reach and that stays, nil if there is none.
func (r *runner) anyVictim() *sim.Host {
	hosts := r.w.Hosts()
	for k := range hosts {
		h := hosts[(len(hosts)/2+k)%len(hosts)]
		if spec := h.Spec(); h.Table() != nil && spec.NAT.Kind == sim.NoNAT && spec.Sessions.Up == nil && !slices.Contains(r.plan.boot, h) {
			return h
		}
	}
	return nil
}

// honest reports whether a host is none of an adversary's.
func honest(h *sim.Host) bool { return h.Spec().Agent == nil }

// hostile sums what crews have of something.
func (r *runner) hostile(share func(*adversary.Crew) float64) (sum float64) {
	for _, c := range r.crews {
		sum += share(c)
	}
	return sum
}

// sampleCrews measures what adversaries have got hold of: of their victim, or without
// one of the average node.
func (r *runner) sampleCrews(now time.Duration) {
	if len(r.crews) == 0 {
		return
	}
	of := r.meter.Sample(maxTables)
	if r.victim != nil {
		of = []*sim.Host{r.victim}
	}
	var table, outbound, peers []float64
	for _, h := range of {
		if h.Table() == nil {
			continue
		}
		table = append(table, r.hostile(func(c *adversary.Crew) float64 { return c.TableShare(h) }))
		if h.Spec().Server != nil {
			outbound = append(outbound, r.hostile(func(c *adversary.Crew) float64 { return c.OutboundShare(h) }))
			peers = append(peers, r.hostile(func(c *adversary.Crew) float64 { return c.PeerShare(h) }))
		}
	}
	res := r.res
	if len(table) > 0 {
		res.add("table_share", now, mean(table))
	}
	if len(outbound) > 0 {
		res.add("outbound_share", now, mean(outbound))
		res.add("peer_share", now, mean(peers))
	}
	res.Values["address_share"] = Number(r.hostile(func(c *adversary.Crew) float64 { return c.AddressShare(r.w) }))
	if r.victim != nil {
		got := r.victim.Traffic().ReceivedBytes
		if seconds := (now - r.last).Seconds(); seconds > 0 {
			res.add("victim_bytes", now, float64(got-r.victimGot)/seconds)
		}
		r.victimGot = got
	}
}

// lookupShare is the crews' share of what lookups found.
func (r *runner) lookupShare(list []sim.Lookup) (share float64, ok bool) {
	var nodes []*enode.Node
	for i := range list {
		nodes = append(nodes, list[i].Nodes...)
	}
	return r.hostile(func(c *adversary.Crew) float64 { return c.LookupShare(nodes) }), len(r.crews) > 0 && len(nodes) > 0
}

// restart lets the victim be away for a minute.
func (r *runner) restart(now time.Duration) {
	if r.victim == nil || !r.victim.Up() {
		return
	}
	r.w.Stop(r.victim)
	h := r.victim
	r.w.At(now+awayFor, func() { r.w.Start(h) })
}

const awayFor = time.Minute
