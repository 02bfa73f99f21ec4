package discover

import "github.com/kithnet/kith/internal/netio"

// handleBatch takes a batch all the way, as readLoop does.
func (t *UDP) handleBatch(b *netio.Batch, s *scratch) {
	if t.screen(b, s) > 0 {
		t.handle(b, s)
	}
}
