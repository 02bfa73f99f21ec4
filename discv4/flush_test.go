package discv4

import (
	"net/netip"
	"testing"
)

// TestFlushReturnsWhatWasLent: packets come in order, wherever they were put.
func TestFlushReturnsWhatWasLent(t *testing.T) {
	m := newLab(t, newActor(0, "5.1.0.1:30303"), nil).m
	add := func(port uint16) { m.out = append(m.out, Out{To: netip.AddrPortFrom(netip.Addr{}, port)}) }
	is := func(out []Out, want ...uint16) {
		t.Helper()
		if len(out) != len(want) {
			t.Fatalf("%d packets, want %d", len(out), len(want))
		}
		for i := range out {
			if out[i].To.Port() != want[i] {
				t.Fatalf("packet %d is for %v, want %d", i, out[i].To, want[i])
			}
		}
	}
	buf, other := make([]Out, 2, 4), make([]Out, 0, 4)
	add(1)
	m.Lend(buf)
	add(2)
	m.Lend(other)
	add(3)
	out := m.Flush(other)
	is(out, 1, 2, 3)
	if &out[0] != &buf[0] {
		t.Error("they are not in what was lent")
	}
	is(m.Flush(nil))
	add(4)
	is(out, 1, 2, 3) // nothing of it is kept
	m.Lend(nil)
	add(5)
	is(m.Flush(other[:1]), 0, 4, 5)
	add(6)
	is(m.Flush(buf[:0]), 6)
}
