package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// silence loses every packet.
func silence(netip.AddrPort, netip.AddrPort, []byte) []time.Duration { return nil }

// call is one of the node's methods that wait.
type call struct {
	name string
	do   func(ctx context.Context, n *UDP, other *enode.Node) error
	seq  bool // an iterator: it can't return an error
	// needs is a protocol without which there is no such call.
	needs kad.Protocol
}

var calls = []call{
	{name: "Ping", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.Ping(ctx, other)
		return err
	}},
	{name: "RequestENR", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.RequestENR(ctx, other)
		return err
	}},
	{name: "Findnode", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.Findnode(ctx, other, other.PublicKey())
		return err
	}},
	{name: "Refresh", do: func(ctx context.Context, n *UDP, _ *enode.Node) error {
		return n.Refresh(ctx)
	}},
	{name: "Lookup", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.Lookup(ctx, other.PublicKey())
		return err
	}},
	{name: "LookupID", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.LookupID(ctx, other.ID(), nil)
		return err
	}},
	{name: "Resolve", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.Resolve(ctx, other)
		return err
	}},
	{name: "ResolveID", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.ResolveID(ctx, other.ID())
		return err
	}},
	{name: "Talk", do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		_, err := n.Talk(ctx, other, "a protocol", nil)
		return err
	}, needs: kad.V5},
	{name: "LookupSeq", seq: true, do: func(ctx context.Context, n *UDP, other *enode.Node) error {
		for range n.LookupSeq(ctx, other.PublicKey(), nil) {
		}
		return nil
	}},
	{name: "RandomNodes", seq: true, do: func(ctx context.Context, n *UDP, _ *enode.Node) error {
		for range n.RandomNodes(ctx, nil) {
		}
		return nil
	}},
}

// outcome is how a call ended, and when.
type outcome struct {
	err error
	at  time.Time
}

// each runs f for each call, in a world of a node and another that it gets no
// answer from, with the call under way.
func each(t *testing.T, f func(t *testing.T, c call, n *UDP, cancel context.CancelFunc, ended <-chan outcome)) {
	eachCall(t, func(t *testing.T, c call, speaks kad.Protocol) {
		inWorld(t, func(t *testing.T, w *world) {
			w.net.Link = silence
			other := w.start(Config{Protocols: speaks}).Self()
			n := w.start(Config{Protocols: speaks, Bootnodes: []*enode.Node{other}})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan outcome, 1)
			go func() {
				err := c.do(ctx, n, other)
				ended <- outcome{err, time.Now()}
			}()
			time.Sleep(10 * time.Millisecond)
			select {
			case o := <-ended:
				t.Fatalf("ended by itself: %v", o.err)
			default:
			}
			f(t, c, n, cancel, ended)
		})
	})
}

// eachCall runs f for each call and what nodes may speak.
func eachCall(t *testing.T, f func(t *testing.T, c call, speaks kad.Protocol)) {
	for _, c := range calls {
		for _, speaks := range []kad.Protocol{kad.V4, kad.V5, both} {
			if speaks&c.needs != c.needs || (testing.Short() && speaks != both) {
				continue
			}
			t.Run(c.name+" by "+speaks.String(), func(t *testing.T) { f(t, c, speaks) })
		}
	}
}

func (c call) check(t *testing.T, o outcome, want error, began time.Time, took time.Duration) {
	t.Helper()
	if c.seq {
		want = nil
	}
	if !errors.Is(o.err, want) {
		t.Errorf("error %v, expected %v", o.err, want)
	}
	if got := o.at.Sub(began); got != took {
		t.Errorf("ended after %v, expected %v", got, took)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	each(t, func(t *testing.T, c call, n *UDP, _ context.CancelFunc, ended <-chan outcome) {
		start := time.Now()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		c.check(t, <-ended, discv4.ErrClosed, start, 0)
	})
}

func TestCancelEndsCalls(t *testing.T) {
	each(t, func(t *testing.T, c call, n *UDP, cancel context.CancelFunc, ended <-chan outcome) {
		start := time.Now()
		cancel()
		c.check(t, <-ended, context.Canceled, start, 0)
	})
}

func TestDeadlineEndsCalls(t *testing.T) {
	eachCall(t, func(t *testing.T, c call, speaks kad.Protocol) {
		inWorld(t, func(t *testing.T, w *world) {
			w.net.Link = silence
			other := w.start(Config{Protocols: speaks}).Self()
			n := w.start(Config{Protocols: speaks, Bootnodes: []*enode.Node{other}})
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 70*time.Millisecond)
			defer cancel()
			err := c.do(ctx, n, other)
			c.check(t, outcome{err, time.Now()}, context.DeadlineExceeded, start, 70*time.Millisecond)
		})
	})
}

// A context that has ended before costs no packet.
func TestEndedContextSendsNothing(t *testing.T) {
	eachCall(t, func(t *testing.T, c call, speaks kad.Protocol) {
		inWorld(t, func(t *testing.T, w *world) {
			other, n := w.start(Config{Protocols: speaks}).Self(), w.start(Config{Protocols: speaks})
			synctest.Wait()
			start, before := time.Now(), n.Stats().PacketsOut
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			err := c.do(ctx, n, other)
			c.check(t, outcome{err, time.Now()}, context.Canceled, start, 0)
			if after := n.Stats().PacketsOut; after != before {
				t.Errorf("%d packets sent", after-before)
			}
		})
	})
}

// The node sleeps until its next check of the table, seconds ahead. What a call
// has to wait for is due long before.
func TestCallsWakeTheNode(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, gone := w.start(Config{}), w.start(Config{}).Self()
		w.net.Link = silence
		for range 20 {
			time.Sleep(time.Minute)
			start, before := time.Now(), n.Stats().PacketsOut
			if _, err := n.Ping(context.Background(), gone); !errors.Is(err, discv4.ErrTimeout) {
				t.Errorf("PING to nobody: %v", err)
			}
			took, sent := time.Since(start), n.Stats().PacketsOut-before
			if took > 2*time.Second || sent < 2 {
				t.Errorf("PING to nobody ended after %v and %d packets", took, sent)
			}
		}
	})
}

func TestCallsAfterClose(t *testing.T) {
	eachCall(t, func(t *testing.T, c call, speaks kad.Protocol) {
		inWorld(t, func(t *testing.T, w *world) {
			other, n := w.start(Config{Protocols: speaks}).Self(), w.start(Config{Protocols: speaks})
			w.stop(n)
			start := time.Now()
			err := c.do(context.Background(), n, other)
			c.check(t, outcome{err, time.Now()}, discv4.ErrClosed, start, 0)
		})
	})
}

// A walk that found nothing waits up to half a minute for its next lookup.
func TestCloseEndsPauseOfWalk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start(Config{})
		ended := make(chan time.Time, 1)
		go func() {
			for range n.RandomNodes(context.Background(), nil) {
				t.Error("there is nobody to find")
			}
			ended <- time.Now()
		}()
		time.Sleep(5 * time.Minute)
		start := time.Now()
		w.stop(n)
		if late := (<-ended).Sub(start); late != 0 {
			t.Errorf("the walk went on for %v after Close", late)
		}
	})
}

// goroutines returns the stacks of all goroutines that a node has started.
func goroutines() (stacks string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "discover.(*UDP)") {
			stacks += stack
		}
	}
	return stacks
}

func TestNoGoroutineLeft(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		boot := w.start(Config{})
		key := newKey(t, 99)
		nodes := []*UDP{boot}
		for range 4 {
			nodes = append(nodes, w.start(Config{
				Bootnodes: []*enode.Node{boot.Self(), w.named("boot.example", key)},
				Resolve: func(ctx context.Context, _ string) ([]netip.Addr, error) {
					<-ctx.Done() // a name server that never answers
					return nil, ctx.Err()
				},
			}))
		}
		time.Sleep(3 * time.Second)
		if goroutines() == "" {
			t.Error("the nodes' goroutines are not seen")
		}
		for _, n := range nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
		if left := goroutines(); left != "" {
			t.Errorf("still running: %s", left)
		}
		if err := boot.Close(); err != net.ErrClosed {
			t.Errorf("second Close: %v", err)
		}
		boot.Stats()
		boot.Buckets()
		if boot.Self() == nil {
			t.Error("a closed node has no record")
		}
	})
}

// Close while everything is under way, from several goroutines.
func TestCloseDuringTraffic(t *testing.T) {
	for after := range scale(9) {
		inWorld(t, func(t *testing.T, w *world) {
			w.net.Link = func(_, _ netip.AddrPort, data []byte) []time.Duration {
				return []time.Duration{time.Duration(data[0]%4) * time.Millisecond}
			}
			w.grow(6)
			time.Sleep(time.Duration(2*after) * time.Millisecond)
			n := w.nodes[len(w.nodes)-1]
			for _, c := range calls {
				for _, o := range w.nodes[:2] {
					other := o.Self()
					go c.do(context.Background(), n, other)
				}
			}
			time.Sleep(time.Duration(after) * time.Millisecond)
			go n.Close()
			go n.Close()
			for _, o := range w.nodes[:4] {
				go o.Close()
			}
		})
	}
}
