package peering

import (
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

// note keeps and tells a step.
func (c *Core) note(e Event) {
	e.At = c.now
	steps := c.journal.touch(e.ID)
	*steps = addStep(*steps, e)
	if c.cfg.Trace != nil {
		c.cfg.Trace(e)
	}
}

// Explain returns the first and the latest steps of a node, oldest first; nil when
// nothing is known of it.
func (c *Core) Explain(id enode.ID) []Event {
	if steps := c.journal.get(id); steps != nil {
		return slices.Clone(*steps)
	}
	return nil
}

func addStep(steps []Event, e Event) []Event {
	if last := len(steps) - 1; last >= 0 && steps[last].same(e) {
		steps[last].At = e.At // again
		return steps
	}
	if len(steps) >= maxSteps {
		steps = slices.Delete(steps, 1, 2)
	}
	return append(steps, e)
}

// same reports whether two steps differ in nothing but their time.
func (e Event) same(other Event) bool {
	return e.Kind == other.Kind && e.Source == other.Source && e.Reason == other.Reason &&
		e.Err == nil && other.Err == nil && e.Inbound == other.Inbound
}
