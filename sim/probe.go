package sim

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

const (
	// requestTime bounds any request: one for nodes may wait behind 32 others for the
	// same node, each of which takes some seconds to be given up.
	requestTime = 3 * time.Minute

	// doneAgain is how long after its end a request is watched: for a second end.
	doneAgain = 10 * time.Second

	// maxProbes bounds the requests that are watched at a time.
	maxProbes = 4096
)

// prober asks hosts for things and watches how that ends.
type prober struct {
	w     *World
	rng   *rand.Rand
	every int64
	open  []*probe
}

// probe is one request.
type probe struct {
	host  *Host
	kind  string
	begun int64
	ended int64
	calls int // of done, in its host's turn
}

// Probe has a random host asked for something every so often from now on: for a PING, a
// record, nodes or a lookup, of another or of an address where nobody is. That each
// such request ends, and says so once, is checked like the other rules. It is traffic,
// and makes another run of the same seed.
func (w *World) Probe(every time.Duration) {
	p := &prober{w: w, rng: rand.New(w.Stream(forProbes)), every: int64(min(max(every, 1), MaxAge))}
	w.probers = append(w.probers, p)
	w.At(time.Duration(w.now+p.every), p.tick)
}

func (p *prober) tick() {
	if p.judge(false); p.w.broken != nil {
		return
	}
	if len(p.open) < maxProbes && len(p.w.hosts) > 0 {
		p.ask()
	}
	p.w.At(time.Duration(p.w.now+p.every), p.tick)
}

// judge looks at what has been asked; all says that everything must have ended.
func (p *prober) judge(all bool) {
	kept := p.open[:0]
	for _, q := range p.open {
		age := time.Duration(p.w.now - q.begun)
		switch {
		case q.calls > 1:
			p.fail(q, RuleDoneOnce, "its done was called again")
		case q.calls == 0 && (all || age > requestTime):
			p.fail(q, RuleRequestEnds, "it has not ended after "+age.String())
		case q.calls == 0 || time.Duration(p.w.now-q.ended) < doneAgain:
			kept = append(kept, q)
		}
	}
	clear(p.open[len(kept):])
	p.open = kept
}

func (p *prober) fail(q *probe, r Rule, what string) {
	p.w.fail(&Broken{p.w.cfg.Seed, p.w.Now(), q.host.Index(), r, q.kind + " begun at " + time.Duration(q.begun).String() + ": " + what})
}

// ask begins one request.
func (p *prober) ask() {
	h := p.w.hosts[p.rng.IntN(len(p.w.hosts))]
	kind, other := p.rng.IntN(4), p.other()
	target := RandomTarget(p.rng)
	if h.m.Table == nil {
		return
	}
	q := &probe{host: h, begun: p.w.now}
	done := func() {
		q.calls++
		q.ended = h.at
	}
	switch {
	case kind == lookupKind:
		q.kind = "a lookup"
		p.w.ask(h, func(t *kad.Table) {
			if _, err := t.Lookup(target, kad.LookupOptions{}, func([]*enode.Node) { done() }); err != nil {
				done()
			}
		})
	case h.speaks == kad.V4 || h.speaks == bothProtocols && p.rng.IntN(2) == 0:
		p.w.Do(h, func(m *discv4.Machine) { q.by4(m, kind, other, target, done) })
	default:
		p.w.Do5(h, func(m *discv5.Machine) { q.by5(m, kind, other, target, done) })
	}
	p.open = append(p.open, q)
}

// lookupKind is the kind of request that is a lookup.
const lookupKind = 3

// by4 begins a request by v4.
func (q *probe) by4(m *discv4.Machine, kind int, other *enode.Node, target kad.Target, done func()) {
	switch kind {
	case 0:
		q.kind = "a PING"
		m.Ping(other, func(discv4.PingResult, error) { done() })
	case 1:
		q.kind = "a FINDNODE"
		m.Findnode(other, target, func([]*enode.Node, error) { done() })
	default:
		q.kind = "an ENRREQUEST"
		m.RequestENR(other, func(*enode.Node, error) { done() })
	}
}

// maxProbeTalk is the size of the largest TALKREQ: one that no handshake has room for.
const maxProbeTalk = 1100

// by5 begins a request by v5.
func (q *probe) by5(m *discv5.Machine, kind int, other *enode.Node, target kad.Target, done func()) {
	switch kind {
	case 0:
		q.kind = "a v5 PING"
		m.Ping(other, func(discv5.PingResult, error) { done() })
	case 1:
		q.kind = "a v5 FINDNODE"
		m.Findnode(other, discv5.Distances(other.ID(), target.ID), func([]*enode.Node, error) { done() })
	default:
		q.kind = "a TALKREQ"
		size := int(target.ID[0]) * maxProbeTalk / 255
		m.Talk(other, "probe", make([]byte, size), func([]byte, error) { done() })
	}
}

// other returns whom to ask: a host, up or down, or now and then nobody.
func (p *prober) other() *enode.Node {
	o := p.w.hosts[p.rng.IntN(len(p.w.hosts))]
	if p.rng.IntN(4) > 0 {
		return o.bare
	}
	nowhere := netip.AddrFrom4([4]byte{198, 51, 100, byte(p.rng.Uint32())}) // RFC 5737: nobody's
	return enode.NewV4(o.pub, nowhere, 30303, 30303)
}

// Settle takes all hosts down, with which every request must end, and returns what is
// broken, if anything.
func (w *World) Settle() error {
	if err := w.Check(); err != nil {
		return w.fail(err.(*Broken))
	}
	for _, h := range w.hosts {
		w.Stop(h)
	}
	for _, p := range w.probers {
		p.judge(true)
	}
	if err := w.Check(); err != nil {
		return w.fail(err.(*Broken))
	}
	return nil
}

// Accuracy returns which share of what lookups could have found they have, and if that
// is less than is expected, the rule that is broken.
func (w *World) Accuracy(list []Lookup, least float64) (share float64, err error) {
	right, possible := 0, 0
	for _, l := range list {
		right, possible = right+l.Right, possible+l.Possible
	}
	if possible == 0 {
		return 0, nil
	}
	if share = float64(right) / float64(possible); share < least {
		err = &Broken{w.cfg.Seed, w.Now(), -1, RuleAccuracy, "lookups: " + percent(share) + " of the nearest found, " + percent(least) + " expected"}
	}
	return share, err
}

func percent(share float64) string { return strconv.FormatFloat(float64(100*share), 'f', 1, 64) + " %" }
