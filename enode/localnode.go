package enode

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// MaxCustom bounds the entries given to [LocalNode.Set] together: the sum of
// the lengths of keys and values in RLP. It is what is left of a record
// of 300 bytes beside its two headers (3), signature (66), sequence number (9),
// id (6), secp256k1 (44), ip (8), ip6 (21), tcp, udp (7 each) and udp6 (8), so
// that an address found later always fits.
const MaxCustom = enr.MaxSize - 3 - 66 - 9 - 6 - 44 - 8 - 21 - 7 - 7 - 8

// Store keeps the record of the local node over a restart. Calls come with the
// LocalNode's lock held: they must be quick and must not call back.
type Store interface {
	// LocalRecord returns the raw record last stored, or nil.
	LocalRecord() []byte
	// SetLocalRecord stores it. The callee must not modify raw.
	SetLocalRecord(raw []byte) error
}

// LocalNode is the node that we are: it holds the private key, gathers what the
// record is to say, and signs it when asked for.
//
// The sequence number grows by exactly one when [LocalNode.Node] or
// [LocalNode.Seq] finds the content changed since the last signed record, and
// never otherwise: several changes at once are one new version, a change and its
// reversal are none, and a restart with a [Store] and the same content goes on
// with the same bytes.
//
// The IP addresses in the record are, in this order, for each family: the one
// given to [LocalNode.SetStaticIP], the one predicted from what peers say they
// see ([LocalNode.AddStatement]), the one given to [LocalNode.SetFallbackIP].
//
// All methods are safe for concurrent use.
type LocalNode struct {
	key   *secp.PrivateKey
	id    ID
	store Store // may be nil

	current atomic.Pointer[Node] // nil when the content may have changed

	mu     sync.Mutex
	last   *Node // last signed, or loaded from the store; nil before
	seq    uint64
	custom []entry // MaxCustom bytes at most
	ip4    family
	ip6    family
	udp    uint16
	tcp    uint16
	err    error
}

type entry struct {
	key   string
	value []byte
}

func (e entry) size() int { return rlp.StringSize(e.key) + len(e.value) }

// family is what we know of our address in one IP family.
type family struct {
	static, fallback netip.Addr
	predictor        predictor
}

// endpoint returns the address to publish, zero when there is none, and the UDP
// port there.
func (f *family) endpoint(udp uint16) (netip.Addr, uint16) {
	switch p := &f.predictor; {
	case isHost(f.static):
		return f.static, udp
	case p.addr.IsValid() && p.port != 0:
		return p.addr, p.port
	case p.addr.IsValid():
		return p.addr, udp
	case isHost(f.fallback):
		return f.fallback, udp
	default:
		return netip.Addr{}, udp
	}
}

// LocalOption changes how [NewLocalNode] sets up.
type LocalOption func(*LocalNode)

// StartSeq makes a node whose store has no record of it begin with this sequence
// number instead of 1. A node without a store that keeps its key should start
// with the time in milliseconds: peers that know an earlier record of it would
// not take a lower number for news.
func StartSeq(seq uint64) LocalOption {
	return func(ln *LocalNode) { ln.seq = seq - 1 }
}

// NewLocalNode makes the local node. The store may be nil. A stored record that
// is corrupt or of another key is passed over; see [LocalNode.Err].
func NewLocalNode(key *secp.PrivateKey, st Store, opts ...LocalOption) *LocalNode {
	pub := key.Public()
	ln := &LocalNode{key: key, id: PubkeyID(&pub), store: st}
	for _, opt := range opts {
		opt(ln)
	}
	if st != nil {
		ln.load(st.LocalRecord())
	}
	return ln
}

func (ln *LocalNode) load(raw []byte) {
	if len(raw) == 0 {
		return
	}
	r, err := enr.Decode(raw)
	if err != nil {
		ln.err = fmt.Errorf("enode: stored local record: %w", err)
		return
	}
	n, err := FromRecord(r)
	if err != nil || n.id != ln.id {
		return // another key: another node's history
	}
	ln.last, ln.seq = n, n.Seq()
}

// ID returns the node's ID.
func (ln *LocalNode) ID() ID { return ln.id }

// Key returns the private key.
func (ln *LocalNode) Key() *secp.PrivateKey { return ln.key }

// Node returns the node with its current record, signing a new one if the
// content changed. It is cheap when nothing changed.
func (ln *LocalNode) Node() *Node {
	if n := ln.current.Load(); n != nil {
		return n
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	b := ln.content()
	if ln.last == nil || !b.Matches(ln.last.rec) {
		ln.sign(b)
	}
	ln.current.Store(ln.last)
	return ln.last
}

// Seq returns the sequence number of the current record, under the terms of
// Node.
func (ln *LocalNode) Seq() uint64 { return ln.Node().Seq() }

// Err returns what is wrong with the store, nil if nothing: a stored record that
// was corrupt, or one that could not be stored. The next record that is stored
// ends it. The node works on regardless, but after a restart its sequence number
// may be one that it used before.
func (ln *LocalNode) Err() error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return ln.err
}

// content puts together what the record is to say now.
func (ln *LocalNode) content() *enr.Builder {
	b := new(enr.Builder)
	for _, e := range ln.custom {
		b.Set(e.key, e.value)
	}
	ip4, udp := ln.ip4.endpoint(ln.udp)
	if ip4.IsValid() {
		b.SetIP(ip4)
	}
	b.SetUDP(udp).SetTCP(ln.tcp)
	if ip6, udp6 := ln.ip6.endpoint(ln.udp); ip6.IsValid() {
		b.SetIP(ip6)
		if udp6 != udp {
			b.SetUDP6(udp6) // EIP-778: udp holds for both unless udp6 says otherwise
		}
	}
	return b
}

func (ln *LocalNode) sign(b *enr.Builder) {
	r, err := b.Sign(ln.key, ln.seq+1)
	if err == nil {
		ln.last, err = FromRecord(r)
	}
	if err != nil {
		// Set checks all that could fail here. Err must not hide it if it happens.
		ln.err = err
		return
	}
	ln.seq++
	if ln.store == nil {
		return
	}
	if ln.err = ln.store.SetLocalRecord(r.Raw()); ln.err != nil {
		ln.err = fmt.Errorf("enode: local record not stored: %w", ln.err)
	}
}

// Set stores an entry in the record: value is one RLP item, and is copied. It
// changes nothing and returns an error when value is anything else, when all
// entries together would exceed [MaxCustom] bytes, or when the key is one that
// the LocalNode writes itself: id, secp256k1, ip, ip6, tcp, udp, udp6.
func (ln *LocalNode) Set(key string, value []byte) error {
	switch key {
	case "id", "secp256k1", "ip", "ip6", "tcp", "udp", "udp6":
		return fmt.Errorf("enode: record entry %q is kept by the local node itself", key)
	}
	if err := rlp.Valid(value); err != nil {
		return fmt.Errorf("enode: record entry %s: %w", quote(key), err)
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	e := entry{key, value}
	size, at := e.size(), -1
	for i, old := range ln.custom {
		if old.key == key {
			at = i
		} else {
			size += old.size()
		}
	}
	if size > MaxCustom {
		return fmt.Errorf("enode: record entry %s: %w (all entries would have %d bytes, at most %d)",
			quote(key), enr.ErrSize, size, MaxCustom)
	}
	e.value = bytes.Clone(value)
	if at >= 0 {
		ln.custom[at] = e
	} else {
		ln.custom = append(ln.custom, e)
	}
	ln.current.Store(nil)
	return nil
}

// Delete removes an entry made by Set.
func (ln *LocalNode) Delete(key string) {
	ln.change(func() {
		ln.custom = slices.DeleteFunc(ln.custom, func(e entry) bool { return e.key == key })
	})
}

// SetStaticIP gives the address that peers reach us at, for its IP family, and
// ends prediction for it: the UDP port is then the one of SetFallbackUDP. An
// unspecified address (0.0.0.0, ::) takes that back; any other that can't be a
// host's, too.
func (ln *LocalNode) SetStaticIP(ip netip.Addr) {
	ln.change(func() { ln.family(ip).static = cleanAddr(ip) })
}

// SetFallbackIP gives the address to publish while nothing better is known. An
// unspecified address takes that back.
func (ln *LocalNode) SetFallbackIP(ip netip.Addr) {
	ln.change(func() { ln.family(ip).fallback = cleanAddr(ip) })
}

// SetFallbackUDP gives the UDP port to publish while none is predicted, usually
// the one we listen on. 0 is none.
func (ln *LocalNode) SetFallbackUDP(port uint16) {
	ln.change(func() { ln.udp = port })
}

// SetTCP gives the TCP port to publish, for both IP families. 0 is none.
func (ln *LocalNode) SetTCP(port uint16) {
	ln.change(func() { ln.tcp = port })
}

// AddStatement takes note that a peer at voice says it sees us at seen. The
// caller has made sure that the peer is at voice (it answered there), and gives
// the present time.
//
// Each network, an IPv4 /16 or an IPv6 /32, has one vote, its newest statement
// of the last ten minutes. An address is predicted when at least three networks
// spoke and more than half of them agree on it; its port when more than half of
// those agree on that too. It holds until another address wins.
//
// Passed over are statements in which voice and seen are not of the same IP
// family or not of the same reach (loopback, link-local, private, public): nobody
// on our local network knows our public address, and nobody outside our private
// one. So are unspecified, multicast and broadcast addresses, and port 0.
func (ln *LocalNode) AddStatement(now time.Time, voice netip.Addr, seen netip.AddrPort) {
	voice = cleanAddr(voice)
	seen = netip.AddrPortFrom(cleanAddr(seen.Addr()), seen.Port())
	switch us := seen.Addr(); {
	case !isHost(voice) || !isHost(us) || seen.Port() == 0:
		return
	case voice.Is4() != us.Is4() || scopeOf(voice) != scopeOf(us):
		return
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.family(seen.Addr()).predictor.add(now, voice, seen) {
		ln.current.Store(nil)
	}
}

func (ln *LocalNode) change(f func()) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	f()
	ln.current.Store(nil)
}

func (ln *LocalNode) family(ip netip.Addr) *family {
	if ip.Unmap().Is4() {
		return &ln.ip4
	}
	return &ln.ip6
}
