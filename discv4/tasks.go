package discv4

import "time"

// task is when a call goes on. It sits in the call.
type task struct {
	at    int64 // nanoseconds since the machine's epoch
	seq   uint64
	index int32 // in the heap, plus 1; 0 when not scheduled
}

// taskHeap orders calls by their tasks' times, those of the same time as they were
// scheduled. Two children a parent, the next at its root.
type taskHeap []*call

func (h taskHeap) less(a, b *call) bool {
	return a.at < b.at || (a.at == b.at && a.seq < b.seq)
}

func (h taskHeap) put(i int, c *call) {
	h[i] = c
	c.index = int32(i) + 1
}

// up moves c, which is to be put at i, towards the root.
func (h taskHeap) up(i int, c *call) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(c, h[parent]) {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	h.put(i, c)
}

// fix puts c at i, or where it belongs from there.
func (h taskHeap) fix(i int, c *call) {
	if i > 0 && h.less(c, h[(i-1)/2]) {
		h.up(i, c)
		return
	}
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h.less(h[child+1], h[child]) {
			child++
		}
		if !h.less(h[child], c) {
			break
		}
		h.put(i, h[child])
		i = child
	}
	h.put(i, c)
}

// schedule has a call go on after d, instead of when it was scheduled for before.
func (m *Machine) schedule(c *call, d time.Duration) {
	c.at = m.at + int64(d)
	m.taskSeq++
	c.seq = m.taskSeq
	if c.index > 0 {
		m.tasks.fix(int(c.index)-1, c)
		return
	}
	m.tasks = append(m.tasks, c)
	m.tasks.up(len(m.tasks)-1, c)
}

func (m *Machine) unschedule(c *call) {
	if c.index == 0 {
		return
	}
	i, n := int(c.index)-1, len(m.tasks)-1
	last := m.tasks[n]
	m.tasks[n] = nil
	m.tasks = m.tasks[:n]
	c.index = 0
	if i < n {
		m.tasks.fix(i, last)
	}
}

// runTasks runs what is due.
func (m *Machine) runTasks() {
	for len(m.tasks) > 0 && m.tasks[0].at <= m.at {
		m.runFirst()
	}
}

// runFirst has the call go on that is the first to.
func (m *Machine) runFirst() {
	c := m.tasks[0]
	m.unschedule(c)
	if c.ping != nil {
		m.pingDue(c.ping)
	} else {
		m.requestDue(c.req)
	}
}

// keepTasks is the room for tasks, and for requests that wait for a PING, that is
// kept when there are none.
const keepTasks = 32

// rest gives back what a burst has left.
func (m *Machine) rest() {
	if len(m.tasks) == 0 && cap(m.tasks) > keepTasks {
		m.tasks = nil
	}
	if c := &m.calls; len(c.bonded) == 0 && cap(c.bonded) > keepTasks {
		c.bonded = nil
	}
}
