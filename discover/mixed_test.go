package discover

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// TestMixedNetwork: nodes that speak v4, v5 and both, and know one that speaks both, find
// all that they can talk to.
func TestMixedNetwork(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		boot := w.start(Config{Protocols: both})
		for range 4 {
			for _, speaks := range []kad.Protocol{kad.V4, kad.V5, both} {
				w.start(Config{Protocols: speaks, Bootnodes: []*enode.Node{boot.Self()}})
			}
		}
		time.Sleep(2 * time.Minute)
		for i, n := range w.nodes {
			for j, o := range w.nodes {
				if i == j || n.m.Speaks()&o.m.Speaks() == 0 {
					continue
				}
				found, err := n.Lookup(t.Context(), o.Self().PublicKey())
				if err != nil || !slices.ContainsFunc(found, func(f *enode.Node) bool { return f.ID() == o.Self().ID() }) {
					t.Errorf("node %d, which speaks %v, does not find node %d, which speaks %v: %v", i, n.m.Speaks(), j, o.m.Speaks(), err)
				}
			}
		}
		for i, n := range w.nodes {
			seen := make(map[enode.ID]bool)
			for _, b := range n.Buckets() {
				for _, e := range slices.Concat(b.Entries, b.Replacements) {
					if seen[e.Node.ID()] {
						t.Errorf("node %d has another one twice", i)
					}
					seen[e.Node.ID()] = true
					o := w.nodes[slices.IndexFunc(w.nodes, func(o *UDP) bool { return o.Self().ID() == e.Node.ID() })]
					if want := n.m.Speaks() & o.m.Speaks(); e.Speaks != want {
						t.Errorf("node %d takes another one to speak %v, expected %v", i, e.Speaks, want)
					}
				}
			}
			for _, s := range []uint64{n.Stats().V5.Drops[discv5.DropMalformed], n.Stats().V5.Drops[discv5.DropSignature]} {
				if s != 0 {
					t.Errorf("node %d dropped what others sent: %+v", i, n.Stats().V5.Drops)
				}
			}
		}
	})
}

// TestPingChooses: a node is asked by what it speaks, whatever its URL suggests.
func TestPingChooses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start(Config{Protocols: both})
		for _, speaks := range []kad.Protocol{kad.V4, kad.V5} {
			o := w.start(Config{Protocols: speaks}).Self()
			bare := enode.NewV4(o.PublicKey(), o.IP(), o.TCP(), o.UDP())
			for _, target := range []*enode.Node{o, bare} {
				pong, err := n.Ping(t.Context(), target)
				if err != nil || pong.Via != speaks || pong.Seq != o.Seq() || pong.Endpoint.Port() != n.Self().UDP() {
					t.Errorf("%+v, %v from a node that speaks %v", pong, err, speaks)
				}
			}
			if r, err := n.RequestENR(t.Context(), bare); err != nil || r.Seq() != o.Seq() {
				t.Errorf("record %v, %v of a node that speaks %v", r, err, speaks)
			}
		}
	})
}

func TestTalk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(Config{Protocols: both}), w.start(Config{Protocols: kad.V5})
		from := make(chan enode.ID, 1)
		b.HandleTalk("echo", func(n *enode.Node, at netip.AddrPort, request []byte) []byte {
			from <- n.ID()
			return append([]byte("you said: "), request...)
		})
		got, err := a.Talk(t.Context(), b.Self(), "echo", []byte("hello"))
		if err != nil || !bytes.Equal(got, []byte("you said: hello")) || <-from != a.Self().ID() {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := a.Talk(t.Context(), b.Self(), "another", []byte("hello")); err != nil || len(got) > 0 {
			t.Errorf("%q, %v by a protocol that is not known", got, err)
		}
		b.HandleTalk("echo", nil)
		if got, err := a.Talk(t.Context(), b.Self(), "echo", []byte("hello")); err != nil || len(got) > 0 {
			t.Errorf("%q, %v by a protocol that is not known any more", got, err)
		}
		if _, err := w.start(Config{Protocols: kad.V4}).Talk(t.Context(), b.Self(), "echo", nil); !errors.Is(err, ErrNoTalk) {
			t.Errorf("%v without v5", err)
		}
	})
}

// TestSlowTalk: handlers that take their time hold up nothing else, and Close waits for
// them.
func TestSlowTalk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(Config{Protocols: kad.V5}), w.start(Config{Protocols: kad.V5})
		ended := 0
		b.HandleTalk("slow", func(*enode.Node, netip.AddrPort, []byte) []byte {
			time.Sleep(time.Minute)
			ended++ // they end in a row: a has one question under way at a time
			return nil
		})
		if _, err := a.Talk(t.Context(), b.Self(), "slow", nil); !errors.Is(err, kad.ErrTimeout) {
			t.Errorf("%v from a handler that takes a minute", err)
		}
		if _, err := a.Ping(t.Context(), b.Self()); err != nil {
			t.Errorf("PING meanwhile: %v", err)
		}
		w.stop(b)
		if ended != 1 {
			t.Errorf("%d handlers had ended with Close", ended)
		}
	})
}

// TestTalkFlood: more requests than handlers may run are answered with nothing.
func TestTalkFlood(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(Config{Protocols: kad.V5}), w.start(Config{Protocols: kad.V5})
		if _, err := a.Ping(t.Context(), b.Self()); err != nil { // a session
			t.Fatal(err)
		}
		const talks = maxTalks + maxTalks/2 // a node has no more than twice as many under way to another
		var mu sync.Mutex
		running := 0
		b.HandleTalk("busy", func(*enode.Node, netip.AddrPort, []byte) []byte {
			mu.Lock()
			running++
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			return []byte("done")
		})
		var wg sync.WaitGroup
		var answered, empty int
		for range talks {
			wg.Go(func() {
				got, err := a.Talk(context.Background(), b.Self(), "busy", nil)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case len(got) > 0:
					answered++
				default:
					empty++
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if answered == 0 || answered > maxTalks || answered+empty != talks || running != answered {
			t.Errorf("%d answered, %d with nothing, %d handlers ran", answered, empty, running)
		}
	})
}
