package peering

import (
	"container/list"

	"github.com/kithnet/kith/enode"
)

// latest keeps something of the nodes that it was asked to last. The zero value is
// empty and keeps nothing.
type latest[V any] struct {
	max   int // nodes; beyond it the one that was touched the longest ago goes
	by    map[enode.ID]*list.Element
	order list.List // of *kept[V], the one touched last first
}

type kept[V any] struct {
	id    enode.ID
	value V
}

// get returns what is kept of a node, or nil.
func (l *latest[V]) get(id enode.ID) *V {
	if at := l.by[id]; at != nil {
		return &at.Value.(*kept[V]).value
	}
	return nil
}

// touch returns what is kept of a node, from now on if there was nothing.
func (l *latest[V]) touch(id enode.ID) *V {
	at := l.by[id]
	if at == nil {
		if len(l.by) >= l.max {
			delete(l.by, l.order.Remove(l.order.Back()).(*kept[V]).id)
		}
		if l.by == nil {
			l.by = make(map[enode.ID]*list.Element)
		}
		at = l.order.PushFront(&kept[V]{id: id})
		l.by[id] = at
	}
	l.order.MoveToFront(at)
	return &at.Value.(*kept[V]).value
}
