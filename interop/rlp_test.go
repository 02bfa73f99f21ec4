package interop

import (
	"bytes"
	"reflect"
	"testing"

	gethrlp "github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/rlp"
)

// value returns random nested data as go-ethereum decodes it into an interface:
// []byte or []any.
func (r random) value(depth int) any {
	if depth == 0 || r.IntN(3) > 0 {
		switch r.IntN(8) {
		case 0:
			return r.bytes(50 + r.IntN(300)) // around the limits of a length's length
		case 1:
			return r.bytes(1)
		}
		return r.bytes(r.IntN(60))
	}
	list := make([]any, r.IntN(6))
	for i := range list {
		list[i] = r.value(depth - 1)
	}
	return list
}

func appendValue(b []byte, v any) []byte {
	if s, ok := v.([]byte); ok {
		return rlp.AppendString(b, s)
	}
	off := len(b)
	for _, item := range v.([]any) {
		b = appendValue(b, item)
	}
	return rlp.WrapList(b, off)
}

func readValue(c *rlp.Cursor) any {
	if kind, _ := c.Kind(); kind == rlp.String {
		return c.Bytes()
	}
	list := []any{}
	sub := c.List()
	for sub.More() {
		list = append(list, readValue(&sub))
	}
	return list
}

func TestRLPValuesAgree(t *testing.T) {
	r := newRandom()
	for range 2000 {
		want := r.value(4)
		theirs, err := gethrlp.EncodeToBytes(want)
		if err != nil {
			t.Fatal(err)
		}
		ours := appendValue(nil, want)
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("%x is encoded as\n%x, by go-ethereum as\n%x", want, ours, theirs)
		}
		c := rlp.NewCursor(theirs)
		if got := readValue(&c); c.End() != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%x is decoded as %x, err %v", theirs, got, c.End())
		}
	}
}

func TestRLPNumbersAgree(t *testing.T) {
	r := newRandom()
	for range 5000 {
		v := r.uint()
		theirs, err := gethrlp.EncodeToBytes(v)
		if err != nil {
			t.Fatal(err)
		}
		if ours := rlp.AppendUint(nil, v); !bytes.Equal(ours, theirs) {
			t.Fatalf("%d is encoded as %x, by go-ethereum as %x", v, ours, theirs)
		}
		data := r.mutate(theirs)
		var want uint64
		refused := gethrlp.DecodeBytes(data, &want)
		c := rlp.NewCursor(data)
		got := c.Uint64()
		if err := c.End(); (err == nil) != (refused == nil) || err == nil && got != want {
			t.Fatalf("%x is decoded as %d, %v; by go-ethereum as %d, %v", data, got, err, want, refused)
		}
	}
}

// Both must find the same byte strings canonical.
func TestRLPRefusalsAgree(t *testing.T) {
	r := newRandom()
	var valid int
	for range 20000 {
		data := r.mutate(appendValue(nil, r.value(3)))
		var v any
		refused := gethrlp.DecodeBytes(data, &v)
		if err := rlp.Valid(data); (err == nil) != (refused == nil) {
			t.Fatalf("%x: %v; go-ethereum: %v", data, err, refused)
		}
		if refused == nil {
			valid++
		}
	}
	if valid == 0 || valid == 20000 {
		t.Fatalf("%d of the mutated values are valid: the test sees one outcome only", valid)
	}
}
