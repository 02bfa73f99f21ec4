package enr_test

import (
	"bytes"
	"testing"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

// checkRecord holds for every record that was accepted.
func checkRecord(t *testing.T, r *enr.Record) {
	t.Helper()
	sig := r.Signature()
	raw := rlp.AppendUint(rlp.AppendString(nil, sig[:]), r.Seq())
	prev, first := "", true
	for k, v := range r.Pairs() {
		if !first && k <= prev {
			t.Fatalf("key %q comes after %q", k, prev)
		}
		prev, first = k, false
		raw = append(rlp.AppendString(raw, k), v...)
		if got, ok := r.Get(k); !ok || !bytes.Equal(got, v) {
			t.Fatalf("Get(%q) is %x, want %x", k, got, v)
		}
	}
	if raw = rlp.WrapList(raw, 0); !bytes.Equal(raw, r.Raw()) {
		t.Fatalf("encoded again it is %x, was %x", raw, r.Raw())
	}
	if len(raw) > enr.MaxSize {
		t.Fatalf("%d bytes", len(raw))
	}
	again, err := enr.Parse(r.String())
	if err != nil || !bytes.Equal(again.Raw(), raw) {
		t.Fatalf("parsing its text: %v", err)
	}
	r.IP()
	r.IP6()
	r.TCP()
	r.UDP()
	r.TCP6()
	r.UDP6()
}

func FuzzDecode(f *testing.F) {
	v := loadVectors(f)
	for _, e := range v.Valid {
		r, err := enr.Parse(e.Text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Raw())
	}
	for _, e := range v.InvalidRLP {
		f.Add(unhex(f, e.RLP))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := enr.Decode(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Raw(), raw) {
			t.Fatalf("decoded %x as %x", raw, r.Raw())
		}
		checkRecord(t, r)
	})
}

func FuzzParse(f *testing.F) {
	v := loadVectors(f)
	for _, e := range v.Valid {
		f.Add(e.Text)
	}
	for _, e := range v.Invalid {
		f.Add(e.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := enr.Parse(s)
		if err != nil {
			return
		}
		if r.String() != s {
			t.Fatalf("%q is a text of %s", s, r)
		}
		checkRecord(t, r)
	})
}

// FuzzSigned reaches what lies behind the signature: the input is the content
// of a record, signed rightly.
func FuzzSigned(f *testing.F) {
	key := testKey(f)
	id, sk := idPair(), keyPair(key)
	f.Add([]byte{1}, []byte(nil), []byte(nil))
	f.Add([]byte{1}, pairs(str("a"), []byte{0xc1, 0xc0}), pairs(str("z"), []byte{1}))
	f.Add([]byte{0x82, 1, 0}, []byte(nil), pairs(str("tcp"), rlp.AppendUint(nil, 30303), str("udp"), []byte{0x80}))
	f.Add([]byte{0x80}, []byte(nil), pairs(str("udp"), []byte{0x82, 0, 1}))
	f.Add([]byte{1, 0x61, 1}, pairs(str("b"), []byte{1}), []byte{0xb8})
	f.Fuzz(func(t *testing.T, seq, before, after []byte) {
		raw := signed(key, seq, pairs(before, id, sk, after))
		r, err := enr.Decode(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Raw(), raw) {
			t.Fatalf("decoded %x as %x", raw, r.Raw())
		}
		checkRecord(t, r)
		again, err := enr.NewBuilder(r).Sign(key, r.Seq())
		if err != nil || !bytes.Equal(again.Raw(), raw) {
			t.Fatalf("signed again: %v", err)
		}
	})
}
