package discv5

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// TestReplays: handshakes and challenges that come again change nothing.
func TestReplays(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	random, challenge, shake := *w.last("random"), *w.last("WHOAREYOU"), *w.last("handshake PING")
	keys := a.m.sessions.get(b.node.ID(), b.at).Keys()
	b.gives(DropUnsolicited, a.at, shake.data)
	a.gives(DropUnsolicited, b.at, challenge.data)
	w.sent = nil
	b.gives(DropDecrypt, a.at, random.data) // random bytes: it has a session, and asks for another
	a.gives(DropUnsolicited, b.at, w.last("WHOAREYOU").data)
	b.gives(DropSignature, a.at, shake.data) // it answered another
	if a.m.sessions.get(b.node.ID(), b.at).Keys() != keys || b.m.sessions.get(a.node.ID(), a.at).Keys() != keys {
		t.Error("the session is another")
	}
	r := a.ping(b)
	w.run(time.Second)
	r.is(t, nil)
	// After a restart the old handshake is one that nobody asked for.
	b.restart()
	b.gives(DropUnsolicited, a.at, shake.data)
	b.gives(DropNone, a.at, random.data)
	b.gives(DropSignature, a.at, shake.data) // over another challenge
	if b.m.Stats().Sessions != 0 {
		t.Error("a session was made of a replay")
	}
}

// TestUnaskedWhoareyou: a challenge for a packet that was never sent, or to somebody
// else, or that was answered, is not acted on.
func TestUnaskedWhoareyou(t *testing.T) {
	w := newWorld(t, 3, nil)
	a, b := w.labs[0], w.labs[1]
	whoareyou := func(n Nonce) []byte {
		p := Packet{Header: Header{Flag: Whoareyou, Nonce: n}}
		data, err := p.Encode(nil, NewMask(a.node.ID()))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	a.gives(DropUnsolicited, b.at, whoareyou(Nonce{1}))
	w.lose = func(*flight) bool { return true }
	r := a.ping(b)
	nonce := w.last("random").out.Header.Nonce
	a.gives(DropUnsolicited, b.at, whoareyou(Nonce{1}))
	a.gives(DropUnsolicited, w.labs[2].at, whoareyou(nonce))
	a.gives(DropNone, b.at, whoareyou(nonce))
	a.gives(DropUnsolicited, b.at, whoareyou(nonce)) // it is answered already
	w.run(300 * time.Millisecond)                    // the answer may be lost
	a.gives(DropNone, b.at, whoareyou(nonce))
	w.run(300 * time.Millisecond)
	a.gives(DropUnsolicited, b.at, whoareyou(nonce)) // twice is enough
	w.run(2 * time.Second)
	r.is(t, ErrTimeout)
	a.gives(DropUnsolicited, b.at, whoareyou(nonce))
	if s := a.m.Stats(); s.Initiated != maxHandshakes || s.Sessions != 0 {
		t.Errorf("%d handshakes, %d sessions", s.Initiated, s.Sessions)
	}
}

// answerTo makes the answer to a challenge by hand.
func answerTo(t *testing.T, from, to *lab, challenge *flight, change func(*Header, *ChallengeData), record []byte, key *secp.PrivateKey) []byte {
	t.Helper()
	var p Packet
	if drop := p.Parse(challenge.data, NewMask(from.node.ID())); drop != DropNone {
		t.Fatal(drop)
	}
	c := p.Challenge()
	q := Packet{Header: Header{Flag: Handshake, Src: from.node.ID(), Nonce: Nonce{9}, Record: record}}
	if change != nil {
		change(&q.Header, &c)
	}
	eph, err := secp.ReadOneTimeKey(from)
	if err != nil {
		t.Fatal(err)
	}
	pub := to.node.PublicKey()
	k, err := q.Initiate(key, eph, to.node.ID(), &pub, &c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := q.Seal(nil, NewMask(to.node.ID()), k.ForInitiator(), &Message{Kind: Ping, ID: NumberID(5)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFalseAnswers: answers to a challenge that are wrong in one way each. None makes a
// session, and none keeps the right one from being taken.
func TestFalseAnswers(t *testing.T) {
	w := newWorld(t, 3, nil)
	a, b, other := w.labs[0], w.labs[1], w.labs[2]
	own := a.node.Record().Raw()
	broken := bytes.Clone(own)
	broken[len(broken)-1]++
	for _, c := range []struct {
		name   string
		want   Drop
		change func(*Header, *ChallengeData)
		record []byte
		key    *secp.PrivateKey
	}{
		{"signed over another challenge", DropSignature, func(_ *Header, c *ChallengeData) { c[40]++ }, own, a.key},
		{"signed with another key", DropSignature, nil, own, other.key},
		{"somebody else's record", DropRecord, nil, other.node.Record().Raw(), a.key},
		{"a broken record", DropRecord, nil, broken, a.key},
		{"no record", DropRecord, nil, nil, a.key},
		{"a record that is none", DropRecord, nil, []byte{1, 2, 3}, a.key},
		{"from somebody who was not challenged", DropUnsolicited, func(h *Header, _ *ChallengeData) { h.Src = other.node.ID() }, own, a.key},
		{"from this node itself", DropOwn, func(h *Header, _ *ChallengeData) { h.Src = b.node.ID() }, own, a.key},
	} {
		w.lose = func(*flight) bool { return true }
		b.restart()
		b.table.known = nil
		a.restart()
		a.ping(b)
		b.gives(DropNone, a.at, w.last("random").data)
		challenge := w.last("WHOAREYOU")
		data := answerTo(t, a, b, challenge, c.change, c.record, c.key)
		if got := b.take(a.at, data, false); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if b.m.Stats().Sessions != 0 {
			t.Errorf("%s: made a session", c.name)
		}
		b.gives(DropNone, a.at, answerTo(t, a, b, challenge, nil, own, a.key))
		if b.m.Stats().Sessions != 1 {
			t.Errorf("%s: the right answer made no session", c.name)
		}
	}
}

// TestGuessedAnswers: who does not see a challenge can't make its answer, nor keep
// another from making it, but for a flood of guesses.
func TestGuessedAnswers(t *testing.T) {
	for guesses := range maxAttempts + 1 {
		w := newWorld(t, 2, nil)
		a, b := w.labs[0], w.labs[1]
		w.lose = func(*flight) bool { return true }
		a.ping(b)
		b.gives(DropNone, a.at, w.last("random").data)
		challenge := w.last("WHOAREYOU")
		wrong := answerTo(t, a, b, challenge, func(_ *Header, c *ChallengeData) { c[0]++ }, a.node.Record().Raw(), a.key)
		for range guesses {
			b.gives(DropSignature, a.at, wrong)
		}
		want := DropNone
		if guesses == maxAttempts {
			want = DropUnsolicited
		}
		b.gives(want, a.at, answerTo(t, a, b, challenge, nil, a.node.Record().Raw(), a.key))
	}
}

// TestRecordExchange: the record comes with the handshake when it is newer than what
// the other side has, and is taken only then.
func TestRecordExchange(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	seq := func() uint64 { return b.table.known[a.node.ID()].Seq() }
	w.meet(a, b)
	if seq() != 1 || len(w.last("handshake PING").out.Header.Record) == 0 {
		t.Error("no record in the first handshake")
	}
	b.restart() // its table still knows the record
	w.meet(a, b)
	if f := w.last("handshake PING"); len(f.out.Header.Record) != 0 {
		t.Error("the same record once more")
	}
	b.restart()
	a.node = signRecord(a.key, a.at, 5)
	w.meet(a, b)
	if seq() != 5 || len(b.table.updated) != 2 || b.m.sessions.newest.Node().Seq() != 5 {
		t.Errorf("record %d, %d updates", seq(), len(b.table.updated))
	}
	// A lower one is not taken for it, valid or not: the known key is what counts.
	for _, record := range [][]byte{signRecord(a.key, netip.MustParseAddrPort("6.6.6.6:1"), 4).Record().Raw(), {0xc1, 0x80}} {
		b.restart()
		w.lose = func(*flight) bool { return true }
		a.restart()
		a.ping(b)
		b.gives(DropNone, a.at, w.last("random").data)
		b.gives(DropNone, a.at, answerTo(t, a, b, w.last("WHOAREYOU"), nil, record, a.key))
		if seq() != 5 || len(b.table.updated) != 2 || b.m.sessions.newest.Node().Seq() != 5 {
			t.Errorf("record %d, %d updates", seq(), len(b.table.updated))
		}
	}
}

// TestSameChallenge: while a challenge is outstanding the same is sent again, whatever
// packet comes; its time is not prolonged by that.
func TestSameChallenge(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(*flight) bool { return true }
	a.ping(b)
	w.run(300 * time.Millisecond)
	first, second := w.sent[0], w.sent[1]
	b.gives(DropNone, a.at, first.data)
	c1 := *w.last("WHOAREYOU")
	w.run(challengeValid - 1)
	b.gives(DropNone, a.at, second.data)
	c2 := *w.last("WHOAREYOU")
	if !bytes.Equal(c1.data, c2.data) || c1.out.Header.Nonce != first.out.Header.Nonce {
		t.Error("the challenge is not the same")
	}
	w.run(1)
	b.gives(DropUnsolicited, a.at, answerTo(t, a, b, &c1, nil, a.node.Record().Raw(), a.key))
	b.gives(DropNone, a.at, second.data)
	c3 := *w.last("WHOAREYOU")
	if bytes.Equal(c1.data, c3.data) || c3.out.Header.Nonce != second.out.Header.Nonce || c3.out.Header.IDNonce == c1.out.Header.IDNonce {
		t.Error("the challenge is the same after its time")
	}
	// For somebody else at the same endpoint it is another.
	var p Packet
	p.Parse(second.data, NewMask(b.node.ID()))
	p.Src[0]++
	data, err := p.Encode(nil, NewMask(b.node.ID()))
	if err != nil {
		t.Fatal(err)
	}
	b.gives(DropNone, a.at, data)
	if c4 := w.last("WHOAREYOU"); c4.out.Header.IDNonce == c3.out.Header.IDNonce || c4.out.Dest != p.Src {
		t.Error("one challenge for two nodes")
	}
}

// TestLostWhileAgreeing: the other side's handshake is accepted while the driver still
// makes keys. The own one is then not sent.
func TestLostWhileAgreeing(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(*flight) bool { return true }
	r, s := a.ping(b), b.ping(a)
	toB, toA := w.sent[0], w.sent[1]
	b.gives(DropNone, a.at, toB.data)
	challengeOfB := *w.last("WHOAREYOU")
	a.gives(DropNone, b.at, toA.data)
	challengeOfA := *w.last("WHOAREYOU")
	// a works on its answer, as the answer of b arrives.
	a.m.Advance(w.now)
	if drop := a.take(b.at, challengeOfB.data, false); drop != DropNone {
		t.Fatal(drop)
	}
	out := a.m.Flush(nil)
	if len(out) != 1 || !out[0].NeedsKeys() {
		t.Fatalf("%d packets", len(out))
	}
	b.gives(DropNone, a.at, challengeOfA.data)
	w.lose = nil
	a.gives(DropNone, b.at, w.last("handshake PING").data)
	out[0].Agree(Keys{})
	if a.m.Sent(&out[0]) {
		t.Error("the handshake is sent although there is a session")
	}
	w.run(100 * time.Millisecond)
	r.is(t, nil)
	s.is(t, nil)
}

// TestNoKeys: a node whose key is none can't be talked to, and who waits for it hears of it.
func TestNoKeys(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(*flight) bool { return true }
	r, s := a.ping(b), a.find(b, 1)
	b.gives(DropNone, a.at, w.last("random").data)
	a.m.Advance(w.now)
	if drop := a.take(b.at, w.last("WHOAREYOU").data, false); drop != DropNone {
		t.Fatal(drop)
	}
	out := a.m.Flush(nil)
	if a.m.Sent(&out[0]) {
		t.Error("sent without keys")
	}
	r.is(t, ErrKey)
	s.is(t, ErrKey)
	if len(a.m.links.byEnd) != 0 || a.m.Stats().Sessions != 0 {
		t.Error("something is left")
	}
}

// TestRecordsOfHandshakes: a record is verified once, whether it comes in NODES or in a
// handshake first.
func TestRecordsOfHandshakes(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.meet(a, b)
	if b.m.records.get(a.node.Record().Raw()) == nil {
		t.Error("the handshake's record would be verified again in NODES")
	}
	// As if records had come in NODES, and then a node with its own or somebody else's.
	other := signRecord(testKey(50), a.at, 1)
	for _, sent := range []*enode.Node{a.node, other} {
		b.restart()
		b.table.known = nil
		b.m.records.put(sent)
		w.lose = func(*flight) bool { return true }
		a.restart()
		a.ping(b)
		b.gives(DropNone, a.at, w.last("random").data)
		var in Received
		in.Parse(answerTo(t, a, b, w.last("WHOAREYOU"), nil, sent.Record().Raw(), a.key), NewMask(b.node.ID()))
		v := b.m.Admit(a.at, &in.Header, false)
		if v.Drop != DropNone || v.Accept.NeedsRecord() != (sent == other) {
			t.Fatalf("%v, verified again: %v", v.Drop, v.Accept.NeedsRecord())
		}
		drop := v.Accept.Run(b.key, &in.Header)
		if sent == other {
			if drop != DropRecord {
				t.Fatalf("with another node's record: %v", drop)
			}
			continue
		}
		if drop == DropNone {
			_, drop = b.m.HandlePacket(a.at, &in.Header, &in, v.Accept)
		}
		if n := len(b.table.updated); drop != DropNone || n == 0 || b.table.updated[n-1].ID() != a.node.ID() {
			t.Errorf("%v, and the table has %d records", drop, n)
		}
	}
}
