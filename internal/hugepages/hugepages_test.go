package hugepages

import (
	"slices"
	"testing"
)

// TestHeapOf: of a process's regions those that may be the heap's are found.
func TestHeapOf(t *testing.T) {
	const maps = `00400000-00800000 r-xp 00000000 fe:00 10199746                           /tmp/kith
00800000-00c00000 rw-p 00000000 fe:00 10199746                           /tmp/kith
00c00000-02b9e000 rw-p 00000000 00:00 0 
24c1c000-24c3d000 rw-p 00000000 00:00 0                                  [heap]
8ad59000000-8ad5f800000 rw-p 00000000 00:00 0 
8ad5f800000-8ad60000000 ---p 00000000 00:00 0 
8ad60000000-8ad60400000 rw-p 00000000 00:00 0 
7f8e7c000000-7f8e7c021000 rw-p 00000000 00:00 0 
7ffc0-zz rw-p 00000000 00:00 0 
400000
`
	want := []region{{0x8ad59000000, 0x8ad5f800000}, {0x8ad60000000, 0x8ad60400000}}
	if got := heapOf(maps); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestRest: what has grown is advised once.
func TestRest(t *testing.T) {
	a := advised{}
	for _, c := range []struct{ r, want region }{
		{region{100, 200}, region{100, 200}},
		{region{100, 200}, region{}},
		{region{100, 300}, region{200, 300}},
		{region{400, 500}, region{400, 500}},
		{region{100, 500}, region{300, 500}}, // they have become one
		{region{100, 500}, region{}},
	} {
		if got, ok := a.rest(c.r); got != c.want || ok != (c.want != region{}) {
			t.Errorf("%v: %v %v, want %v", c.r, got, ok, c.want)
		}
	}
}
