package discv4

import (
	"testing"
	"unsafe"
)

// TestCallSize: a node has few calls under way and goes through thousands a minute while
// its network starts; a simulation does so for each of its nodes.
func TestCallSize(t *testing.T) {
	if n := unsafe.Sizeof(pingCall{}); n > 224 {
		t.Errorf("a PING under way takes %d bytes", n)
	}
	if n := unsafe.Sizeof(request{}); n > 352 {
		t.Errorf("a query under way takes %d bytes", n)
	}
}
