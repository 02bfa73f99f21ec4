package sim

import "cmp"

// event is something that happens to a host: a packet arrives, or, without one, it is
// time to wake.
type event struct {
	at     int64  // nanoseconds since the world began
	source int32  // the host that sent it; -1: none, and first of its time
	seq    uint32 // of the source's events
	to     int32
	queued bool // the packet has waited at a narrow line
	packet *packet
}

// compare orders events by time, source and sequence: whichever worker holds them, a
// host's come in the same order.
func (e event) compare(o event) int {
	if e.at != o.at {
		return cmp.Compare(e.at, o.at)
	}
	if e.source != o.source {
		return cmp.Compare(e.source, o.source)
	}
	return cmp.Compare(e.seq, o.seq)
}

func (e *event) before(o *event) bool { return e.compare(*o) < 0 }

// queue is a heap of events, the next at its root. Four children a parent make it
// half as deep as two, and they lie beside each other.
type queue []event

const children = 4

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / children
		if !e.before(&h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

func (q *queue) pop() event {
	h := *q
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = event{}
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		least := children*i + 1
		if least >= len(h) {
			break
		}
		for c := least + 1; c < min(children*i+1+children, len(h)); c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if !h[least].before(&last) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = last
	return first
}
