package kithnode

import (
	crand "crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/control"
)

// asker is a machine with a table, which asks an end for nodes.
type asker struct {
	m      *discv5.Machine
	self   *end
	other  *end
	in     discv5.Received
	out    []discv5.Out
	nodes  [][]byte // the records of its answers
	dist   []uint16
	taken  int // answers with all of them
	failed error
}

// toCome is the transport of a table that is made before its machine.
type toCome struct{ kad.Transport }

// newAsker has a's machine read answers of b's: all that it does about them, up to who
// has asked.
func newAsker(a, b *end) (control.NewBatch, error) {
	const count, each = 64, 3
	q := &asker{self: a, other: b}
	for range each {
		n, err := newEnd()
		if err != nil {
			return nil, err
		}
		q.nodes = append(q.nodes, n.node.Record().Raw())
		q.dist = append(q.dist, uint16(enode.LogDist(b.node.ID(), n.node.ID())))
	}
	transport := new(toCome)
	table := kad.New(kad.Config{Self: a.node.ID(), SelfKey: a.node.PublicKey(), Transport: transport, Rand: newRand(), Via: kad.V5})
	q.m = discv5.New(discv5.Config{ID: a.node.ID(), Self: func() *enode.Node { return a.node }, Rand: newRand(), Table: table})
	transport.Transport = q.m.Transport()
	if err := q.meet(); err != nil {
		return nil, err
	}
	return func() (int, func() error, error) {
		packets, err := q.ask(count)
		return count, func() error {
			before := q.taken
			for _, packet := range packets {
				if err := q.read(packet); err != nil {
					return err
				}
			}
			if q.taken != before+count {
				return errNoAnswer
			}
			return nil
		}, err
	}, nil
}

// done hears of each answer.
func (q *asker) done(nodes []*enode.Node, err error) {
	if len(nodes) == len(q.nodes) {
		q.taken++
	}
}

// meet makes the session by a PING.
func (q *asker) meet() error {
	q.m.Advance(time.Now())
	q.m.Ping(q.other.node, func(_ discv5.PingResult, err error) { q.failed = err })
	if q.out = q.m.Flush(q.out[:0]); len(q.out) != 1 {
		return fmt.Errorf("kithnode: %d packets for a PING", len(q.out))
	}
	b := q.other
	b.to = q.self.own
	b.header(discv5.Whoareyou)
	b.out.Nonce = q.out[0].Header.Nonce
	fill(b.rng, b.out.IDNonce[:])
	packet, err := b.out.Encode(nil, b.to)
	if err != nil {
		return err
	}
	sent := b.out.Challenge()
	if err := q.read(packet); err != nil {
		return err
	}
	if len(q.out) != 1 || !q.out[0].NeedsKeys() {
		return fmt.Errorf("kithnode: %d packets for a WHOAREYOU", len(q.out))
	}
	o := &q.out[0]
	eph, err := secp.ReadOneTimeKey(crand.Reader)
	if err != nil {
		return err
	}
	if err := o.Initiate(q.self.key, eph); err != nil {
		return err
	}
	if !q.m.Sent(o) {
		return fmt.Errorf("kithnode: the handshake is not to be sent")
	}
	if packet, err = o.Seal(nil, &q.self.out); err != nil {
		return err
	}
	if err := b.accept(packet, &sent); err != nil {
		return err
	}
	pong, err := b.seal(&discv5.Message{Kind: discv5.Pong, ID: b.m.ID, Seq: 1, To: codecAddr})
	if err != nil {
		return err
	}
	if err := q.read(pong); err != nil {
		return err
	}
	return q.failed
}

// seal writes a message under the session.
func (e *end) seal(m *discv5.Message) ([]byte, error) {
	e.header(discv5.Ordinary)
	return e.out.Seal(nil, e.to, e.cipher, m)
}

// ask asks for nodes, and returns the answers.
func (q *asker) ask(count int) (answers [][]byte, err error) {
	q.m.Advance(time.Now())
	for range count {
		q.m.Findnode(q.other.node, q.dist, q.done)
	}
	q.out = q.m.Flush(q.out[:0])
	for i := range q.out {
		m := &q.out[i].Message
		if !slices.Equal(m.Distances, q.dist) {
			continue // of the table's
		}
		packet, err := q.other.seal(&discv5.Message{Kind: discv5.Nodes, ID: m.ID, Total: 1, Records: q.nodes})
		if err != nil {
			return nil, err
		}
		answers = append(answers, packet)
	}
	return answers, nil
}

// read is all that the machine's driver does about a packet.
func (q *asker) read(packet []byte) error {
	drop := q.in.Parse(packet, q.self.own)
	if drop != discv5.DropNone {
		return fmt.Errorf("kithnode: dropped: %v", drop)
	}
	q.m.Advance(time.Now())
	v := q.m.Admit(codecAddr, &q.in.Header, false)
	if v.Drop != discv5.DropNone {
		return fmt.Errorf("kithnode: not admitted: %v", v.Drop)
	}
	check, drop := q.m.HandlePacket(codecAddr, &q.in.Header, &q.in, v.Accept)
	if drop != discv5.DropNone {
		return fmt.Errorf("kithnode: not handled: %v", drop)
	}
	if check != nil {
		check.Run()
		q.m.Checked(check)
	}
	q.out = q.m.Flush(q.out[:0])
	return nil
}
