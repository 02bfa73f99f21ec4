package p2p

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

// restless counts how often its connection was told to rest.
type restless struct {
	Transport
	rests *atomic.Int64
}

func (r restless) Rest() {
	r.rests.Add(1)
	r.Transport.Rest()
}

// TestTend: peers are looked after while there are any. One that says nothing is pinged
// at least every 15 seconds and what a look takes, and no more than that.
func TestTend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var rests atomic.Int64
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()},
			Upgrade: func(ctx context.Context, conn net.Conn, key *secp.PrivateKey, remote *secp.PublicKey) (Transport, error) {
				c, err := RLPx(ctx, conn, key, remote)
				return restless{c, &rests}, err
			}})
		c := n.stranger(t, s, echoCap)
		last, pings := time.Now(), 0
		for ; pings < 100; pings++ {
			code, _, err := c.ReadMsg()
			if err != nil || code != rlpx.CodePing {
				t.Fatal(code, err)
			}
			if took := time.Since(last); took < pingEvery-tendEvery || took > pingEvery+tendEvery {
				t.Fatalf("a Ping after %v", took)
			}
			last = time.Now()
			if err := c.WriteMsg(rlpx.CodePong, []byte{0xc0}); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := rests.Load(), int64(pings*int(pingEvery/tendEvery)); got < want {
			t.Errorf("it was told to rest %d times, want %d", got, want)
		}
		c.Close()
		synctest.Wait()
		time.Sleep(2 * tendEvery)
		rests.Store(0)
		time.Sleep(time.Minute)
		s.mu.Lock()
		if got := rests.Load(); got != 0 || s.tending {
			t.Errorf("without peers it goes on: %d, %v", got, s.tending)
		}
		s.mu.Unlock()
		n.stranger(t, s, echoCap) // and with another it begins anew
		time.Sleep(time.Minute / 4)
		if rests.Load() == 0 {
			t.Error("another peer is not looked after")
		}
		stop()
	})
}

// TestWaitingWriters: those who wait for room write in their order, and those that give
// up, or have what can't be written, do not hold up the others.
func TestWaitingWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		l := newLines("echo", 1, 2)
		s, stop := n.run(t, Config{Protocols: []Protocol{l.Protocol}})
		c := n.stranger(t, s, echoCap)
		rw := (<-l.open).rw
		for p := rw.(*protoRW).peer; p.conn.Buffered() <= maxUnsent; {
			if err := rw.WriteMsg(t.Context(), 0, make([]byte, 2<<20)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		const writers = 5
		var failed error
		ctx, cancel := context.WithCancel(t.Context())
		for i := range byte(writers) {
			go func() {
				switch i {
				case 0, 2:
					if err := rw.WriteMsg(ctx, 1, []byte{i}); !errors.Is(err, context.Canceled) {
						failed = err
					}
				case 1:
					if err := rw.WriteMsg(t.Context(), 1, make([]byte, rlpx.MaxMessage+1)); err != rlpx.ErrMessageSize {
						failed = err
					}
				default:
					rw.WriteMsg(t.Context(), 1, []byte{i})
				}
			}()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		var got []byte
		for len(got) < writers-3 {
			code, content, err := c.ReadMsg()
			if err != nil || code == rlpx.CodePing { // nothing has come for long
				t.Fatal(code, err)
			}
			if code == rlpx.BaseCodes+1 {
				got = append(got, content[0])
			}
		}
		if string(got) != "\x03\x04" {
			t.Errorf("written in the order %d", got)
		}
		synctest.Wait()
		if failed != nil {
			t.Error(failed)
		}
		if p := rw.(*protoRW).peer; len(p.queue) != 0 || p.queued.Load() {
			t.Error("somebody is left in the queue")
		}
		c.Close()
		stop()
	})
}

// TestSizes: what each peer has.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(Peer{}); got > 352 {
		t.Errorf("a Peer takes %d bytes", got)
	}
	if got := unsafe.Sizeof(protoRW{}); got > 96 {
		t.Errorf("a protocol takes %d bytes", got)
	}
}
