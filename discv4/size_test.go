package discv4

import "testing"

// TestPacketSize: Size says what Encode does.
func TestPacketSize(t *testing.T) {
	key := newActor(1, someV4.String()).key
	for _, p := range samplePackets() {
		if got, want := p.Size(), len(p.Encode(nil, key)); got != want {
			t.Errorf("%v: %d bytes, encoded %d", p.Kind, got, want)
		}
	}
}
