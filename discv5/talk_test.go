package discv5

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

func TestTalk(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	b.m.Handle("echo", func(from *enode.Node, at netip.AddrPort, request []byte) []byte {
		if from.ID() != a.node.ID() || at != a.at {
			t.Errorf("from %v at %v", from, at)
		}
		return bytes.Clone(request)
	})
	b.m.Handle("long", func(*enode.Node, netip.AddrPort, []byte) []byte { return make([]byte, MaxTalkResponse+1) })
	b.m.Handle("full", func(*enode.Node, netip.AddrPort, []byte) []byte { return make([]byte, MaxTalkResponse) })
	for _, c := range []struct {
		protocol string
		request  []byte
		want     int
	}{
		{"echo", []byte{1, 2, 3}, 3},
		{"echo", nil, 0},
		{"none", []byte{1, 2, 3}, 0},
		{"", []byte{1, 2, 3}, 0},
		{"long", nil, 0},
		{"full", nil, MaxTalkResponse},
	} {
		r := a.talk(b, c.protocol, c.request)
		w.run(time.Second)
		r.is(t, nil)
		if len(r.value) != c.want || r.value == nil {
			t.Errorf("%s: %d bytes, want %d", c.protocol, len(r.value), c.want)
		}
	}
	b.m.Handle("echo", nil)
	r := a.talk(b, "echo", []byte{1})
	w.run(time.Second)
	if r.is(t, nil); len(r.value) != 0 {
		t.Error("answered by a handler that is gone")
	}
}

// TestTalkLarge: a request that fits in a packet, but not in a handshake, has a PING go
// before it; one that fits in none is refused.
func TestTalkLarge(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	b.m.Handle("echo", func(_ *enode.Node, _ netip.AddrPort, request []byte) []byte { return bytes.Clone(request) })
	most := MaxMessageSize - 1 - 3 - 9 - 5 - 3
	r := a.talk(b, "echo", make([]byte, most))
	s := a.talk(b, "echo", make([]byte, most+1))
	w.run(time.Second)
	r.is(t, nil)
	s.is(t, ErrTooLong)
	if len(r.value) != most {
		t.Errorf("%d bytes came back", len(r.value))
	}
	w.expect("0>1 random", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG", "0>1 TALKREQ", "1>0 TALKRESP")
	b.restart()
	b.m.Handle("echo", func(_ *enode.Node, _ netip.AddrPort, request []byte) []byte { return bytes.Clone(request) })
	r = a.talk(b, "echo", make([]byte, most))
	w.run(time.Second)
	r.is(t, nil)
	w.expect("0>1 TALKREQ", "1>0 WHOAREYOU", "0>1 handshake PING", "1>0 PONG", "0>1 TALKREQ", "1>0 TALKRESP")
	if a.m.Stats().Pending != 0 {
		t.Error("something is left")
	}
}

// TestTalkOnce: a request that may have been read is not sent again.
func TestTalkOnce(t *testing.T) {
	for _, met := range []bool{false, true} {
		w := newWorld(t, 2, nil)
		a, b := w.labs[0], w.labs[1]
		if met {
			w.meet(a, b)
		}
		calls := 0
		b.m.Handle("x", func(*enode.Node, netip.AddrPort, []byte) []byte {
			calls++
			return nil
		})
		w.lose = func(f *flight) bool { return f.what == "TALKRESP" }
		r, s := a.talk(b, "x", nil), a.ping(b)
		w.run(3 * time.Second)
		r.is(t, ErrTimeout)
		s.is(t, nil)
		if calls != 1 {
			t.Errorf("met %v: handled %d times", met, calls)
		}
	}
}

func TestTalkLater(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	var replies []func([]byte)
	b.m.HandleLater("x", func(_ *enode.Node, _ netip.AddrPort, _ []byte, reply func([]byte)) {
		replies = append(replies, reply)
	})
	r := a.talk(b, "x", nil)
	w.run(100 * time.Millisecond)
	r.pending(t)
	replies[0]([]byte{7})
	replies[0]([]byte{8})
	b.flush()
	w.run(100 * time.Millisecond)
	r.is(t, nil)
	if !bytes.Equal(r.value, []byte{7}) || a.m.Stats().Drops[DropUnsolicited] != 0 {
		t.Errorf("got %x", r.value)
	}
	// After its time an answer is not sent.
	w.sent = nil
	a.say(b, Message{Kind: TalkReq, ID: NumberID(1), Protocol: []byte("x")})
	w.run(2 * time.Second)
	w.sent = nil
	replies[1]([]byte{9})
	b.flush()
	if len(w.sent) != 0 {
		t.Error("answered after two seconds")
	}
	// Only so many wait; when their time is over there is room again.
	for range maxTalks + 5 {
		a.say(b, Message{Kind: TalkReq, ID: NumberID(1), Protocol: []byte("x")})
	}
	w.run(w.delay)
	if got := len(b.m.talks.owed); got != maxTalks || b.m.Stats().Drops[DropTalkLimit] != 5 {
		t.Errorf("%d wait, %d dropped", got, b.m.Stats().Drops[DropTalkLimit])
	}
	w.run(2 * time.Second)
	a.say(b, Message{Kind: TalkReq, ID: NumberID(2), Protocol: []byte("x")})
	w.run(w.delay)
	if got := len(b.m.talks.owed); got != 1 {
		t.Errorf("%d wait", got)
	}
	replies[len(replies)-1](nil)
	b.flush()
	if f := w.last("TALKRESP"); f.out.Message.ID != NumberID(2) || len(b.m.talks.owed) != 0 {
		t.Error("the last was not answered")
	}
}
