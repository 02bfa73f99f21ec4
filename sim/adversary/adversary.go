// Package adversary has those who wish a simulated network ill: agents of package sim
// that are deployed in crews, and what a crew has got hold of.
//
//	crew, err := adversary.Deploy(w, adversary.Plan{Kind: "eclipse", Victim: h, IDs: 2000})
//	err = w.Run(30 * time.Minute)
//	fmt.Println(crew.TableShare(h), crew.OutboundShare(h))
//
// Each identity is a host of its own with its own port at one of the crew's addresses.
// What the members of a crew share does not change while the World runs.
//
// A crew speaks the versions of Node Discovery that its victim speaks, or without one all
// that anybody does. By v5 a member is the shipped machine over a table that lies: who asks
// for nodes at some distances gets records that are valid and at these distances, of
// accomplices or of nodes that are nowhere. Who speaks both it addresses by turns.
//
// # What it does not do
//
// No adversary reads others' traffic or forges signatures. Those that were published
// are as published as far as this network lets them; what is a reading of the
// publication is said at each.
package adversary

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
	"github.com/kithnet/kith/sim"
)

// Plan says what a crew is and does. Zero numbers mean the kind's defaults.
type Plan struct {
	Kind      string    // one of Kinds
	Addresses int       // IP addresses, each in a network of its own
	IDs       int       // identities, spread evenly over the addresses
	Victim    *sim.Host // nil: everybody
	Rate      float64   // how often a second any of them acts: sends a packet, tries to connect; up to MaxRate
	Region    int       // of sim.Config.Regions
	Pongs     bool      // a freeloader answers PINGs
}

// kind is one adversary.
type kind struct {
	name, text     string
	addresses, ids int
	rate           float64
	agent          func(c *Crew) sim.Agent
	ground         bool // its IDs are chosen by their distance from the victim
	peers          int  // places of its Server; 0: it has none
	dials          bool // and whom it attacks it connects to
	blind          bool // it has no machine of v5: what it sends by v5 nobody can read
}

var kinds = []kind{
	{name: "eclipse", text: "fills a victim's table and places: many IDs at two addresses (Marcus et al. 2018)",
		addresses: 2, ids: 1000, rate: 100, agent: eclipse, ground: true, peers: 1000, dials: true},
	{name: "false-friends", text: "stays at the head of a victim's buckets and answers its lookups (Henningsen et al. 2019)",
		addresses: 2, ids: 800, rate: 50, agent: falseFriends, ground: true, peers: 1000, dials: true},
	{name: "slots", text: "connects to a victim and stays, to take all its places",
		addresses: 4, ids: 100, rate: 10, agent: slots, peers: 1000, dials: true},
	{name: "liar", text: "answers who looks for nodes with accomplices only",
		addresses: 10, ids: 50, rate: 10, agent: liar, peers: 1000},
	{name: "liar-dead", text: "answers who looks for nodes with addresses where nobody is",
		addresses: 10, ids: 50, rate: 10, agent: deadLiar},
	{name: "flooder", text: "sends PINGs and FINDNODEs as fast as it is told",
		addresses: 20, ids: 200, rate: 1000, agent: flooder, blind: true},
	{name: "amplifier", text: "asks everybody in a victim's name, to have the answers sent there",
		addresses: 1, ids: 1, rate: 100, agent: amplifier, blind: true},
	{name: "freeloader", text: "asks others for nodes, and never answers",
		addresses: 5, ids: 20, rate: 20, agent: freeloader},
	{name: "bootnode", text: "a bootnode that knows only accomplices: the first of its hosts",
		addresses: 2, ids: 200, agent: hostileBootnode, peers: 1000},
}

// Kinds returns the names of all adversaries.
func Kinds() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Describe says in a line what an adversary does.
func Describe(name string) string {
	if k := find(name); k != nil {
		return k.text
	}
	return ""
}

func find(name string) *kind {
	if i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); i >= 0 {
		return &kinds[i]
	}
	return nil
}

// ErrPlan is the error of Deploy for a plan that can't be.
var ErrPlan = errors.New("adversary: plan can't be")

// MaxRate bounds how often a second a crew acts.
const MaxRate = 1e6

// firstPort is the port of an address's first identity, and maxPerAddress how many have
// one.
const (
	firstPort     = 30303
	maxPerAddress = 1<<16 - firstPort
)

// Deploy adds a crew's hosts to a World. It acts from now on. It may be called whenever
// hosts may be added.
func Deploy(w *sim.World, p Plan) (*Crew, error) {
	k := find(p.Kind)
	if k == nil {
		return nil, fmt.Errorf("%w: there is no adversary %q", ErrPlan, p.Kind)
	}
	p.Addresses = orDefault(p.Addresses, k.addresses)
	p.IDs = max(orDefault(p.IDs, k.ids), p.Addresses)
	if p.Rate == 0 {
		p.Rate = k.rate
	}
	if p.Addresses < 0 || !(p.Rate >= 0 && p.Rate <= MaxRate) || (p.IDs+p.Addresses-1)/p.Addresses > maxPerAddress {
		return nil, fmt.Errorf("%w: %d IDs at %d addresses, %v packets a second", ErrPlan, p.IDs, p.Addresses, p.Rate)
	}
	c := &Crew{plan: p, first: len(w.Hosts()), known: make(map[enode.ID]struct{}, p.IDs)}
	if p.Rate > 0 {
		every := float64(float64(p.IDs) / p.Rate * float64(time.Second))
		c.every = time.Duration(min(every, float64(sim.MaxAge)))
	}
	if !k.blind {
		c.speaks = c.spoken(w)
	}
	keys, err := c.keys(w, k.ground && p.Victim != nil)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(w); err != nil {
		return nil, err
	}
	c.hosts, err = w.AddAll(p.IDs, func(i int) sim.Node {
		return sim.Node{Addr: c.addr(i), Region: p.Region, Key: keys[i], Protocols: c.speaks, Agent: k.agent(c), Server: c.server(w, k, i)}
	})
	if err != nil {
		return nil, err
	}
	for _, h := range c.hosts {
		c.known[h.Node().ID()] = struct{}{}
		c.nodes = append(c.nodes, h.Node())
	}
	sortByID(c.nodes)
	return c, nil
}

func sortByID(nodes []*enode.Node) {
	slices.SortFunc(nodes, func(a, b *enode.Node) int { return a.ID().Compare(b.ID()) })
}

// spoken returns what a crew is to speak: what its victim does, or without one whatever
// anybody does.
func (c *Crew) spoken(w *sim.World) (p kad.Protocol) {
	if v := c.plan.Victim; v != nil {
		return v.Speaks()
	}
	for _, h := range w.Hosts() {
		p |= h.Speaks()
	}
	return p
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

// addr returns the i-th member's. No host that is told none has an address in these
// networks, nor has another crew.
func (c *Crew) addr(i int) netip.AddrPort {
	n := uint32(180)<<24 + uint32(c.first+i%c.plan.Addresses)<<8 + 1
	ip := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	return netip.AddrPortFrom(ip, uint16(firstPort+i/c.plan.Addresses))
}

// keys draws those of the members, from the World's seed.
func (c *Crew) keys(w *sim.World, ground bool) ([]*secp.PrivateKey, error) {
	src := w.Stream(uint64(c.first))
	if ground {
		return grind(src, c.plan.Victim.Node().ID(), c.plan.IDs)
	}
	keys := make([]*secp.PrivateKey, c.plan.IDs)
	for i := range keys {
		var err error
		if keys[i], err = sim.ReadKey(src); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// dialsEach is how many a member connects to that has no one victim.
const dialsEach = 8

// server returns that of the i-th member: it speaks what the others speak, takes
// whoever comes, and connects to those that are attacked.
func (c *Crew) server(w *sim.World, k *kind, i int) *sim.Server {
	of := c.plan.Victim
	if of == nil || of.Spec().Server == nil {
		of = nil
		for _, h := range w.Hosts()[:c.first] {
			if h.Spec().Server != nil {
				of = h
				break
			}
		}
	}
	if k.peers == 0 || of == nil {
		return nil
	}
	s := &sim.Server{MaxPeers: k.peers, MaxPending: k.peers}
	for _, p := range of.Spec().Server.Protocols {
		s.Protocols = append(s.Protocols, &sim.Protocol{Name: p.Name, Version: p.Version})
	}
	switch {
	case !k.dials:
	case c.plan.Victim != nil:
		s.Static = []*sim.Host{c.plan.Victim}
	default:
		for j := range dialsEach {
			s.Static = append(s.Static, w.Hosts()[(i*dialsEach+j)%c.first])
		}
	}
	return s
}
