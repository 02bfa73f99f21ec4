package limit

import (
	"math/rand/v2"
	"testing"
	"time"
)

const second = int64(time.Second)

func drain(b *Bucket, now int64, perSecond, reserve float32) (n int) {
	for b.TakeAbove(now, perSecond, reserve) {
		n++
	}
	return n
}

func TestBucket(t *testing.T) {
	var b Bucket
	for _, step := range []struct {
		name    string
		now     int64
		reserve float32
		want    int
	}{
		{"new, with a reserve", second, 5, 15},
		{"the reserve", second, 0, 5},
		{"empty", second, 0, 0},
		{"half a second later", second * 3 / 2, 0, 5},
		{"the clock went back", second, 0, 0},
		{"and on again", second * 3 / 2, 0, 5}, // from where it went back to
		{"long after", 100 * second, 0, 20},
	} {
		if got := drain(&b, step.now, 10, step.reserve); got != step.want {
			t.Errorf("%s: took %d, want %d", step.name, got, step.want)
		}
	}
}

// TestBuckets compares with a bucket for each slot, over a random run.
func TestBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s Buckets
	model := make(map[uint64]*Bucket)
	now := second
	for i := range 200_000 {
		hash := rng.Uint64N(3 * Slots)
		if i%50_000 > 40_000 {
			hash %= 5
		}
		now += rng.Int64N(second / 2000)
		want := model[hash%Slots]
		if want == nil {
			want = new(Bucket)
			model[hash%Slots] = want
		}
		if got, want := s.At(hash, now).Take(now, 3), want.Take(now, 3); got != want {
			t.Fatalf("step %d: took %v, want %v", i, got, want)
		}
		if s.Len() > Slots || cap(s.used) > 2*Slots {
			t.Fatalf("%d buckets, room for %d", s.Len(), cap(s.used))
		}
	}
	if s.Trim(now + int64(Hold)); s.used != nil {
		t.Errorf("%d buckets are left when all are full", s.Len())
	}
}

func BenchmarkBuckets(b *testing.B) {
	var s Buckets
	now, i := second, uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += 25_000 // 40,000 sources a second
		i++
		s.At(i*0x9e3779b97f4a7c15>>20, now).Take(now, 32)
	}
}
