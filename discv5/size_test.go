package discv5

import (
	"testing"
	"time"
	"unsafe"
)

// TestSizes: a simulation has millions of sessions, and a machine for each of its nodes.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(Session{}); got > 112 {
		t.Errorf("a session takes %d bytes", got)
	}
	if got := unsafe.Sizeof(challenge{}); got > 176 {
		t.Errorf("a challenge takes %d bytes", got)
	}
	if got := unsafe.Sizeof(Machine{}); got > 1536 {
		t.Errorf("a machine takes %d bytes", got)
	}
}

// TestChallenges: what a handshake answers is what its receiver compares it with, until
// that has challenged anew. (That Size is right, the labs see to: for each packet.)
func TestChallenges(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(f *flight) bool { return f.out.Header.Flag == Handshake }
	a.ping(b)
	w.run(200 * time.Millisecond)
	lost := w.last("handshake PING")
	accept := func() *Accept {
		var r Received
		if drop := r.Parse(lost.data, NewMask(b.node.ID())); drop != DropNone {
			t.Fatal(drop)
		}
		v := b.m.Admit(a.at, &r.Header, false)
		if v.Accept == nil {
			t.Fatal(v.Drop)
		}
		return v.Accept
	}
	if lost.out.Challenge() != accept().Challenge() {
		t.Error("a handshake answers another challenge than the one that is outstanding")
	}
	w.run(5 * time.Second)
	a.ping(b)
	w.run(100 * time.Millisecond)
	if lost.out.Challenge() == accept().Challenge() {
		t.Error("an old handshake answers a new challenge")
	}
}
