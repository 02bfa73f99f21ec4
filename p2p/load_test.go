package p2p

import (
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// TestQuitManyPeers: a Server with many peers is gone within five seconds, and each
// of them has heard why.
func TestQuitManyPeers(t *testing.T) {
	count := 500
	if raceEnabled {
		count = 50
	}
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()}, MaxPeers: 2 * count, DialRatio: 2, MaxPending: count})
		said := make(chan rlpx.DiscReason, count)
		var reading sync.WaitGroup
		for range count {
			c := n.stranger(t, s, echoCap)
			reading.Go(func() {
				for {
					code, content, err := c.ReadMsg()
					if err != nil {
						return
					}
					if code == rlpx.CodeDisconnect {
						said <- rlpx.ParseDisconnect(content)
					}
				}
			})
		}
		synctest.Wait()
		if got := len(s.Peers()); got != count {
			t.Fatalf("%d peers", got)
		}
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the end took %v", took)
		}
		reading.Wait()
		if len(said) != count {
			t.Errorf("%d of %d peers were told", len(said), count)
		}
		for range len(said) {
			if r := <-said; r != rlpx.DiscQuitting {
				t.Fatalf("told %v", r)
			}
		}
	})
}

// poorListener has no descriptors left for a while.
type poorListener struct {
	*memListener
	failures int
}

func (l *poorListener) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, syscall.EMFILE
	}
	return l.memListener.Accept()
}

// TestNoDescriptors: when the system has no descriptors left, the Server tries again,
// not too often, and goes on when there are some.
func TestNoDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		l := &poorListener{n.listen(), 20}
		s, stop := n.runOn(t, l, Config{Protocols: []Protocol{echo()}})
		begin := time.Now()
		synctest.Wait()
		n.stranger(t, s, echoCap)
		if took := time.Since(begin); took < time.Second || took > 20*time.Second {
			t.Errorf("connected after %v", took)
		}
		stop()
	})
}

// TestFlood: a peer that sends more than its protocol takes holds a bounded part of
// memory, and holds up nobody else.
func TestFlood(t *testing.T) {
	for _, size := range []int{0, 100, 100_000, 5_000_000} {
		synctest.Test(t, func(t *testing.T) {
			n := newMemNet()
			l := newLines("echo", 1, 2)
			s, stop := n.run(t, Config{Protocols: []Protocol{l.Protocol}})
			c := n.stranger(t, s, echoCap)
			go func() {
				for c.WriteMsg(rlpx.BaseCodes, make([]byte, size)) == nil {
				}
			}()
			end := <-l.open
			synctest.Wait() // until it can write no more
			in := &end.rw.(*protoRW).in
			if len(in.queue) > maxWaiting || in.bytes > max(maxInbox, size) || len(in.queue) == 0 {
				t.Errorf("%d bytes each: %d messages of %d bytes wait", size, len(in.queue), in.bytes)
			}
			other := n.stranger(t, s, echoCap)
			if err := other.WriteMsg(rlpx.BaseCodes, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if m, err := (<-l.open).rw.ReadMsg(t.Context()); err != nil || string(m.Payload) != "hello" {
				t.Errorf("another peer's message: %q, %v", m.Payload, err)
			}
			stop()
		})
	}
}

// TestBurst: more honest nodes than may wait connect at once, and none is pushed out.
func TestBurst(t *testing.T) {
	nodes := 60
	if raceEnabled { // which makes a handshake take ten times as long
		nodes = 15
	}
	s := start(t, Config{Protocols: []Protocol{echo()}, MaxPeers: 2 * nodes, MaxPending: 5})
	var wg sync.WaitGroup
	for range nodes {
		o := start(t, Config{Protocols: []Protocol{echo()}})
		wg.Go(func() {
			if _, err := o.Connect(t.Context(), s.Self()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.Stats().Refused[peering.TooManyPending]; got != 0 {
		t.Errorf("%d were pushed out", got)
	}
}
