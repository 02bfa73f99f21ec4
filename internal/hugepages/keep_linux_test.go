package hugepages

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestKeep: where it is for those who ask, regions of the heap are marked as to be kept in huge
// pages, and elsewhere none is.
func TestKeep(t *testing.T) {
	heap := make([]byte, 64<<20)
	for i := 0; i < len(heap); i += 4096 {
		heap[i] = 1
	}
	Keep()() // it looks once before it stops
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		return // a system without them
	}
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "VmFlags:" && slices.Contains(f, "hg") {
			marked++
		}
	}
	if (marked > 0) != onRequest() {
		t.Errorf("%d regions are marked; on request: %v", marked, onRequest())
	}
	if heap[4096] != 1 {
		t.Error("what is in the heap has changed")
	}
}
