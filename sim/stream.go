package sim

import (
	"fmt"
	"time"

	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// segment is what passes on a stream, which stands for a TCP connection with RLPx on
// it: what is sent arrives, in order, or the stream breaks.
type segment struct {
	kind    segmentKind
	from    int32      // the host that sent it
	stream  uint64     // the dialer's number in the upper half, its count of dials in the lower
	caps    []rlpx.Cap // of a Hello
	why     error      // of bye
	code    uint64     // of a message
	payload []byte
	size    int    // on a line; 0: it is no packet, but a moment
	bytes   []byte // with Bytes: what stands for the above, but for a Disconnect
}

type segmentKind uint8

const (
	segSYN    segmentKind = iota
	segSYNACK             // the connection is there
	segRST                // nobody listens, or nothing is known of the stream
	segAuth               // of the encryption handshake
	segAck
	segHello
	segData
	segBye     // disconnects, and says why
	segLimit   // to itself: a handshake's time is over
	segSilence // to itself: nothing was heard for too long
)

var segmentNames = [...]string{"SYN", "SYN-ACK", "RST", "auth", "ack", "Hello", "message", "Disconnect", "", ""}

func (s *segment) String() string {
	switch text := segmentNames[s.kind]; s.kind {
	case segBye:
		return fmt.Sprintf("%s %d:%d: %v", text, s.stream>>32, uint32(s.stream), s.why)
	case segData:
		return fmt.Sprintf("%s %d:%d: code 0x%x, %d bytes", text, s.stream>>32, uint32(s.stream), s.code, len(s.payload))
	default:
		return fmt.Sprintf("%s %d:%d", text, s.stream>>32, uint32(s.stream))
	}
}

// What the stream's sides wait for: the values of package p2p.
const (
	dialTime      = 15 * time.Second
	handshakeTime = 5 * time.Second
	silence       = 30 * time.Second
)

const (
	// cryptoCost is what a side of an encryption handshake works: half of what was
	// measured of both (docs/profiles.md).
	cryptoCost = 200 * time.Microsecond

	// resendFirst is after what time TCP sends again what was lost: RFC 6298's first
	// value. It doubles each time, resendMost times.
	resendFirst = time.Second
	resendMost  = 6

	// segmentSize stands for the size of each segment without a message: a handshake
	// packet's.
	segmentSize = 500
)

// conn is one side of a stream.
type conn struct {
	stream  uint64
	other   *Host
	inbound bool
	stage   stage
	task    *peering.DialTask // until it is told how the dial went
	in      *peering.Inbound
	slot    *peering.Conn // once the other side's key is known
	limit   int64         // when its handshakes must be done
	last    int64         // when what was sent last arrives
	since   int64         // when it became a peer
	speaks  []*speaker
	rlpx    *realRLPx // with Bytes
	ended   bool
}

type stage uint8

const (
	dialing stage = iota
	shaking       // the encryption handshake
	greeting
	connected
)

// tell sends a segment after a while of work.
func (s *server) tell(c *conn, work time.Duration, seg segment) {
	h := s.host
	w := h.world
	seg.stream = c.stream
	leaves := w.clock(h) + int64(work)
	d, lost := w.cfg.Link.reliably(w.latency(h, c.other), h.rng())
	if w.apart(h, c.other) || w.apart(c.other, h) || lost {
		if seg.kind != segSYN { // whose limit ends it
			s.self(c, segSilence, silence)
		}
		return
	}
	c.last = max(c.last+1, leaves+int64(d))
	seg.size = segmentSize + len(seg.payload) // the same however packets pass
	if w.cfg.Wire == Bytes {
		c.seal(h, &seg)
	}
	h.post(c.last, c.other, &seg)
}

// post has a segment arrive at a host.
func (h *Host) post(at int64, to *Host, seg *segment) {
	seg.from = h.index
	pk := h.worker.newPacket()
	pk.from, pk.to, pk.size, pk.copies, pk.segment = h.spec.Addr, to.spec.Addr, seg.size, 1, seg
	if h.watch != nil && seg.size > 0 {
		h.watch(Step{At: time.Duration(h.at), Out: true, Other: pk.to, What: describe(pk)})
	}
	h.seq++
	h.worker.send(event{at: at, source: h.index, seq: h.seq, to: to.index, packet: pk})
}

// self has a segment come from the host itself.
func (s *server) self(c *conn, kind segmentKind, after time.Duration) {
	h := s.host
	h.post(h.world.clock(h)+int64(after), h, &segment{kind: kind, stream: c.stream})
}

// vanish ends everything without a word: the others notice when they hear nothing.
func (s *server) vanish() {
	h := s.host
	for _, c := range s.conns {
		h.post(h.world.clock(h)+int64(silence), c.other, &segment{kind: segSilence, stream: c.stream})
		c.ended = true
		c.quiet()
	}
	s.conns = nil
}

// cutOff lets streams break that pass where nothing does any more.
func (h *Host) cutOff() {
	if h.server == nil {
		return
	}
	h.at = h.world.now
	for _, c := range h.server.conns {
		if h.world.apart(h, c.other) || h.world.apart(c.other, h) {
			h.server.self(c, segSilence, silence)
		}
	}
}

// refuse answers a segment that nobody awaits.
func (h *Host) refuse(at int64, seg *segment) {
	switch seg.kind {
	case segRST, segLimit, segSilence, segBye:
		return
	}
	other := h.world.hosts[seg.from]
	if h.world.apart(h, other) {
		return
	}
	h.post(at+int64(h.world.latency(h, other)), other, &segment{kind: segRST, stream: seg.stream, size: segmentSize})
}
