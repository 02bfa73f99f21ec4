package scenario

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/sim"
)

// plan says what each node is, from the scenario's seed alone: which node is what does
// not depend on when it comes.
type plan struct {
	s     *Scenario
	seed  uint64
	addrs []netip.AddrPort
	six   []netip.AddrPort
	boot  []*sim.Host

	without sim.Defences
}

// total returns how many nodes there will be, with all that come later.
func (s *Scenario) total() int {
	n := s.Nodes
	for _, e := range s.Events {
		if e.Do == doCrowd {
			n += e.number(s.Nodes)
		}
	}
	return n
}

// number is how many of n nodes an event is about.
func (e *Event) number(n int) int {
	if e.Count > 0 {
		return e.Count
	}
	return int(float64(e.Share*float64(n)) + 0.5)
}

func newPlan(s *Scenario, seed uint64) (*plan, error) {
	c := sim.Clusters{Networks: s.Addresses.Networks, Skew: s.Addresses.Skew}
	p := &plan{s: s, seed: seed}
	var err error
	if p.without, err = sim.ParseDefences(s.Without); err != nil {
		return nil, err
	}
	var ok bool
	if p.addrs, ok = c.Addresses(seed, s.total()); !ok {
		return nil, fmt.Errorf("addresses.networks: no room for %d nodes", s.total())
	}
	if s.IPv6 > 0 {
		if p.six, ok = c.Addresses6(seed, s.total()); !ok {
			return nil, fmt.Errorf("addresses.networks: no room for %d nodes", s.total())
		}
	}
	return p, nil
}

// What a plan draws for a node.
const (
	drawRegion = iota
	drawNAT
	drawLine
	drawIPv6
	drawChurn
	drawSide // and all uses above, one for each event

	drawProtocol = 1<<16 - 1 // far above: events keep theirs
)

// draw returns a number from 0 to 1 of a node's own.
func (p *plan) draw(i, use int) float64 {
	return rand.New(rand.NewPCG(p.seed^0x5ce9a810, uint64(i)<<16|uint64(use))).Float64()
}

// node says what the i-th node is. It may be called from several goroutines.
func (p *plan) node(i int) sim.Node {
	s := p.s
	n := sim.Node{Addr: p.addrs[i], Bootnodes: p.boot, Region: p.region(i), Without: p.without, Protocols: p.speaks(i)}
	n.Limits5.Sessions = s.Protocols.Sessions
	if s.IPv6 > 0 && (i < s.Bootnodes || p.draw(i, drawIPv6) < s.IPv6) {
		n.Addr6 = p.six[i]
	}
	if i < s.Bootnodes { // they are well connected, and have no time for peers
		return n
	}
	n.NAT = sim.NAT{Kind: p.nat(i), Expires: s.NAT.Expires}
	if p.draw(i, drawLine) < s.Line.Share {
		n.Up, n.Down = s.Line.Up, s.Line.Down
	}
	if s.Churn.Up != nil && p.draw(i, drawChurn) < s.Churn.Share {
		n.Sessions = sim.Sessions{Up: s.Churn.Up.span(), Down: s.Churn.Down.span(), Settled: s.Churn.Settled}
	}
	if v := s.Server; v != nil {
		n.Server = &sim.Server{MaxPeers: v.MaxPeers, DialRatio: v.DialRatio, MaxPending: v.MaxPending}
	}
	return n
}

func (p *plan) region(i int) int {
	x := p.draw(i, drawRegion)
	for k, share := range p.s.Regions.Shares {
		if x -= share; x < 0 {
			return k
		}
	}
	return 0
}

func (p *plan) nat(i int) sim.NATKind {
	n, x := &p.s.NAT, p.draw(i, drawNAT)
	for _, k := range []struct {
		share float64
		kind  sim.NATKind
	}{{n.FullCone, sim.FullCone}, {n.Restricted, sim.Restricted}, {n.PortRestricted, sim.PortRestricted}, {n.Symmetric, sim.Symmetric}} {
		if x -= k.share; x < 0 {
			return k.kind
		}
	}
	return sim.NoNAT
}

// world makes the empty world.
func (s *Scenario) world(seed uint64, workers int) *sim.World {
	cfg := sim.Config{Seed: seed, Workers: workers, Link: sim.Link(s.Link)}
	for _, row := range s.Regions.OneWay {
		var times []time.Duration
		for _, ms := range row {
			times = append(times, time.Duration(ms*float64(time.Millisecond)))
		}
		cfg.Regions = append(cfg.Regions, times)
	}
	if s.Wire == "real" {
		cfg.Wire = sim.Bytes
	}
	return sim.New(cfg)
}
