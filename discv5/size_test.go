package discv5

import (
	"testing"
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
