package bufpool

import (
	"bytes"
	"testing"
)

func TestTakeAndGive(t *testing.T) {
	for _, size := range []int{-1, 0, 1, 1023, 1024, 1025, 1 << 20, 1<<25 - 1, 1 << 25, 1<<25 + 1} {
		b := Take(size)
		if len(*b) != 0 || cap(*b) < size {
			t.Fatalf("%d bytes: length %d, room for %d", size, len(*b), cap(*b))
		}
		*b = append(*b, 1, 2, 3)
		Give(b)
	}
	Give(nil)
	odd := make([]byte, 5, 3000) // as append may make it
	Give(&odd)
	for range 10 {
		if b := Take(2048); cap(*b) < 2048 || len(*b) != 0 {
			t.Fatalf("length %d, room for %d", len(*b), cap(*b))
		}
	}
}

func TestGrow(t *testing.T) {
	b := Take(10)
	*b = append(*b, "content"...)
	if same := Grow(b, 20); same != b {
		t.Error("moved although there was room")
	}
	larger := Grow(b, 5000)
	if cap(*larger) < 5000 || !bytes.Equal(*larger, []byte("content")) {
		t.Errorf("%q, room for %d", *larger, cap(*larger))
	}
}
