package discv4

import (
	"container/heap"
	"time"
)

// task is something to run at a time. It sits in the calls that wait.
type task struct {
	at    time.Time
	run   func()
	index int // in the heap; -1 when not scheduled
	seq   uint64
}

// taskHeap orders tasks by time, those of the same time as they were scheduled.
type taskHeap []*task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h taskHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *taskHeap) Push(x any) {
	t := x.(*task)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *taskHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

// schedule runs t.run after d, instead of when it was scheduled for before.
func (m *Machine) schedule(t *task, d time.Duration) {
	t.at = m.now.Add(d)
	m.taskSeq++
	if t.seq != 0 && t.index >= 0 {
		t.seq = m.taskSeq
		heap.Fix(&m.tasks, t.index)
		return
	}
	t.seq = m.taskSeq
	heap.Push(&m.tasks, t)
}

func (m *Machine) unschedule(t *task) {
	if t.seq != 0 && t.index >= 0 {
		heap.Remove(&m.tasks, t.index)
	}
}

// runTasks runs what is due.
func (m *Machine) runTasks() {
	for len(m.tasks) > 0 && !m.tasks[0].at.After(m.now) {
		t := heap.Pop(&m.tasks).(*task)
		t.run()
	}
	m.calls.rest()
}
