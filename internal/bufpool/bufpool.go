// Package bufpool lends byte buffers in powers of two, from a kilobyte to what the
// largest message needs, so that whoever is idle holds none.
package bufpool

import (
	"math/bits"
	"sync"
)

const (
	minClass = 10 // 1 KiB
	maxClass = 25
)

var pools [maxClass + 1]sync.Pool

// Take returns an empty buffer with room for size bytes.
func Take(size int) *[]byte {
	class := max(minClass, bits.Len(uint(max(size-1, 0))))
	if class > maxClass {
		b := make([]byte, 0, size)
		return &b
	}
	if b, ok := pools[class].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 1<<class)
	return &b
}

// Give takes a buffer back, which may have grown meanwhile; nil is nothing.
func Give(b *[]byte) {
	if b == nil {
		return
	}
	class := bits.Len(uint(cap(*b))) - 1 // it has at least this much room
	if class < minClass || class > maxClass {
		return
	}
	*b = (*b)[:0]
	pools[class].Put(b)
}

// Grow returns b's content in a buffer with room for size bytes: b itself, or
// another in exchange for it.
func Grow(b *[]byte, size int) *[]byte {
	if cap(*b) >= size {
		return b
	}
	larger := Take(size)
	*larger = append(*larger, *b...)
	Give(b)
	return larger
}
