package peering

import (
	"container/list"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

// EventKind is a step on the way of a node.
type EventKind uint8

// The steps.
const (
	EventFound    EventKind = iota // heard of, from Source
	EventDial                      // a dial begins
	EventResolved                  // a lookup gave an address, or the last known was kept
	EventRefused                   // with Reason
	EventAdded                     // it is a peer
	EventDropped                   // it is none any more, for Err
)

func (k EventKind) String() string {
	names := [...]string{"found", "dial", "resolved", "refused", "added", "dropped"}
	if int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Event is one step.
type Event struct {
	Kind    EventKind
	At      time.Time
	ID      enode.ID
	Source  string // of EventFound: who spoke of it
	Reason  Reason // of EventRefused
	Inbound bool   // of EventAdded
	Err     error  // what lies behind the reason, if there is anything
}

const (
	// maxTraced bounds the nodes whose steps are kept; the one whose last step is
	// the oldest goes first.
	maxTraced = 1024

	// maxSteps bounds the steps kept of one node: the first, from where it was
	// learned, and the latest.
	maxSteps = 12
)

// journal keeps the latest steps of the latest nodes.
type journal struct {
	traces map[enode.ID]*list.Element
	order  list.List // of *trace, by their latest step, newest first
}

type trace struct {
	id    enode.ID
	steps []Event
}

// note keeps and tells a step.
func (c *Core) note(e Event) {
	e.At = c.now
	c.journal.add(e)
	if c.cfg.Trace != nil {
		c.cfg.Trace(e)
	}
}

// Explain returns the first and the latest steps of a node, oldest first; nil when
// nothing is known of it.
func (c *Core) Explain(id enode.ID) []Event {
	if at := c.journal.traces[id]; at != nil {
		return slices.Clone(at.Value.(*trace).steps)
	}
	return nil
}

func (j *journal) add(e Event) {
	at := j.traces[e.ID]
	if at == nil {
		if len(j.traces) >= maxTraced {
			delete(j.traces, j.order.Remove(j.order.Back()).(*trace).id)
		}
		if j.traces == nil {
			j.traces = make(map[enode.ID]*list.Element)
		}
		at = j.order.PushFront(&trace{id: e.ID})
		j.traces[e.ID] = at
	}
	j.order.MoveToFront(at)
	t := at.Value.(*trace)
	if last := len(t.steps) - 1; last >= 0 && t.steps[last].same(e) {
		t.steps[last].At = e.At // again
		return
	}
	if len(t.steps) >= maxSteps {
		t.steps = slices.Delete(t.steps, 1, 2)
	}
	t.steps = append(t.steps, e)
}

// same reports whether two steps differ in nothing but their time.
func (e Event) same(other Event) bool {
	return e.Kind == other.Kind && e.Source == other.Source && e.Reason == other.Reason &&
		e.Err == nil && other.Err == nil && e.Inbound == other.Inbound
}
