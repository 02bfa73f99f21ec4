// Package hugepages has the heap of a process that holds very much kept in huge pages. Whoever
// goes from one end of gigabytes to the other has the processor look each page's address up in
// memory, too, as it remembers those of few; in a virtual machine that takes several steps more.
//
// It is for Linux where huge pages are for those who ask ("madvise" in
// /sys/kernel/mm/transparent_hugepage/enabled), for which Go's runtime does not ask by itself.
// Elsewhere it does nothing, and nowhere does it change anything but how long things take and, by
// parts of pages, how much memory is held. It is advice: nothing is reported if it is not taken.
package hugepages

import (
	"strconv"
	"strings"
)

// piece is what Go's runtime maps its heap in multiples of, at addresses that are such.
const piece = 4 << 20

// region is a part of the address space.
type region struct{ from, to uint64 }

// heapOf returns the regions that may be the heap's in what /proc/self/maps says: those of large
// pieces, to be read and written, that no file is behind.
func heapOf(maps string) (heap []region) {
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) != 5 || f[1] != "rw-p" || f[4] != "0" {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		lo, err := strconv.ParseUint(from, 16, 64)
		hi, err2 := strconv.ParseUint(to, 16, 64)
		if err == nil && err2 == nil && lo < hi && lo%piece == 0 && hi%piece == 0 {
			heap = append(heap, region{lo, hi})
		}
	}
	return heap
}

// advised is up to where regions have been advised, by where they begin.
type advised map[uint64]uint64

// rest returns what of a region is new, and counts it as advised.
func (a advised) rest(r region) (part region, ok bool) {
	part = region{max(r.from, a[r.from]), r.to}
	if part.from >= part.to {
		return region{}, false
	}
	a[r.from] = r.to
	return part, true
}
