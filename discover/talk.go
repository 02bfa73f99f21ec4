package discover

import (
	"bytes"
	"context"
	"errors"
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// ErrNoTalk is the error of Talk on a node that does not speak Node Discovery v5.
var ErrNoTalk = errors.New("discover: this node does not speak Node Discovery v5, which TALKREQ is a part of")

// maxTalks bounds the handlers of TALKREQ that run at once; requests beyond it get an
// empty response.
const maxTalks = 64

// Talk sends n a request of a protocol that is theirs alone to understand, and returns
// the response, which is empty if n does not know the protocol (discv5-wire.md, "TALKREQ
// Request"). It is sent over Node Discovery v5, encrypted. Besides the context's, errors
// are ErrNoTalk and those of [discv5.Machine.Talk]; with ErrTimeout n may have read it.
func (t *UDP) Talk(ctx context.Context, n *enode.Node, protocol string, request []byte) ([]byte, error) {
	if t.mask == nil {
		return nil, ErrNoTalk
	}
	request = bytes.Clone(request)
	return await(ctx, t, func(m *machines, done func([]byte, error)) { m.V5.Talk(n, protocol, request, done) })
}

// HandleTalk has TALKREQs of a protocol answered by h, each in a goroutine of its own; nil
// ends that. from is the node that asks, at is where. A response of more than
// [discv5.MaxTalkResponse] bytes, or one that takes a second, is not sent, and while 64
// handlers run others get an empty one. Close waits for handlers. Without Node Discovery
// v5 it does nothing.
func (t *UDP) HandleTalk(protocol string, h func(from *enode.Node, at netip.AddrPort, request []byte) []byte) {
	t.do(func(m *machines) {
		if m.V5 == nil {
			return
		}
		if h == nil {
			m.V5.HandleLater(protocol, nil)
			return
		}
		m.V5.HandleLater(protocol, func(from *enode.Node, at netip.AddrPort, request []byte, reply func([]byte)) {
			if t.talks >= maxTalks {
				reply(nil)
				return
			}
			t.talks++
			request = bytes.Clone(request)
			t.wg.Go(func() { // under the lock, and not closed
				response := h(from, at, request)
				t.do(func(*machines) { reply(response) })
				t.mu.Lock()
				t.talks--
				t.mu.Unlock()
			})
		})
	})
}
