// Package wait holds what protocol machines wait with: tasks in the order of their
// times, and an estimate of how long answers take.
package wait

import "github.com/kithnet/kith/internal/prefetch"

// Task is when its owner goes on. It sits in the owner.
type Task[T any] struct {
	Owner T

	at    int64
	index int32 // in Tasks, plus 1; 0 when not scheduled
}

// Scheduled reports whether the task is in a heap.
func (t *Task[T]) Scheduled() bool { return t.index > 0 }

// At returns when the task is due, if it is scheduled.
func (t *Task[T]) At() int64 { return t.at }

// Tasks is a heap of tasks, in order of their times; those of the same time in the
// order in which they were scheduled. Times are nanoseconds from any beginning.
type Tasks[T any] struct {
	heap []item[T] // two children a parent, the next at its root
	seq  uint64
}

// item is a task in the heap, with what orders it: tasks lie all over the memory, and
// to compare them there costs more than to move these.
type item[T any] struct {
	at   int64
	seq  uint64
	task *Task[T]
}

func (a *item[T]) before(b *item[T]) bool { return a.at < b.at || (a.at == b.at && a.seq < b.seq) }

// Prefetch asks for the first tasks (see package prefetch).
func (q *Tasks[T]) Prefetch() { prefetch.Slice(q.heap, 64) }

// Len returns how many tasks there are.
func (q *Tasks[T]) Len() int { return len(q.heap) }

// Next returns when the next task is due; false when there is none.
func (q *Tasks[T]) Next() (at int64, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// Pop takes the next task out, if it is due at now.
func (q *Tasks[T]) Pop(now int64) (owner T, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return owner, false
	}
	t := q.heap[0].task
	q.Cancel(t)
	return t.Owner, true
}

// Schedule has a task be due at a time, instead of when it was due before.
func (q *Tasks[T]) Schedule(t *Task[T], at int64) {
	q.seq++
	t.at = at
	it := item[T]{at, q.seq, t}
	if t.index > 0 {
		q.fix(int(t.index)-1, it)
		return
	}
	q.heap = append(q.heap, it)
	q.up(len(q.heap)-1, it)
}

// Cancel takes a task out, if it is in.
func (q *Tasks[T]) Cancel(t *Task[T]) {
	if t.index == 0 {
		return
	}
	i, n := int(t.index)-1, len(q.heap)-1
	last := q.heap[n]
	q.heap[n] = item[T]{}
	q.heap = q.heap[:n]
	t.index = 0
	if i < n {
		q.fix(i, last)
	}
}

// keep is the room for tasks that is kept when there are none.
const keep = 32

// Trim gives back what a burst has left.
func (q *Tasks[T]) Trim() {
	if len(q.heap) == 0 && cap(q.heap) > keep {
		q.heap = nil
	}
}

func (q *Tasks[T]) put(i int, it item[T]) {
	q.heap[i] = it
	it.task.index = int32(i) + 1
}

// up moves it, which is to be put at i, towards the root.
func (q *Tasks[T]) up(i int, it item[T]) {
	for i > 0 {
		parent := (i - 1) / 2
		if !it.before(&q.heap[parent]) {
			break
		}
		q.put(i, q.heap[parent])
		i = parent
	}
	q.put(i, it)
}

// fix puts it at i, or where it belongs from there.
func (q *Tasks[T]) fix(i int, it item[T]) {
	if i > 0 && it.before(&q.heap[(i-1)/2]) {
		q.up(i, it)
		return
	}
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			break
		}
		if child+1 < len(q.heap) && q.heap[child+1].before(&q.heap[child]) {
			child++
		}
		if !q.heap[child].before(&it) {
			break
		}
		q.put(i, q.heap[child])
		i = child
	}
	q.put(i, it)
}
