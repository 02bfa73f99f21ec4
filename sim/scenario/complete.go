package scenario

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/sim"
)

// Bounds of a scenario: what one machine may be asked for.
const (
	maxNodes     = 2_000_000
	maxDuration  = 30 * 24 * time.Hour
	maxSamples   = 100_000
	maxEvents    = 1000
	maxRegions   = 100
	maxLookups   = 100_000 // in a batch
	maxPeers     = 10_000
	maxBandwidth = 1 << 30
)

// Defaults.
const (
	defaultLookups = 200
	defaultSeed    = 1
)

func defaults() *Scenario {
	return &Scenario{Seed: defaultSeed, Wire: "struct", Every: 5 * time.Second, Bootnodes: 1,
		Link: Link{Latency: 20 * time.Millisecond}, Lookups: Lookups{Last: defaultLookups}, Without: "none",
		Protocols: Protocols{Mix: defaultMix}}
}

// problem is an error at a key.
func (s *Scenario) problem(key, format string, args ...any) error {
	msg := key + ": " + fmt.Sprintf(format, args...)
	for parts := strings.Split(key, "."); len(parts) > 0; parts = parts[:len(parts)-1] {
		if line := lineOf(s.text, toml.Key(parts)); line > 0 {
			return fmt.Errorf("line %d: %s", line, msg)
		}
	}
	return errors.New(msg)
}

// complete fills in presets and defaults and checks all bounds.
func (s *Scenario) complete() error {
	for _, check := range []func() error{
		s.completeSize, s.completeProtocols, s.completeLink, s.completeRegions, s.completeShares, s.completeChurn,
		s.completeServer, s.completeLookups, s.completeEvents, s.completeAdversaries, s.completeExpect,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scenario) completeSize() error {
	switch {
	case s.Name == "":
		return s.problem("name", "is missing")
	case s.Nodes < 2 || s.Nodes > maxNodes:
		return s.problem("nodes", "want a number from 2 to %d", maxNodes)
	case s.Bootnodes < 1 || s.Bootnodes > s.Nodes:
		return s.problem("bootnodes", "want a number from 1 to nodes")
	case s.Duration < time.Second || s.Duration > maxDuration:
		return s.problem("duration", "want a time from 1s to %v", maxDuration)
	case s.Every < 100*time.Millisecond || s.Duration/s.Every > maxSamples:
		return s.problem("every", "want a time from 100ms, with at most %d of it in duration", maxSamples)
	case s.Wire != "struct" && s.Wire != "real":
		return s.problem("wire", `want "struct" or "real"`)
	case s.Join < 0 || s.Join > s.Duration:
		return s.problem("join", "want a time up to duration")
	case s.Small.Nodes < 0 || s.Small.Nodes > s.Nodes || s.Small.Nodes > 0 && s.Small.Nodes < max(2, s.Bootnodes):
		return s.problem("small.nodes", "want a number from 2 or bootnodes to nodes")
	case s.Small.Duration < 0 || s.Small.Duration > s.Duration:
		return s.problem("small.duration", "want a time up to duration")
	}
	return nil
}

// share reports whether v is one.
func share(v float64) bool { return v >= 0 && v <= 1 }

func (s *Scenario) completeLink() error {
	l := &s.Link
	switch most := time.Minute; {
	case l.Latency < 0 || l.Latency > most:
		return s.problem("link.latency", "want a time up to %v", most)
	case l.Jitter < 0 || l.Jitter > most:
		return s.problem("link.jitter", "want a time up to %v", most)
	case l.Tail < 0 || l.Tail > most:
		return s.problem("link.tail", "want a time up to %v", most)
	case !share(l.Loss):
		return s.problem("link.loss", "want a share from 0 to 1")
	case !share(l.Duplicate):
		return s.problem("link.duplicate", "want a share from 0 to 1")
	}
	return nil
}

func (s *Scenario) completeRegions() error {
	r := &s.Regions
	if r.Preset != "" {
		preset, ok := regionPresets[r.Preset]
		if !ok {
			return s.problem("regions.preset", "there is none %q: there is %s", r.Preset, names(regionPresets))
		}
		if r.Names != nil || r.Shares != nil || r.OneWay != nil {
			return s.problem("regions.preset", "and names, shares or one_way_ms: give only one of these")
		}
		name := r.Preset
		*r = preset
		r.Preset = name
	}
	n := len(r.Names)
	switch {
	case n > maxRegions:
		return s.problem("regions.names", "%d regions, at most %d", n, maxRegions)
	case len(r.Shares) != n || len(r.OneWay) != n:
		return s.problem("regions", "want as many shares and rows of one_way_ms as names")
	}
	sum := 0.0
	for i, name := range r.Names {
		if name == "" || slices.Index(r.Names, name) != i {
			return s.problem("regions.names", "%q is there twice, or empty", name)
		}
		if !share(r.Shares[i]) {
			return s.problem("regions.shares", "want shares from 0 to 1")
		}
		sum += r.Shares[i]
		if len(r.OneWay[i]) != n {
			return s.problem("regions.one_way_ms", "want %d values in each row", n)
		}
		for _, ms := range r.OneWay[i] {
			if !(ms >= 0 && ms <= 60_000) {
				return s.problem("regions.one_way_ms", "want milliseconds from 0 to 60000")
			}
		}
	}
	if n > 0 && math.Abs(sum-1) > 1e-6 {
		return s.problem("regions.shares", "they sum to %g, not to 1", sum)
	}
	return nil
}

// names lists the keys of presets.
func names[T any](m map[string]T) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

func (s *Scenario) completeShares() error {
	for _, n := range []struct {
		key string
		v   float64
	}{{"full_cone", s.NAT.FullCone}, {"restricted", s.NAT.Restricted}, {"port_restricted", s.NAT.PortRestricted}, {"symmetric", s.NAT.Symmetric}} {
		if !share(n.v) {
			return s.problem("nat."+n.key, "want a share from 0 to 1")
		}
	}
	switch l := &s.Line; {
	case s.NAT.share() > 1+1e-9:
		return s.problem("nat", "the shares sum to %g, more than 1", s.NAT.share())
	case s.NAT.Expires < 0 || s.NAT.Expires > maxDuration:
		return s.problem("nat.expires", "want a time up to %v", maxDuration)
	case !share(s.IPv6):
		return s.problem("ipv6", "want a share from 0 to 1")
	case !share(l.Share):
		return s.problem("line.share", "want a share from 0 to 1")
	case l.Up < 0 || l.Up > maxBandwidth || l.Down < 0 || l.Down > maxBandwidth:
		return s.problem("line", "want up and down in bytes a second, 0 for any")
	case !(s.Addresses.Networks >= 0 && s.Addresses.Networks <= 1):
		return s.problem("addresses.networks", "want a number from 0 to 1: networks for each node")
	case !(s.Addresses.Skew >= 0 && s.Addresses.Skew <= 10):
		return s.problem("addresses.skew", "want a number from 0 to 10")
	}
	return nil
}

func (s *Scenario) completeChurn() error {
	c := &s.Churn
	if c.Preset != "" {
		preset, ok := churnPresets[c.Preset]
		if !ok {
			return s.problem("churn.preset", "there is none %q: there are %s", c.Preset, names(churnPresets))
		}
		if c.Up != nil || c.Down != nil {
			return s.problem("churn.preset", "and up or down: give only one of these")
		}
		c.Up, c.Down, c.Settled = preset.Up, preset.Down, true
	}
	if !share(c.Share) {
		return s.problem("churn.share", "want a share from 0 to 1")
	}
	if (c.Up == nil) != (c.Down == nil) {
		return s.problem("churn", "want both up and down")
	}
	if c.Up == nil {
		return nil
	}
	if lineOf(s.text, toml.Key{"churn", "share"}) == 0 {
		c.Share = 1
	}
	if err := c.Up.check(); err != nil {
		return s.problem("churn.up", "%v", err)
	}
	if err := c.Down.check(); err != nil {
		return s.problem("churn.down", "%v", err)
	}
	return nil
}

// check says whether a span is one of the distributions, with parameters in bounds.
func (p *Span) check() error {
	given := 0
	for _, is := range []bool{p.Constant != 0, p.Exponential != 0, p.Weibull != 0, p.LogNormal != 0} {
		if is {
			given++
		}
	}
	least, most := time.Second, 10*maxDuration
	in := func(d time.Duration) bool { return d >= least && d <= most }
	switch {
	case given != 1:
		return fmt.Errorf("want one of constant, exponential, weibull with scale, and lognormal with median")
	case (p.Scale != 0) != (p.Weibull != 0) || (p.Median != 0) != (p.LogNormal != 0):
		return fmt.Errorf("want a scale with weibull, a median with lognormal, and neither otherwise")
	case !in(p.Constant + p.Exponential + p.Scale + p.Median):
		return fmt.Errorf("want times from %v to %v", least, most)
	case p.Weibull != 0 && !(p.Weibull >= 0.1 && p.Weibull <= 10):
		return fmt.Errorf("weibull: want a shape from 0.1 to 10")
	case p.LogNormal != 0 && !(p.LogNormal > 0 && p.LogNormal <= 10):
		return fmt.Errorf("lognormal: want a number above 0 and up to 10")
	}
	return nil
}

// span is the distribution that the simulator draws from.
func (p *Span) span() sim.Span {
	switch {
	case p.Constant != 0:
		return sim.Constant(p.Constant)
	case p.Exponential != 0:
		return sim.Exponential(p.Exponential)
	case p.Weibull != 0:
		return sim.Weibull{Shape: p.Weibull, Scale: p.Scale}
	}
	return sim.LogNormal{Median: p.Median, Sigma: p.LogNormal}
}

func (s *Scenario) completeServer() error {
	v := s.Server
	if v == nil {
		return nil
	}
	switch {
	case v.MaxPeers < 0 || v.MaxPeers > maxPeers:
		return s.problem("server.max_peers", "want a number from 0 to %d", maxPeers)
	case v.DialRatio < 0 || v.DialRatio > maxPeers:
		return s.problem("server.dial_ratio", "want a number from 0 to %d", maxPeers)
	case v.MaxPending < 0 || v.MaxPending > maxPeers:
		return s.problem("server.max_pending", "want a number from 0 to %d", maxPeers)
	}
	if v.MaxPeers == 0 {
		v.MaxPeers = peering.DefaultMaxPeers
	}
	if v.Want == 0 {
		v.Want = max(1, v.MaxPeers/max(v.DialRatio, peering.DefaultDialRatio))
	}
	if v.Want < 1 || v.Want > v.MaxPeers {
		return s.problem("server.want", "want a number from 1 to max_peers")
	}
	return nil
}

func (s *Scenario) completeLookups() error {
	l := &s.Lookups
	switch {
	case l.Every < 0 || l.Every > 0 && (l.Every < time.Second || s.Duration/l.Every > maxSamples):
		return s.problem("lookups.every", "want a time from 1s, or 0")
	case l.From < 0 || l.From > s.Duration:
		return s.problem("lookups.from", "want a time up to duration")
	case l.Count < 0 || l.Count > maxLookups || l.Every > 0 && l.Count == 0:
		return s.problem("lookups.count", "want a number from 1 to %d", maxLookups)
	case l.Last < 0 || l.Last > maxLookups:
		return s.problem("lookups.last", "want a number from 0 to %d", maxLookups)
	}
	return nil
}

func (s *Scenario) completeEvents() error {
	if len(s.Events) > maxEvents {
		return s.problem("event", "%d of them, at most %d", len(s.Events), maxEvents)
	}
	crowd := 0.0
	for i := range s.Events {
		e := &s.Events[i]
		at := fmt.Sprintf("event %d", i+1)
		takes := e.Do == doLeave || e.Do == doPart || e.Do == doCrowd
		switch {
		case !slices.Contains(doings, e.Do):
			return fmt.Errorf("%s: do = %q, want one of %s", at, e.Do, strings.Join(doings, ", "))
		case e.At < 0 || e.At > s.Duration:
			return fmt.Errorf("%s: at = %v, want a time up to duration", at, e.At)
		case !(e.Share >= 0 && (e.Share <= 1 || e.Do == doCrowd && e.Share <= 100)) || e.Count < 0 || e.Count > maxNodes:
			return fmt.Errorf("%s: want a share from 0 to 1, or a count", at)
		case e.Region != "" && (!slices.Contains(s.Regions.Names, e.Region) || e.Do == doCrowd):
			return fmt.Errorf("%s: there is no region %q, or not for %q", at, e.Region, e.Do)
		}
		given := 0
		for _, is := range []bool{e.Share > 0, e.Count > 0, e.Region != ""} {
			if is {
				given++
			}
		}
		switch {
		case takes && given != 1 || !takes && given > 0:
			return fmt.Errorf("%s: %q wants one of share, count and region; %q, %q and %q want none", at, e.Do, doReturn, doHeal, doRestart)
		case e.Over < 0 || e.Over > s.Duration-e.At || e.Over > 0 && e.Do != doCrowd:
			return fmt.Errorf("%s: over = %v, want a time until the end, for a crowd only", at, e.Over)
		case (e.Do == doLeave || e.Do == doReturn) && s.Churn.Up != nil && s.Churn.Share > 0:
			return fmt.Errorf("%s: nodes that come and go by [churn] can't be told to %s", at, e.Do)
		}
		if e.Do == doCrowd {
			crowd += float64(e.Share*float64(s.Nodes)) + float64(e.Count)
		}
	}
	if float64(s.Nodes)+crowd > 2*maxNodes {
		return s.problem("event", "crowds of %.0f nodes, at most %d with all others", crowd, 2*maxNodes)
	}
	slices.SortStableFunc(s.Events, func(a, b Event) int { return int(min(max(a.At-b.At, -1), 1)) })
	return nil
}
