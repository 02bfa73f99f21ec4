package rlp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
)

type vector struct {
	In  any    `json:"in"`
	Out string `json:"out"`
}

func readVectors(t *testing.T, name string) map[string]vector {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v map[string]vector
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return v
}

// appendValue encodes what a vector's "in" describes.
func appendValue(t *testing.T, b []byte, in any) []byte {
	t.Helper()
	switch v := in.(type) {
	case string:
		if number, ok := strings.CutPrefix(v, "#"); ok {
			n, ok := new(big.Int).SetString(number, 10)
			if !ok {
				t.Fatalf("bad number %q", v)
			}
			return AppendString(b, n.Bytes())
		}
		return AppendString(b, v)
	case json.Number:
		n, err := v.Int64()
		if err != nil || n < 0 {
			t.Fatalf("bad number %v", v)
		}
		return AppendUint(b, uint64(n))
	case []any:
		off := len(b)
		for _, item := range v {
			b = appendValue(t, b, item)
		}
		return WrapList(b, off)
	}
	t.Fatalf("unexpected %T", in)
	return nil
}

// checkValue reads the next item of c and compares it with what in describes.
func checkValue(t *testing.T, c *Cursor, in any) {
	t.Helper()
	switch v := in.(type) {
	case string:
		want := []byte(v)
		if number, ok := strings.CutPrefix(v, "#"); ok {
			n, _ := new(big.Int).SetString(number, 10)
			want = n.Bytes()
		}
		if got := c.Bytes(); !bytes.Equal(got, want) {
			t.Errorf("read %x, want %x", got, want)
		}
	case json.Number:
		n, _ := v.Int64()
		if got := c.Uint64(); got != uint64(n) {
			t.Errorf("read %d, want %d", got, n)
		}
	case []any:
		l := c.List()
		for _, item := range v {
			checkValue(t, &l, item)
		}
		if err := l.End(); err != nil {
			t.Errorf("list of %d: %v", len(v), err)
		}
	}
}

func TestVectors(t *testing.T) {
	for name, v := range readVectors(t, "rlp-rlptest.json") {
		want, err := hex.DecodeString(strings.TrimPrefix(v.Out, "0x"))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendValue(t, nil, v.In); !bytes.Equal(got, want) {
			t.Errorf("%s: encoded as %x, want %x", name, got, want)
		}
		if err := Valid(want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c := NewCursor(want)
		checkValue(t, &c, v.In)
		if err := c.End(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInvalidVectors(t *testing.T) {
	for _, file := range []string{"rlp-invalidRLPTest.json", "rlp-pyRlpInvalidCases.json"} {
		for name, v := range readVectors(t, file) {
			b, err := hex.DecodeString(strings.TrimPrefix(v.Out, "0x"))
			if err != nil {
				t.Fatal(err)
			}
			if Valid(b) == nil {
				t.Errorf("%s %s: %x is accepted", file, name, b)
			}
			// The one marked so is two items: good one by one, but not as a whole.
			if _, _, _, err := Split(b); v.In == "VALID" && err != nil {
				t.Errorf("%s %s: %x: %v", file, name, b, err)
			}
		}
	}
}
