package discv5

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

// epoch is when tests begin. It has no monotonic part.
var epoch = time.Unix(1_700_000_000, 0)

func testKey(i int) *secp.PrivateKey {
	var b [32]byte
	binary.BigEndian.PutUint64(b[24:], uint64(i)+1)
	key, err := secp.ParsePrivateKey(b[:])
	if err != nil {
		panic(err)
	}
	return key
}

// signRecord makes a node with a record that names an endpoint.
func signRecord(key *secp.PrivateKey, at netip.AddrPort, seq uint64) *enode.Node {
	var b enr.Builder
	b.SetIP(at.Addr())
	if at.Addr().Is4() {
		b.SetUDP(at.Port())
	} else {
		b.SetUDP6(at.Port())
	}
	r, err := b.Sign(key, seq)
	if err != nil {
		panic(err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		panic(err)
	}
	return n
}

// result is where a done function leaves its outcome.
type result[T any] struct {
	calls int
	value T
	err   error
}

func (r *result[T]) done(v T, err error) {
	r.calls++
	r.value, r.err = v, err
}

// is fails the test unless done was called once, with this error.
func (r *result[T]) is(t testing.TB, want error) {
	t.Helper()
	if r.calls != 1 || r.err != want {
		t.Fatalf("done called %d times, error %v, want once with %v", r.calls, r.err, want)
	}
}

// pending fails the test if done was called.
func (r *result[T]) pending(t testing.TB) {
	t.Helper()
	if r.calls != 0 {
		t.Fatalf("done called %d times, error %v, want none yet", r.calls, r.err)
	}
}

// lab is one machine, with the driver's part played by the test.
type lab struct {
	world *world
	key   *secp.PrivateKey
	node  *enode.Node
	at    netip.AddrPort
	m     *Machine
	table *fakeTable
	rng   *rand.Rand
	seen  []netip.AddrPort
	in    Received
	cfg   Config
}

// flight is a packet on its way.
type flight struct {
	from, to netip.AddrPort
	at       time.Time
	data     []byte
	what     string // flag, or kind of the message
	out      Out
}

// world wires machines in memory, in virtual time, with all the cryptography.
type world struct {
	testing.TB
	now   time.Time
	delay time.Duration // one way
	labs  []*lab
	queue []flight
	// lose, if set, says whether a packet is lost.
	lose func(f *flight) bool
	sent []flight // all that was sent, lost or not
	log  []string // what arrived: "0>1 PING"
	drop []Drop   // and what became of it
}

func newWorld(t testing.TB, n int, change func(i int, c *Config)) *world {
	w := &world{TB: t, now: epoch, delay: 20 * time.Millisecond}
	for i := range n {
		w.add(i, change)
	}
	return w
}

// add makes the i-th node, at an endpoint in a network of its own.
func (w *world) add(i int, change func(i int, c *Config)) *lab {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{5, byte(1 + i/200), byte(i % 200), 1}), 30303)
	l := &lab{world: w, key: testKey(i), at: at, rng: rand.New(rand.NewPCG(uint64(i), 7))}
	l.node = signRecord(l.key, at, 1)
	l.table = &fakeTable{self: l.node.ID()}
	l.cfg = Config{
		ID:    l.node.ID(),
		Self:  func() *enode.Node { return l.node },
		Rand:  rand.New(rand.NewPCG(uint64(i), 9)),
		Table: l.table,
		Seen:  func(_ netip.Addr, ep netip.AddrPort) { l.seen = append(l.seen, ep) },
	}
	if change != nil {
		change(i, &l.cfg)
	}
	l.restart()
	w.labs = append(w.labs, l)
	return l
}

// restart puts a new machine in the place of the old, which has lost all.
func (l *lab) restart() {
	l.m = New(l.cfg)
	l.m.Advance(l.world.now)
}

// Read makes a lab a source of random bytes.
func (l *lab) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(l.rng.Uint32())
	}
	return len(b), nil
}

// flush sends what the machine has to say, as a driver does.
func (l *lab) flush() {
	w := l.world
	w.Helper()
	for _, o := range l.m.Flush(nil) {
		if o.NeedsKeys() {
			eph, err := secp.ReadOneTimeKey(l)
			if err != nil {
				w.Fatal(err)
			}
			o.Initiate(l.key, eph)
			if !l.m.Sent(&o) {
				continue
			}
		} else if !l.m.Sent(&o) {
			w.Fatal("an ordinary packet is not to be sent")
		}
		var p Packet
		data, err := o.Seal(nil, &p)
		if err != nil {
			w.Fatalf("%v %v: %v", o.Header.Flag, o.Message.Kind, err)
		}
		if len(data) != o.Size() {
			w.Fatalf("%v %v: %d bytes, its Size is %d", o.Header.Flag, o.Message.Kind, len(data), o.Size())
		}
		f := flight{from: l.at, to: o.To, at: w.now.Add(w.delay), data: data, what: what(&o), out: o}
		w.sent = append(w.sent, f)
		if w.lose == nil || !w.lose(&f) {
			w.queue = append(w.queue, f)
		}
	}
}

// what names a packet.
func what(o *Out) string {
	switch {
	case o.Header.Flag == Whoareyou:
		return "WHOAREYOU"
	case o.Message.Kind == 0:
		return "random"
	case o.Header.Flag == Handshake:
		return "handshake " + o.Message.Kind.String()
	}
	return o.Message.Kind.String()
}

// take gives the machine a datagram, as a driver does.
func (l *lab) take(from netip.AddrPort, data []byte, busy bool) Drop {
	m := l.m
	m.Advance(l.world.now)
	drop := m.AdmitSource(from)
	if drop == DropNone {
		drop = l.in.Parse(data, NewMask(l.node.ID()))
	}
	if drop != DropNone {
		m.Drop(drop, 1)
		return drop
	}
	v := m.Admit(from, &l.in.Header, busy)
	if v.Drop != DropNone {
		return v.Drop
	}
	if v.Accept != nil {
		if drop := v.Accept.Run(l.key, &l.in.Header); drop != DropNone {
			m.Drop(drop, 1)
			return drop
		}
	}
	check, drop := m.HandlePacket(from, &l.in.Header, &l.in, v.Accept)
	if check != nil {
		check.Run()
		m.Checked(check)
	}
	return drop
}

// run lets time pass until nothing more happens before its end.
func (w *world) run(d time.Duration) {
	w.Helper()
	end := w.now.Add(d)
	for {
		for _, l := range w.labs {
			l.m.Advance(w.now)
			l.flush()
		}
		if !w.now.Before(end) {
			return
		}
		next := end
		for _, f := range w.queue {
			if f.at.Before(next) {
				next = f.at
			}
		}
		for _, l := range w.labs {
			if t := l.m.NextWake(); t.Before(next) {
				next = t
			}
		}
		if next.Before(w.now) {
			w.Fatalf("next wake is %v ago", w.now.Sub(next))
		}
		w.now = next
		w.deliver()
	}
}

// deliver gives what has arrived to whom it is for.
func (w *world) deliver() {
	for i := 0; i < len(w.queue); {
		f := w.queue[i]
		if f.at.After(w.now) {
			i++
			continue
		}
		w.queue = slices.Delete(w.queue, i, i+1)
		for j, l := range w.labs {
			if l.at == f.to {
				w.log = append(w.log, string(rune('0'+w.index(f.from)))+">"+string(rune('0'+j))+" "+f.what)
				w.drop = append(w.drop, l.take(f.from, f.data, false))
				l.flush()
			}
		}
	}
}

func (w *world) index(at netip.AddrPort) int {
	return slices.IndexFunc(w.labs, func(l *lab) bool { return l.at == at })
}

// packets returns what arrived since it was last asked.
func (w *world) packets() []string {
	list := w.log
	w.log, w.drop = nil, nil
	return list
}

// expect fails the test unless just these packets arrived since it was last asked.
func (w *world) expect(want ...string) {
	w.Helper()
	if got := w.packets(); !slices.Equal(got, want) {
		w.Fatalf("packets:\n%q, want\n%q", got, want)
	}
}

func (l *lab) ping(o *lab) *result[PingResult] {
	r := new(result[PingResult])
	l.m.Advance(l.world.now)
	l.m.Ping(o.node, r.done)
	l.flush()
	return r
}

func (l *lab) find(o *lab, distances ...uint16) *result[[]*enode.Node] {
	r := new(result[[]*enode.Node])
	l.m.Advance(l.world.now)
	l.m.Findnode(o.node, distances, r.done)
	l.flush()
	return r
}

func (l *lab) requestENR(o *lab) *result[*enode.Node] {
	r := new(result[*enode.Node])
	l.m.Advance(l.world.now)
	l.m.RequestENR(o.node, r.done)
	l.flush()
	return r
}

func (l *lab) talk(o *lab, protocol string, request []byte) *result[[]byte] {
	r := new(result[[]byte])
	l.m.Advance(l.world.now)
	l.m.Talk(o.node, protocol, request, r.done)
	l.flush()
	return r
}

// meet has two nodes agree on a session.
func (w *world) meet(a, b *lab) {
	w.Helper()
	r := a.ping(b)
	w.run(time.Second)
	r.is(w, nil)
	w.packets()
}

// say sends a message under the session with another node, whatever the machine thinks.
func (l *lab) say(o *lab, msg Message) {
	l.world.Helper()
	l.m.Advance(l.world.now)
	s := l.m.sessions.get(o.node.ID(), o.at)
	if s == nil {
		l.world.Fatal("no session")
	}
	out := l.m.ordinary(s, o.at)
	out.Message = msg
	l.m.send(&out)
	l.flush()
}

// last returns the last packet sent of a kind.
func (w *world) last(what string) *flight {
	w.Helper()
	for i := len(w.sent) - 1; i >= 0; i-- {
		if w.sent[i].what == what {
			return &w.sent[i]
		}
	}
	w.Fatalf("no %s was sent", what)
	return nil
}

// gives fails the test unless a node treats a datagram as want.
func (l *lab) gives(want Drop, from netip.AddrPort, data []byte) {
	l.world.Helper()
	if got := l.take(from, data, false); got != want {
		l.world.Fatalf("packet from %v: %v, want %v", from, got, want)
	}
	l.flush()
}

// pass ends the time of what strangers did: budgets are full again.
func (w *world) pass() {
	w.run(5 * time.Second)
	w.packets()
	w.sent = nil
}
