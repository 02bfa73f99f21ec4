package wait

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTasks compares the heap with a sorted list, over a random run.
func TestTasks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var q Tasks[int]
	tasks := make([]Task[int], 100)
	for i := range tasks {
		tasks[i].Owner = i
	}
	type due struct {
		at  int64
		seq int
		id  int
	}
	var model []due
	drop := func(id int) { model = slices.DeleteFunc(model, func(d due) bool { return d.id == id }) }
	for step := range 50_000 {
		id, at := rng.IntN(len(tasks)), rng.Int64N(50)
		switch rng.IntN(6) {
		case 0, 1, 4, 5:
			q.Schedule(&tasks[id], at)
			drop(id)
			model = append(model, due{at, step, id})
			if !tasks[id].Scheduled() || tasks[id].At() != at {
				t.Fatalf("step %d: not scheduled", step)
			}
		case 2:
			q.Cancel(&tasks[id])
			drop(id)
		case 3:
			slices.SortFunc(model, func(a, b due) int {
				if a.at != b.at {
					return int(a.at - b.at)
				}
				return a.seq - b.seq
			})
			got, ok := q.Pop(at)
			if want := len(model) > 0 && model[0].at <= at; ok != want || (ok && got != model[0].id) {
				t.Fatalf("step %d: popped %d, %v at %d of %v", step, got, ok, at, model)
			}
			if ok {
				model = model[1:]
			}
		}
		if next, ok := q.Next(); ok != (len(model) > 0) || q.Len() != len(model) || (ok && next != slices.MinFunc(model, func(a, b due) int { return int(a.at - b.at) }).at) {
			t.Fatalf("step %d: %d tasks, next %d, of %v", step, q.Len(), next, model)
		}
	}
	for range tasks {
		q.Pop(100)
	}
	if q.Trim(); q.heap != nil || q.Len() != 0 {
		t.Errorf("%d tasks and room for %d are left", q.Len(), cap(q.heap))
	}
}

func TestRTT(t *testing.T) {
	var r RTT
	if got := r.Resend(); got != ResendInitial {
		t.Errorf("unknown: %v", got)
	}
	for range 100 {
		r.Observe(300 * time.Millisecond)
	}
	if got := r.Resend(); got < 300*time.Millisecond || got > 310*time.Millisecond {
		t.Errorf("always 300 ms: %v", got)
	}
	r.Observe(time.Hour)
	if got := r.Resend(); got != ResendMax {
		t.Errorf("after a jump of the clock: %v", got)
	}
	for range 100 {
		r.Observe(time.Millisecond)
	}
	if got := r.Resend(); got != ResendMin {
		t.Errorf("always 1 ms: %v", got)
	}
	for _, c := range [][2]time.Duration{{0, 10}, {50, 100}, {1000, 200}} {
		if got := Follow(c[0] * time.Millisecond); got != c[1]*time.Millisecond {
			t.Errorf("after %d ms: %v", c[0], got)
		}
	}
}
