// Package limit holds token buckets: how much others may have a node do in a second.
package limit

import (
	"cmp"
	"slices"
	"time"
)

// Hold is how much a bucket holds, in time: after as long unused it is full.
const Hold = 2 * time.Second

// Bucket is a token bucket that holds two seconds' worth. The zero value is full.
// Times are nanoseconds from any beginning, above 0; one that goes back adds nothing.
type Bucket struct {
	last   int64 // 0: never used
	tokens float32
	slot   uint16 // in Buckets
}

// Take takes a token, and reports whether there was one.
func (b *Bucket) Take(now int64, perSecond float32) bool { return b.TakeAbove(now, perSecond, 0) }

// TakeAbove takes a token unless the bucket would then hold less than reserve.
func (b *Bucket) TakeAbove(now int64, perSecond, reserve float32) bool {
	full := float32(2 * perSecond) // rounded on every machine: see package tidy
	if b.last == 0 {
		b.tokens = full
	} else if now > b.last {
		b.tokens = min(b.tokens+perSecond*float32(now-b.last)/float32(time.Second), full)
	}
	b.last = now
	if b.tokens < 1+reserve {
		return false
	}
	b.tokens--
	return true
}

// Buckets are budgets that sources share by a keyed hash: constant memory whatever
// the number of sources.
type Buckets struct {
	used []Bucket // those not full, sorted by slot
}

// Slots is the number of budgets in Buckets.
const Slots = 2048

// At returns the bucket of a source, by its hash. It is there until the next call.
// One that is full again is as one that was never used: they are dropped when there is
// no room, so that the list is as long as there are sources within two seconds.
func (s *Buckets) At(hash uint64, now int64) *Bucket {
	slot := uint16(hash % Slots)
	at := func() (int, bool) {
		return slices.BinarySearchFunc(s.used, slot, func(b Bucket, slot uint16) int { return cmp.Compare(b.slot, slot) })
	}
	i, ok := at()
	if ok {
		return &s.used[i]
	}
	if len(s.used) == cap(s.used) {
		s.Trim(now)
		i, _ = at()
	}
	s.used = slices.Insert(s.used, i, Bucket{slot: slot})
	return &s.used[i]
}

// Trim forgets the buckets that are full again.
func (s *Buckets) Trim(now int64) {
	s.used = slices.DeleteFunc(s.used, func(b Bucket) bool { return now-b.last >= int64(Hold) })
	switch n := len(s.used); {
	case n == 0:
		s.used = nil
	case n < cap(s.used)/4: // a burst is over
		s.used = slices.Clone(s.used)
	}
}

// Len returns how many budgets are not full, as far as it was looked at.
func (s *Buckets) Len() int { return len(s.used) }
