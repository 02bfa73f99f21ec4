package discv5

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
)

const (
	// maxPending bounds the requests under way.
	maxPending = 2048

	// maxPerNode bounds those to one node at one endpoint.
	maxPerNode = 128
)

// link is a node at an endpoint that is being asked something. There is one while
// there are requests.
type link struct {
	id       enode.ID
	to       netip.AddrPort
	requests []*request // in the order in which they were made; late ones too
	// opener is the request whose handshake is under way: the others wait for its end
	// (discv5-theory.md, "Handshake Implementation Considerations").
	opener *request
	next   *link // of another node at the same endpoint
}

// links holds them by endpoint.
type links struct {
	byEnd   map[netip.AddrPort]*link
	pending int // requests that are owed their done
	late    int // requests whose answer came too late so far, and may still come
}

// get returns the link to a node, nil if nothing is under way.
func (t *links) get(id enode.ID, to netip.AddrPort) *link {
	if len(t.byEnd) == 0 {
		return nil
	}
	l := t.byEnd[to]
	for l != nil && l.id != id {
		l = l.next
	}
	return l
}

// make returns the link to a node, a new one if nothing is under way.
func (t *links) make(id enode.ID, to netip.AddrPort) *link {
	if l := t.get(id, to); l != nil {
		return l
	}
	if t.byEnd == nil {
		t.byEnd = make(map[netip.AddrPort]*link)
	}
	l := &link{id: id, to: to, next: t.byEnd[to]}
	t.byEnd[to] = l
	return l
}

// remove takes a request out of its link, and the link away when it was the last.
func (t *links) remove(r *request) {
	l := r.link
	i := slices.Index(l.requests, r)
	if i < 0 {
		return
	}
	if l.requests = slices.Delete(l.requests, i, i+1); len(l.requests) > 0 {
		return
	}
	first := t.byEnd[l.to]
	if first == l {
		first = l.next
	} else {
		at := first
		for at.next != l {
			at = at.next
		}
		at.next = l.next
	}
	switch {
	case first != nil:
		t.byEnd[l.to] = first
	case len(t.byEnd) == 1:
		t.byEnd = nil // with the room that a burst took
	default:
		delete(t.byEnd, l.to)
	}
}

// challenged returns the request that a WHOAREYOU answers: one that was sent to this
// endpoint in a packet with this nonce, and whose handshake is not under way.
func (t *links) challenged(from netip.AddrPort, n *Nonce) *request {
	if len(t.byEnd) == 0 {
		return nil
	}
	for l := t.byEnd[from]; l != nil; l = l.next {
		for _, r := range l.requests {
			if r.open && slices.Contains(r.nonces[:min(r.packets, maxNonces)], *n) {
				return r
			}
		}
	}
	return nil
}

// awaiting returns the request with an ID.
func (l *link) awaiting(id RequestID) *request {
	for _, r := range l.requests {
		if NumberID(r.id) == id {
			return r
		}
	}
	return nil
}
