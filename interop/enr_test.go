package interop

import (
	"bytes"
	"testing"

	gethenode "github.com/ethereum/go-ethereum/p2p/enode"
	gethenr "github.com/ethereum/go-ethereum/p2p/enr"
	gethrlp "github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

const recordRounds = 300

// theirRecord decodes and verifies a record as go-ethereum does with those that
// come from the network.
func theirRecord(raw []byte) (*gethenode.Node, error) {
	var rec gethenr.Record
	if err := gethrlp.DecodeBytes(raw, &rec); err != nil {
		return nil, err
	}
	return gethenode.New(gethenode.ValidSchemes, &rec)
}

// sameNode compares what both read from a record.
func sameNode(t *testing.T, ours *enode.Node, theirs *gethenode.Node) {
	t.Helper()
	if ours.ID() != enode.ID(theirs.ID()) {
		t.Errorf("ID %v, go-ethereum's %v", ours.ID(), theirs.ID())
	}
	if ours.Seq() != theirs.Seq() {
		t.Errorf("sequence number %d, go-ethereum's %d", ours.Seq(), theirs.Seq())
	}
	addr, ok := ours.UDPEndpoint()
	theirAddr, theirOK := theirs.UDPEndpoint()
	if ok != theirOK || ok && addr != theirAddr {
		t.Errorf("UDP endpoint %v %v, go-ethereum's %v %v", addr, ok, theirAddr, theirOK)
	}
	addr, ok = ours.TCPEndpoint()
	theirAddr, theirOK = theirs.TCPEndpoint()
	if ok != theirOK || ok && addr != theirAddr {
		t.Errorf("TCP endpoint %v %v, go-ethereum's %v %v", addr, ok, theirAddr, theirOK)
	}
	if ours.String() != theirs.String() {
		t.Errorf("text\n%s, go-ethereum's\n%s", ours, theirs)
	}
}

// ourRecord makes a random record.
func (r random) ourRecord(t *testing.T) *enr.Record {
	t.Helper()
	key, _ := r.keys(t)
	var b enr.Builder
	b.SetIP(r.addr()).SetUDP(r.port())
	if r.IntN(2) == 0 {
		b.SetTCP(r.port())
	}
	if r.IntN(4) == 0 {
		b.SetIP(r.addr()).SetUDP6(r.port()).SetTCP6(r.port())
	}
	for range r.IntN(3) { // keys nobody knows, around the known ones
		name := string([]byte{byte('a' + r.IntN(26)), byte('a' + r.IntN(26)), '0'})
		b.Set(name, rlp.AppendString(nil, r.bytes(r.IntN(20))))
	}
	rec, err := b.Sign(key, r.uint())
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestOurRecordsAreUnderstood(t *testing.T) {
	r := newRandom()
	for range recordRounds {
		rec := r.ourRecord(t)
		theirs, err := theirRecord(rec.Raw())
		if err != nil {
			t.Fatalf("go-ethereum refuses %v: %v", rec, err)
		}
		ours, err := enode.FromRecord(rec)
		if err != nil {
			t.Fatalf("%v: %v", rec, err)
		}
		sameNode(t, ours, theirs)
	}
}

func TestTheirRecordsAreUnderstood(t *testing.T) {
	r := newRandom()
	for range recordRounds {
		_, key := r.keys(t)
		var rec gethenr.Record
		if ip := r.addr(); ip.Is4() {
			rec.Set(gethenr.IPv4Addr(ip))
			rec.Set(gethenr.UDP(r.port()))
			rec.Set(gethenr.TCP(r.port()))
		} else {
			rec.Set(gethenr.IPv6Addr(ip))
			rec.Set(gethenr.UDP6(r.port()))
			rec.Set(gethenr.TCP6(r.port()))
		}
		rec.Set(gethenr.WithEntry("eth", []any{r.bytes(4), r.uint()}))
		rec.SetSeq(r.uint())
		if err := gethenode.SignV4(&rec, key); err != nil {
			t.Fatal(err)
		}
		raw, err := gethrlp.EncodeToBytes(&rec)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := theirRecord(raw)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := enr.Decode(raw)
		if err != nil {
			t.Fatalf("%s is refused: %v", theirs, err)
		}
		if !bytes.Equal(decoded.Raw(), raw) {
			t.Fatalf("%x became %x", raw, decoded.Raw())
		}
		ours, err := enode.FromRecord(decoded)
		if err != nil {
			t.Fatal(err)
		}
		sameNode(t, ours, theirs)
	}
}

// No record that was tampered with is valid, on either side.
func TestTamperedRecordsAreRefused(t *testing.T) {
	r := newRandom()
	for range 10 * recordRounds {
		rec := r.ourRecord(t)
		raw := r.mutate(rec.Raw())
		if bytes.Equal(raw, rec.Raw()) {
			continue // mutated back
		}
		_, err := enr.Decode(raw)
		_, refusal := theirRecord(raw)
		if err == nil || refusal == nil {
			t.Fatalf("%x: %v; go-ethereum: %v", raw, err, refusal)
		}
	}
}
