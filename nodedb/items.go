package nodedb

import "github.com/kithnet/kith/enode"

// An item is an entry as it is kept. One that was read from the file stays
// packed until somebody asks for it.
type item struct {
	node     *enode.Node
	packed   *packed // set while node is nil
	lastPong int64   // nanoseconds since 1970; 0 is never
	lastPing int64
	fails    int32
	points   int8  // its score
	scored   int64 // when that changed
}

func (it *item) id() enode.ID {
	if it.node != nil {
		return it.node.ID()
	}
	return it.packed.id
}

// less reports whether an item is dropped before another.
func (it *item) less(other *item) bool {
	if it.lastPong != other.lastPong {
		return it.lastPong < other.lastPong
	}
	return it.fails > other.fails
}

// items is a heap with the first to be dropped at its root, and an index into
// it by the first bytes of the ID. Two nodes that share them are worth one: to
// make a second ID with those of another is 2^64 times the work of making a key.
// The zero value is empty.
type items struct {
	heap  []item
	index map[prefix]int32
}

type prefix [8]byte

func prefixOf(id enode.ID) prefix { return prefix(id[:8]) }

func (s *items) get(id enode.ID) (item, bool) {
	i, ok := s.index[prefixOf(id)]
	if !ok || s.heap[i].id() != id {
		return item{}, false
	}
	return s.heap[i], true
}

// put stores an item and reports whether that changed anything.
func (s *items) put(it item) bool {
	if s.index == nil {
		s.index = make(map[prefix]int32)
	}
	id := it.id()
	i, ok := s.index[prefixOf(id)]
	if ok && s.heap[i] == it {
		return false
	}
	if !ok {
		i = int32(len(s.heap))
		s.heap = append(s.heap, it)
		s.index[prefixOf(id)] = i
	}
	s.heap[i] = it
	s.fix(int(i))
	return true
}

// shrink drops items until at most n are left.
func (s *items) shrink(n int) {
	for len(s.heap) > n {
		s.remove(s.heap[0].id())
	}
}

// remove reports whether there was such an item.
func (s *items) remove(id enode.ID) bool {
	i, ok := s.index[prefixOf(id)]
	if !ok || s.heap[i].id() != id {
		return false
	}
	last := len(s.heap) - 1
	s.swap(int(i), last)
	s.heap[last] = item{}
	s.heap = s.heap[:last]
	delete(s.index, prefixOf(id))
	if int(i) < last {
		s.fix(int(i))
	}
	return true
}

// unpacked sets the node of an item, unless the item has changed meanwhile.
func (s *items) unpacked(p *packed, node *enode.Node) {
	if i, ok := s.index[prefixOf(p.id)]; ok && s.heap[i].packed == p {
		s.heap[i].node, s.heap[i].packed = node, nil
	}
}

// forget removes an item, unless it has changed meanwhile.
func (s *items) forget(p *packed) {
	if i, ok := s.index[prefixOf(p.id)]; ok && s.heap[i].packed == p {
		s.remove(p.id)
	}
}

// fix moves the item at i to where it belongs.
func (s *items) fix(i int) {
	for i > 0 && s.heap[i].less(&s.heap[(i-1)/2]) {
		s.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if right := child + 1; right < len(s.heap) && s.heap[right].less(&s.heap[child]) {
			child = right
		}
		if !s.heap[child].less(&s.heap[i]) {
			return
		}
		s.swap(i, child)
		i = child
	}
}

func (s *items) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.index[prefixOf(s.heap[i].id())] = int32(i)
	s.index[prefixOf(s.heap[j].id())] = int32(j)
}
