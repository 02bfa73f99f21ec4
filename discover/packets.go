package discover

import (
	"sync"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/secp"
)

// scratch is the working memory for one batch, shared by all nodes of the
// process: a node without traffic holds none.
type scratch struct {
	parsed [netio.BatchSize]discv4.Packet
	used   int                  // how many of parsed hold something
	from   [netio.BatchSize]int // index in the batch of each parsed packet
	order  []int                // admitted packets: known sources first
	later  []int
	likely [netio.BatchSize]*enode.Node // who may have signed them
	keys   [netio.BatchSize]secp.PublicKey
	drops  [discv4.NumDrops]uint32
	outs   []discv4.Out

	five    *batch5 // nil until a packet of v5 comes
	outs5   []discv5.Out
	packet5 discv5.Packet

	buf   []byte
	write []netio.Packet
}

var scratchPool = sync.Pool{New: func() any {
	return &scratch{buf: make([]byte, 0, 4*discv4.MaxPacketSize)}
}}

func takeScratch() *scratch { return scratchPool.Get().(*scratch) }

// maxKeep bounds what a scratch keeps of a burst.
const maxKeep = 4 * netio.BatchSize

func (s *scratch) release() {
	s.forget()
	scratchPool.Put(s)
}

// forget leaves nothing of this node in s: neither counts nor references into a
// batch, whose memory is somebody else's from now on.
func (s *scratch) forget() {
	clear(s.parsed[:s.used])
	clear(s.likely[:s.used])
	s.used = 0
	clear(s.drops[:])
	clear(s.outs)
	clear(s.outs5)
	clear(s.write)
	if s.five != nil {
		s.five.forget()
	}
	if max(cap(s.outs), cap(s.outs5)) > maxKeep {
		s.outs, s.outs5, s.write, s.buf = nil, nil, nil, nil
	}
}

// maxKept is how many signatures a worker may have before it while it keeps the
// socket: a millisecond's work with libsecp256k1.
const maxKept = 16

// workers counts the goroutines that read packets. One of them reads at a time,
// and leaves the socket to another only while it has more than maxKept
// signatures before it: to wake a worker costs as much as to refuse a dozen
// packets, a flood is refused by one as fast as by two, and a small load that is
// spread over two cores was seen to take a fifth more of them.
type workers struct {
	mu            sync.Mutex
	most, running int
	reading       bool // one of them reads, or is about to
}

// leave gives up the socket and reports whether a new worker is to read on.
// Otherwise it is left to whoever returns first.
func (w *workers) leave() (start bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if start = w.running < w.most; start {
		w.running++
	}
	w.reading = start
	return start
}

// comeBack reports whether the worker is to read again. Otherwise another one
// does, and it ends.
func (w *workers) comeBack() (read bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading {
		w.running--
		return false
	}
	w.reading = true
	return true
}

// readLoop carries packets from the socket to the machine until Close, or until
// there is nothing to do for it.
func (t *UDP) readLoop() {
	for {
		b, err := t.conn.ReadBatch()
		if err != nil {
			return
		}
		s := takeScratch()
		costly := t.screen(b, s)
		if costly > maxKept && t.workers.leave() {
			t.wg.Go(t.readLoop) // this worker is part of the group: it can't be done
		}
		if costly > 0 {
			t.handle(b, s)
		}
		b.Release()
		s.release()
		if costly > maxKept && !t.workers.comeBack() {
			return
		}
	}
}

// screen is the first half of a packet's way: what can be refused without
// cryptography is refused. It returns how many packets are left, in s.order.
func (t *UDP) screen(b *netio.Batch, s *scratch) int {
	n := t.parse(b, s)
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return 0
	}
	t.m.Advance(time.Now())
	t.admit(b, s, n)
	t.admit5(b, s)
	s.outs, s.outs5 = s.outs[:0], s.outs5[:0]
	left := len(s.order)
	if s.five != nil {
		left += len(s.five.order)
	}
	if left == 0 { // a flood ends here
		t.m.flush(s)
		t.wake()
	}
	t.mu.Unlock()
	t.send(s)
	return left
}

// handle is the second half: signatures are recovered outside of the lock, and
// answers signed outside of it too; so are v5's keys agreed on.
func (t *UDP) handle(b *netio.Batch, s *scratch) {
	t.open(s)
	t.accept5(s)
	t.enter(s, func(m *machines) {
		t.countDrops(s)
		for _, i := range s.order {
			m.V4.HandlePacket(b.Packet(s.from[i]).Addr, &s.keys[i], &s.parsed[i])
		}
		t.handle5(b, s)
	})
	t.check5(s)
}

// parse fills s.parsed and returns how many packets of v4 are well formed; those of v5
// go to s.five. A datagram is one of v5 if its header, unmasked, says so.
func (t *UDP) parse(b *netio.Batch, s *scratch) (n int) {
	var bytes int
	for i := range b.Len() {
		p := b.Packet(i)
		bytes += len(p.Data)
		if t.mask != nil && t.parse5(s, i, p, t.m.V4 != nil) {
			continue
		}
		drop := t.m.V4.AdmitSource(p.Addr)
		if drop == discv4.DropNone {
			drop = s.parsed[n].Parse(p.Data)
			s.used = n + 1
		}
		if drop != discv4.DropNone {
			s.drops[drop]++
			continue
		}
		s.from[n] = i
		n++
	}
	t.traffic.packetsIn.Add(uint64(b.Len()))
	t.traffic.bytesIn.Add(uint64(bytes))
	return n
}

// admit puts the packets that are worth a recovery in order. The caller holds
// the lock.
func (t *UDP) admit(b *netio.Batch, s *scratch, n int) {
	busy := b.Len() == netio.BatchSize
	s.order, s.later = s.order[:0], s.later[:0]
	for i := range n {
		v := t.m.V4.Admit(b.Packet(s.from[i]).Addr, &s.parsed[i], busy)
		s.likely[i] = v.Likely
		switch {
		case v.Drop != discv4.DropNone:
		case v.Known:
			s.order = append(s.order, i)
		default:
			s.later = append(s.later, i)
		}
	}
	s.order = append(s.order, s.later...)
	t.countDrops(s)
}

// countDrops reports drops to the machine. The caller holds the lock.
func (t *UDP) countDrops(s *scratch) {
	for reason, n := range s.drops {
		if n > 0 { // or else there may be no v4
			t.m.V4.Drop(discv4.Drop(reason), n)
		}
	}
	clear(s.drops[:])
}

// open recovers the signers and keeps the packets where that succeeds.
func (t *UDP) open(s *scratch) {
	kept := s.order[:0]
	for _, i := range s.order {
		key, drop := s.parsed[i].Open(s.likely[i])
		if drop != discv4.DropNone {
			s.drops[drop]++
			continue
		}
		s.keys[i] = key
		kept = append(kept, i)
	}
	s.order = kept
}

// send encodes and signs s.outs and writes them. The hashes that replies will
// quote are recorded before any of the packets leaves.
func (t *UDP) send(s *scratch) {
	if len(s.outs) == 0 && len(s.outs5) == 0 {
		return
	}
	s.buf, s.write = s.buf[:0], s.write[:0]
	t.agree5(s)
	tell := false
	for i := range s.outs {
		o := &s.outs[i]
		start := len(s.buf)
		s.buf = t.answers.encode(s.buf, &o.Packet, t.key)
		s.queue(start, o.To)
		tell = tell || o.NeedsSent()
	}
	if tell {
		t.mu.Lock()
		for i := range s.outs {
			t.m.V4.Sent(&s.outs[i])
		}
		t.mu.Unlock()
	}
	t.seal5(s)
	var bytes int
	for _, p := range s.write {
		bytes += len(p.Data)
	}
	sent, err := t.conn.WriteBatch(s.write)
	t.traffic.packetsOut.Add(uint64(sent))
	t.traffic.bytesOut.Add(uint64(bytes))
	if err != nil {
		t.traffic.sendErrors.Add(uint64(len(s.write) - sent))
		t.log.Debug("not all packets sent", "sent", sent, "of", len(s.write), "err", err)
	}
}
