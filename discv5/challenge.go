package discv5

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// challengeValid is how long the answer to a challenge is taken: as long as a
	// request waits for it.
	challengeValid = time.Second

	// maxAttempts is how many handshakes may claim to answer a challenge. Somebody
	// who does not see it can't make a right one, and with only one attempt could
	// keep others from making it.
	maxAttempts = 4
)

// challengeKey is whom a challenge is for.
type challengeKey struct {
	id enode.ID
	at netip.AddrPort
}

// challenge is a WHOAREYOU that was sent.
type challenge struct {
	key      challengeKey
	iv       [ivSize]byte
	nonce    Nonce // of the packet that asked for it
	idNonce  [16]byte
	node     *enode.Node // what is known of the other side: a node with a record, or nil
	seq      uint64      // of that record
	expires  int64
	attempts uint8
}

// header returns that of the packet, which may be sent again.
func (c *challenge) header() Header {
	return Header{Flag: Whoareyou, MaskingIV: c.iv, Nonce: c.nonce, IDNonce: c.idNonce, Seq: c.seq}
}

// challenges are the outstanding ones. They expire in the order in which they were
// made.
type challenges struct {
	byKey map[challengeKey]*challenge
	queue []*challenge // also those that were answered, until they expire
	limit int
}

// get returns the outstanding challenge for a node at an endpoint, nil if there is
// none.
func (c *challenges) get(id enode.ID, at netip.AddrPort, now int64) *challenge {
	if len(c.byKey) == 0 {
		return nil
	}
	if ch := c.byKey[challengeKey{id, at}]; ch != nil && now < ch.expires {
		return ch
	}
	return nil
}

// full reports whether there is no room for one more.
func (c *challenges) full(now int64) bool {
	if len(c.queue) >= c.limit {
		c.expire(now)
	}
	return len(c.queue) >= c.limit
}

func (c *challenges) add(ch *challenge) {
	if c.byKey == nil {
		c.byKey = make(map[challengeKey]*challenge)
	}
	c.byKey[ch.key] = ch
	c.queue = append(c.queue, ch)
}

// remove ends one that was answered.
func (c *challenges) remove(ch *challenge) {
	if c.byKey[ch.key] == ch {
		delete(c.byKey, ch.key)
	}
}

// expire forgets those whose time is over, and all the room that a flood of them took
// when none is left.
func (c *challenges) expire(now int64) {
	n := 0
	for n < len(c.queue) && c.queue[n].expires <= now {
		c.remove(c.queue[n])
		c.queue[n] = nil
		n++
	}
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue, c.byKey = nil, nil
	}
}

// challenge has the sender of a packet that can't be read prove who it is
// (discv5-theory.md, "Step 2"). While one is outstanding the same is sent again: an
// answer to either is then right.
func (m *Machine) challenge(from netip.AddrPort, h *Header, known *enode.Node) Drop {
	ch := m.challenges.get(h.Src, from, m.at)
	if ch == nil {
		if m.challenges.full(m.at) {
			return DropChallengeLimit
		}
		ch = &challenge{key: challengeKey{h.Src, from}, nonce: h.Nonce, expires: m.at + int64(challengeValid)}
		ch.iv, ch.idNonce = m.random16(), m.random16()
		if known != nil {
			ch.node, ch.seq = known, known.Seq()
		}
		m.challenges.add(ch)
	}
	m.stats.Challenged++
	m.out = append(m.out, Out{To: from, Dest: h.Src, Header: ch.header()})
	return DropNone
}

// challengeData returns what a WHOAREYOU's header is without its mask.
func (h *Header) challengeData() (c ChallengeData) {
	h.appendTo(c[:0])
	return c
}
