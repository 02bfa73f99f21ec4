package enr_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

type validVector struct {
	Name       string
	Text       string
	PrivateKey string `json:"private_key"`
	Seq        *uint64
	Signature  string
	Pairs      map[string]any
	RLP        string
}

type constructVector struct {
	Name         string
	PrivateKey   string `json:"private_key"`
	Seq          uint64
	Pairs        map[string]any
	Unsorted     []string `json:"pairs_unsorted"`
	InOrder      [][2]any `json:"pairs_in_order"`
	CompressedPK string   `json:"compressed_pubkey"`
}

type vectors struct {
	Valid     []validVector
	Construct []constructVector
	Invalid   []struct{ Text, Reason string }
	// InvalidRLP holds encodings of lists and other things, in hex.
	InvalidRLP []struct{ RLP, Reason string } `json:"invalid_rlp"`
}

func loadVectors(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/enr.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Valid) != 5 || len(v.Construct) != 5 || len(v.Invalid) != 9 || len(v.InvalidRLP) != 7 {
		t.Fatalf("testdata has %d valid, %d to construct, %d and %d invalid entries",
			len(v.Valid), len(v.Construct), len(v.Invalid), len(v.InvalidRLP))
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parseKey(t testing.TB, s string) *secp.PrivateKey {
	t.Helper()
	k, err := secp.ParsePrivateKey(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// item turns a value of the JSON file into RLP.
func item(t *testing.T, v any) []byte {
	t.Helper()
	switch v := v.(type) {
	case float64:
		return rlp.AppendUint(nil, uint64(v))
	case string:
		if strings.HasPrefix(v, "0x") {
			return rlp.AppendString(nil, unhex(t, v))
		}
		if ip, err := netip.ParseAddr(v); err == nil {
			return rlp.AppendString(nil, ip.AsSlice())
		}
		return rlp.AppendString(nil, v)
	case map[string]any:
		if s, ok := v["rlp"].(string); ok {
			return unhex(t, s)
		}
		return rlp.AppendString(nil, bytes.Repeat([]byte{byte(v["repeat_byte"].(float64))}, int(v["length"].(float64))))
	}
	t.Fatalf("no value: %v", v)
	return nil
}

func TestVectorsValid(t *testing.T) {
	for _, v := range loadVectors(t).Valid {
		t.Run(v.Name, func(t *testing.T) {
			r, err := enr.Parse(v.Text)
			if err != nil {
				t.Fatal(err)
			}
			if r.String() != v.Text {
				t.Errorf("text is %s", r)
			}
			again, err := enr.Decode(r.Raw())
			if err != nil || !bytes.Equal(again.Raw(), r.Raw()) {
				t.Errorf("decoding its own encoding: %v", err)
			}
			if v.RLP != "" && !bytes.Equal(r.Raw(), unhex(t, v.RLP)) {
				t.Errorf("encoding is %x", r.Raw())
			}
			if v.Seq != nil && r.Seq() != *v.Seq {
				t.Errorf("seq is %d, want %d", r.Seq(), *v.Seq)
			}
			if sig := r.Signature(); v.Signature != "" && !bytes.Equal(sig[:], unhex(t, v.Signature)) {
				t.Errorf("signature is %x", sig)
			}
			for k, want := range v.Pairs {
				if got, ok := r.Get(k); !ok || !bytes.Equal(got, item(t, want)) {
					t.Errorf("entry %q is %x, want %x", k, got, item(t, want))
				}
			}
			if v.PrivateKey != "" {
				checkResign(t, r, parseKey(t, v.PrivateKey), v.Pairs)
			}
		})
	}
}

// checkResign makes the record again from itself, and from its listed entries.
func checkResign(t *testing.T, r *enr.Record, key *secp.PrivateKey, pairs map[string]any) {
	t.Helper()
	b := new(enr.Builder)
	for k, v := range pairs {
		if k != "id" && k != "secp256k1" {
			b.Set(k, item(t, v))
		}
	}
	for _, b := range []*enr.Builder{enr.NewBuilder(r), b} {
		again, err := b.Sign(key, r.Seq())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Raw(), r.Raw()) {
			t.Errorf("signed again it is %s", again)
		}
	}
}

func TestVectorsConstruct(t *testing.T) {
	for _, v := range loadVectors(t).Construct {
		t.Run(v.Name, func(t *testing.T) {
			key := testKey(t)
			if v.PrivateKey != "" {
				key = parseKey(t, v.PrivateKey)
			}
			b := new(enr.Builder)
			for k, value := range v.Pairs {
				b.Set(k, item(t, value))
			}
			for i, k := range v.Unsorted {
				b.Set(k, rlp.AppendUint(nil, uint64(i)))
			}
			for _, kv := range v.InOrder {
				b.Set(kv[0].(string), item(t, kv[1]))
			}
			r, err := b.Sign(key, v.Seq)
			if v.Name == "nim-eth: 301 bytes" {
				if err == nil || !strings.Contains(err.Error(), "301") {
					t.Fatalf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkConstructed(t, v, r)
		})
	}
}

func checkConstructed(t *testing.T, v constructVector, r *enr.Record) {
	t.Helper()
	again, err := enr.Decode(r.Raw())
	if err != nil || again.Seq() != v.Seq {
		t.Fatalf("decoding it: %v", err)
	}
	for k, value := range v.Pairs {
		if got, _ := again.Get(k); !bytes.Equal(got, item(t, value)) {
			t.Errorf("entry %q is %x", k, got)
		}
	}
	pub := again.PublicKey()
	if c := pub.Compressed(); v.CompressedPK != "" && !bytes.Equal(c[:], unhex(t, v.CompressedPK)) {
		t.Errorf("public key is %x", c)
	}
	var order []string
	for k, value := range again.Pairs() {
		if v.InOrder != nil {
			k = fmt.Sprintf("%s=%d", k, value[0])
		}
		order = append(order, k)
	}
	switch v.Name {
	case "nim-eth: exactly 300 bytes":
		if len(r.Raw()) != enr.MaxSize {
			t.Errorf("%d bytes", len(r.Raw()))
		}
	case "nim-eth: key order":
		if want := []string{"123", "a12", "abc", "id", "secp256k1", "z"}; !slices.Equal(order, want) {
			t.Errorf("order is %v", order)
		}
	case "geth: set order":
		want := []string{"a=5", "b=3", "bb=6", "c=2", "d=4"}
		if order = slices.DeleteFunc(order, func(k string) bool { return len(k) > 4 }); !slices.Equal(order, want) {
			t.Errorf("order is %v", order)
		}
	}
}

func TestVectorsInvalid(t *testing.T) {
	v := loadVectors(t)
	for _, e := range v.Invalid {
		if r, err := enr.Parse(e.Text); err == nil {
			t.Errorf("%s: accepted %s as %x", e.Reason, e.Text, r.Raw())
		} else {
			t.Logf("%s: %v", e.Reason, err)
		}
	}
	for _, e := range v.InvalidRLP {
		if _, err := enr.Decode(unhex(t, e.RLP)); err == nil {
			t.Errorf("%s: accepted %s", e.Reason, e.RLP)
		} else {
			t.Logf("%s: %v", e.Reason, err)
		}
	}
}
