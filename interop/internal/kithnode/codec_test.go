package kithnode

import (
	"testing"

	"github.com/kithnet/kith/interop/internal/control"
)

func TestCodecsDoTheirWork(t *testing.T) {
	for _, work := range []control.Codec{control.CodecPing, control.CodecHandshake, control.CodecNodes} {
		batch, err := newCodec(work)
		if err != nil {
			t.Fatalf("%s: %v", work, err)
		}
		for range 3 {
			count, do, err := batch()
			if err == nil {
				err = do()
			}
			if err != nil || count < 1 {
				t.Fatalf("%s: %d of them: %v", work, count, err)
			}
		}
	}
	if _, err := newCodec("dance"); err == nil {
		t.Error("no error for unknown work")
	}
}
