package prefetch

import "testing"

// TestAnywhere: to ask for what is not there, is empty, or reaches beyond what may be
// read does no harm, and changes nothing.
func TestAnywhere(t *testing.T) {
	Value[[4096]byte](nil)
	Slice[int](nil, 100)
	Slice(make([]int, 0, 5), 100)
	v := new([3]uint64)
	v[1] = 7
	Value(v)
	Slice(v[:], 1<<20)
	Slice(v[2:], 1)
	if *v != [3]uint64{0, 7, 0} {
		t.Error(v)
	}
}
