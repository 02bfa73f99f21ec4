// Package prefetch tells the processor what will soon be read, so that it is at hand by
// then. Whoever goes through many things that lie all over the memory waits for each a
// hundred times longer than it takes to look at it, unless somebody has asked for it
// some things before.
//
// It changes nothing but how long things take, and on processors for which it isn't
// written it does nothing. Of what a pointer points to nothing is read: it may be nil.
package prefetch

import "unsafe"

// line is how much a processor fetches at once, in bytes.
const line = 64

// Value asks for all of a value.
func Value[T any](p *T) {
	lines(unsafe.Pointer(p), int(unsafe.Sizeof(*p)+line-1)/line)
}

// Slice asks for the first elements of a slice, as many as n bytes hold.
func Slice[T any](s []T, n int) {
	if n = min(n, len(s)*int(unsafe.Sizeof(*new(T)))); n > 0 {
		lines(unsafe.Pointer(unsafe.SliceData(s)), (n+line-1)/line)
	}
}
