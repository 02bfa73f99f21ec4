package sim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/sim"
)

// rumour is a protocol that tells all peers what one has heard.
type rumour struct {
	heard  bool
	at     time.Time
	tellTo []p2p.MsgReadWriter
}

// speak is what a real Server would run, too: it reads, and tells others.
func (r *rumour) speak(ctx context.Context, peer *sim.Session, rw p2p.MsgReadWriter) error {
	r.tellTo = append(r.tellTo, rw)
	if r.heard {
		if err := rw.WriteMsg(ctx, 0, nil); err != nil {
			return err
		}
	}
	for {
		if _, err := rw.ReadMsg(ctx); err != nil {
			return err
		}
		r.hear(ctx, peer.Clock())
	}
}

func (r *rumour) hear(ctx context.Context, now time.Time) {
	if r.heard {
		return
	}
	r.heard, r.at = true, now
	for _, rw := range r.tellTo {
		rw.WriteMsg(ctx, 0, nil) // who has gone needs to hear nothing
	}
}

// A protocol of one's own on a network of two hundred nodes that find each other: how
// long does a rumour take to reach them all?
func Example() {
	w := sim.New(sim.Config{Seed: 1, Link: sim.Link{Latency: 50 * time.Millisecond, Jitter: 50 * time.Millisecond}})
	var all []*rumour
	var boot []*sim.Host
	for range 200 {
		r := &rumour{}
		all = append(all, r)
		h, err := w.Add(sim.Node{Bootnodes: boot, Server: &sim.Server{
			MaxPeers:  12,
			Protocols: []*sim.Protocol{{Name: "rumour", Version: 1, Length: 1, Run: r.speak}},
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(boot) == 0 {
			boot = append(boot, h)
		}
	}
	if err := w.Run(time.Minute); err != nil { // they find each other, and connect
		fmt.Println(err)
		return
	}
	begin := w.Hosts()[17].Clock()
	w.At(w.Now(), func() { all[17].hear(context.Background(), begin) })
	if err := w.Run(5 * time.Second); err != nil {
		fmt.Println(err)
		return
	}
	heard, last := 0, begin
	for _, r := range all {
		if r.heard {
			heard++
		}
		if r.at.After(last) {
			last = r.at
		}
	}
	fmt.Println(heard, "have heard it, all within a second:", last.Sub(begin) < time.Second)
	// Output: 200 have heard it, all within a second: true
}
