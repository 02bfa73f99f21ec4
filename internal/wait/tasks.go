// Package wait holds what protocol machines wait with: tasks in the order of their
// times, and an estimate of how long answers take.
package wait

// Task is when its owner goes on. It sits in the owner.
type Task[T any] struct {
	Owner T

	at    int64
	seq   uint64
	index int32 // in Tasks, plus 1; 0 when not scheduled
}

// Scheduled reports whether the task is in a heap.
func (t *Task[T]) Scheduled() bool { return t.index > 0 }

// At returns when the task is due, if it is scheduled.
func (t *Task[T]) At() int64 { return t.at }

// Tasks is a heap of tasks, in order of their times; those of the same time in the
// order in which they were scheduled. Times are nanoseconds from any beginning.
type Tasks[T any] struct {
	heap []*Task[T] // two children a parent, the next at its root
	seq  uint64
}

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
	t := q.heap[0]
	q.Cancel(t)
	return t.Owner, true
}

// Schedule has a task be due at a time, instead of when it was due before.
func (q *Tasks[T]) Schedule(t *Task[T], at int64) {
	q.seq++
	t.at, t.seq = at, q.seq
	if t.index > 0 {
		q.fix(int(t.index)-1, t)
		return
	}
	q.heap = append(q.heap, t)
	q.up(len(q.heap)-1, t)
}

// Cancel takes a task out, if it is in.
func (q *Tasks[T]) Cancel(t *Task[T]) {
	if t.index == 0 {
		return
	}
	i, n := int(t.index)-1, len(q.heap)-1
	last := q.heap[n]
	q.heap[n] = nil
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

func (q *Tasks[T]) less(a, b *Task[T]) bool { return a.at < b.at || (a.at == b.at && a.seq < b.seq) }

func (q *Tasks[T]) put(i int, t *Task[T]) {
	q.heap[i] = t
	t.index = int32(i) + 1
}

// up moves t, which is to be put at i, towards the root.
func (q *Tasks[T]) up(i int, t *Task[T]) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(t, q.heap[parent]) {
			break
		}
		q.put(i, q.heap[parent])
		i = parent
	}
	q.put(i, t)
}

// fix puts t at i, or where it belongs from there.
func (q *Tasks[T]) fix(i int, t *Task[T]) {
	if i > 0 && q.less(t, q.heap[(i-1)/2]) {
		q.up(i, t)
		return
	}
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			break
		}
		if child+1 < len(q.heap) && q.less(q.heap[child+1], q.heap[child]) {
			child++
		}
		if !q.less(q.heap[child], t) {
			break
		}
		q.put(i, q.heap[child])
		i = child
	}
	q.put(i, t)
}
