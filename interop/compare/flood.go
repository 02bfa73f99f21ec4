package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"time"

	"github.com/kithnet/kith/interop/internal/flood"
	"github.com/kithnet/kith/interop/internal/load"
)

// The honest load during a flood: a bonded node that pings this often a second.
const honestRate = 1000

// calm is how long the honest load is measured alone before the flood.
const calm = 2 * time.Second

// signers is how many different nodes a flood pretends to come from.
const signers = 2000

// A floodCase is one flood.
type floodCase struct {
	name    string
	packets string // what they are
	kind    flood.Kind
	rate    int // packets a second
	sources int
}

var floods4 = []floodCase{
	{"findnode", "FINDNODE unproven, 40,000/s", flood.Findnode, 40_000, 1},
	{"pong", "PONG unasked, 40,000/s", flood.Pong, 40_000, 1},
	{"neighbors", "NEIGHBORS unasked, 40,000/s", flood.Neighbors, 40_000, 1},
	{"expired", "PING expired, 40,000/s", flood.Expired, 40_000, 1},
	{"ping", "PING from unknown nodes, 40,000/s", flood.Ping, 40_000, 1},
	{"spread", "PING from unknown nodes, 40,000/s from 1,000 addresses", flood.Ping, 40_000, 1000},
	{"garbage", "garbage, 150,000/s", flood.Garbage, 150_000, 1},
}

var floods5 = []floodCase{
	{"session", "messages of unknown sessions, 40,000/s", flood.Session, 40_000, 1},
}

// work floods each side's server in turn, a fresh one every time.
func (c floodCase) work(v *protocol) work {
	return work{v.prefix + "flood " + c.name, func(o options, sides []side) ([]row, error) {
		rows := []row{
			{Work: v.label + "flood of " + c.packets + ": CPU a packet", Unit: microseconds},
			{Work: v.label + "flood of " + c.packets + ": honest pings answered", Unit: percent},
		}
		return rows, takeTurns(o.reps, sides, func(s side) error {
			out, err := v.floodOnce(o, s, c)
			if err != nil {
				return err
			}
			rows[0].add(s, out.cpuPerPacket())
			rows[1].add(s, 100*out.answered())
			rows[0].Remarks[s.index] = out.remark()
			return nil
		})
	}}
}

// flooded is what was seen of one flood.
type flooded struct {
	report  flood.Report
	honest  load.Pacing
	dropped int           // packets that the kernel dropped at the server's socket
	cpu     time.Duration // of the server during the flood
	calm    load.Pacing   // the honest load before the flood
	perPing time.Duration // of the server for an honest ping then
}

// taken returns how many of the flood's packets the server took from its socket,
// if the kernel dropped flood and honest packets alike.
func (f flooded) taken() float64 {
	sent := float64(f.report.Sent)
	return sent - float64(f.dropped)*sent/(sent+float64(f.honest.Sent))
}

// cpuPerPacket returns the microseconds that each packet taken from the socket
// cost. Packets dropped at the socket cost the process nothing, and would make
// an overwhelmed server look cheap.
func (f flooded) cpuPerPacket() float64 {
	cost := f.cpu - f.perPing*time.Duration(f.honest.Answered)
	return max(float64(cost)/1e3/math.Max(f.taken(), 1), 0)
}

func (f flooded) answered() float64 { return float64(f.honest.Answered) / float64(f.honest.Sent) }

func (f flooded) remark() string {
	text := fmt.Sprintf("%.0f/s sent, %.0f %% taken in, %.0f %% CPU",
		float64(f.report.Sent)/f.report.Took.Seconds(),
		100*f.taken()/float64(f.report.Sent),
		100*f.cpu.Seconds()/f.report.Took.Seconds())
	if f.calm.Answered < f.calm.Sent*99/100 { // the machine was busy with something else
		text += fmt.Sprintf(", before the flood only %d of %d pings answered", f.calm.Answered, f.calm.Sent)
	}
	return text
}

// floodOnce floods a fresh server that has one bonded node.
func (v *protocol) floodOnce(o options, s side, c floodCase) (f flooded, err error) {
	srv, err := v.startServer(s, "flood "+c.name)
	if err != nil {
		return f, err
	}
	defer srv.Close()
	honest, err := v.listen(netip.AddrFrom4([4]byte{127, 0, 0, 2}), srv)
	if err != nil {
		return f, err
	}
	defer honest.Close()
	if err := honest.Bond(); err != nil {
		return f, err
	}
	if err := f.measureCalm(v, srv, honest); err != nil {
		return f, err
	}
	self, err := os.Executable()
	if err != nil {
		return f, err
	}
	spec := flood.Spec{
		Kind: c.kind, Target: srv.addr.String(), ID: srv.node.ID(), Rate: c.rate, For: o.flood, Sources: c.sources, Keys: signers,
	}
	flooder, err := flood.StartChild(spec, self, floodRole)
	if err != nil {
		return f, err
	}
	defer flooder.Close()
	pings, err := honest.PacedPings(honestRate, o.flood)
	if err != nil {
		return f, err
	}
	return f, f.measure(srv, flooder, func() (load.Pacing, error) {
		return load.Paced(honest, pings, v.pong, honestRate, o.flood)
	})
}

// measureCalm measures what an honest ping costs the server without a flood.
func (f *flooded) measureCalm(v *protocol, srv *server, honest peer) error {
	pings, err := honest.PacedPings(honestRate, calm)
	if err != nil {
		return err
	}
	before, err := srv.Usage()
	if err != nil {
		return err
	}
	if f.calm, err = load.Paced(honest, pings, v.pong, honestRate, calm); err != nil {
		return err
	}
	after, err := srv.Usage()
	if err != nil {
		return err
	}
	if f.calm.Answered == 0 {
		return errors.New("no ping is answered even without a flood")
	}
	f.perPing = after.Sub(before).CPU / time.Duration(f.calm.Answered)
	return nil
}

// measure floods while the honest node pings.
func (f *flooded) measure(srv *server, flooder *flood.Child, honest func() (load.Pacing, error)) error {
	drops, err := socketDrops(srv.addr)
	if err != nil {
		return err
	}
	before, err := srv.Usage()
	if err != nil {
		return err
	}
	type result struct {
		report flood.Report
		err    error
	}
	over := make(chan result, 1)
	go func() {
		r, err := flooder.Run()
		over <- result{r, err}
	}()
	// Paced returns well after the last packet: the server has worked off its
	// socket's queue by then.
	if f.honest, err = honest(); err != nil {
		return err
	}
	res := <-over
	if res.err != nil {
		return res.err
	}
	f.report = res.report
	after, err := srv.Usage()
	if err != nil {
		return err
	}
	f.cpu = after.Sub(before).CPU
	dropsAfter, err := socketDrops(srv.addr)
	f.dropped = dropsAfter - drops
	return err
}
