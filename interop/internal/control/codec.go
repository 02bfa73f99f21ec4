package control

import (
	"fmt"
	"runtime"
	"time"
)

// A Codec is something that both implementations do to packets of v5, without sockets.
type Codec string

const (
	// CodecPing is to read a PING under a session and to write the PONG.
	CodecPing Codec = "ping"
	// CodecNodes is to read NODES with three records that were seen before, and to
	// make nodes of them that may be asked.
	CodecNodes Codec = "nodes"
	// CodecHandshake is what both ends do from a packet that can't be read to the PING
	// that is: random bytes, WHOAREYOU, handshake.
	CodecHandshake Codec = "handshake"
)

// A NewBatch prepares count operations, and returns what does them.
type NewBatch func() (count int, do func() error, err error)

// codecTime is how long operations are measured.
const codecTime = time.Second

// codec measures what a Codec's work takes. What it takes to prepare is not measured.
func (w *network) codec(work Codec) (p Parse, err error) {
	prepare, err := w.impl.NewCodec(work)
	if err != nil {
		return p, err
	}
	var (
		took          time.Duration
		done          int
		before, after runtime.MemStats
		allocs, bytes uint64
	)
	for i := 0; took < codecTime; i++ {
		count, do, err := prepare()
		if err != nil {
			return p, fmt.Errorf("control: %s: %w", work, err)
		}
		runtime.ReadMemStats(&before)
		begin := time.Now()
		err = do()
		elapsed := time.Since(begin)
		runtime.ReadMemStats(&after)
		if err != nil {
			return p, fmt.Errorf("control: %s: %w", work, err)
		}
		if i == 0 { // caches fill, buffers grow
			continue
		}
		took += elapsed
		done += count
		allocs += after.Mallocs - before.Mallocs
		bytes += after.TotalAlloc - before.TotalAlloc
	}
	n := uint64(done)
	return Parse{Time: took / time.Duration(done), Allocs: int64((allocs + n/2) / n), Bytes: int64(bytes / n)}, nil
}
