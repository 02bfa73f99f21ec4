package rlp

import (
	"bytes"
	"testing"
)

func TestCursorReads(t *testing.T) {
	// 1, "ab", [2, [3]], "xyz", [4]
	b := unhex(t, "01 826162 c302c103 8378797a c104")
	c := NewCursor(b)
	if k, ok := c.Kind(); k != String || !ok || k.String() != "string" {
		t.Errorf("kind %v, %v", k, ok)
	}
	if v := c.Uint64(); v != 1 {
		t.Errorf("read %d", v)
	}
	mark := c // a copy reads on from here by itself
	if s := c.Bytes(); string(s) != "ab" {
		t.Errorf("read %q", s)
	}
	if k, ok := c.Kind(); k != List || !ok || k.String() != "list" {
		t.Errorf("kind %v, %v", k, ok)
	}
	l := c.List()
	if v := l.Uint16(); v != 2 {
		t.Errorf("read %d", v)
	}
	inner := l.List()
	if v := inner.Uint64(); v != 3 || inner.End() != nil || l.End() != nil {
		t.Errorf("read %d, %v, %v", v, inner.End(), l.End())
	}
	dst := make([]byte, 3)
	if c.Fixed(dst); string(dst) != "xyz" {
		t.Errorf("read %q", dst)
	}
	if c.End() != ErrTrailing || c.Err() != nil || !c.More() {
		t.Errorf("before the last item: %v, %v", c.End(), c.Err())
	}
	if rest := c.Rest(); !bytes.Equal(rest, []byte{0xc1, 4}) {
		t.Errorf("rest %x", rest)
	}
	if raw := c.Raw(); !bytes.Equal(raw, []byte{0xc1, 4}) {
		t.Errorf("raw %x", raw)
	}
	if _, ok := c.Kind(); ok || c.More() || c.End() != nil {
		t.Errorf("at the end: %v", c.End())
	}
	mark.Skip()
	mark.Skip()
	if s := mark.Bytes(); string(s) != "xyz" || mark.Err() != nil {
		t.Errorf("the copy read %q, %v", s, mark.Err())
	}
}

// TestCursorErrors has a read of each kind meet each error.
func TestCursorErrors(t *testing.T) {
	reads := map[string]func(c *Cursor) bool{ // true: a zero value came back
		"Uint64": func(c *Cursor) bool { return c.Uint64() == 0 },
		"Uint16": func(c *Cursor) bool { return c.Uint16() == 0 },
		"Bytes":  func(c *Cursor) bool { return c.Bytes() == nil },
		"Fixed": func(c *Cursor) bool {
			dst := []byte{1, 2, 3}
			c.Fixed(dst)
			return bytes.Equal(dst, []byte{1, 2, 3})
		},
		"List": func(c *Cursor) bool {
			l := c.List()
			return !l.More() && l.Err() == c.Err() && l.End() == c.Err()
		},
		"Raw":  func(c *Cursor) bool { return c.Raw() == nil },
		"Skip": func(c *Cursor) bool { c.Skip(); return true },
	}
	all := []string{"Uint64", "Uint16", "Bytes", "Fixed", "List", "Raw", "Skip"}
	for _, test := range []struct {
		in   string
		want error
		by   []string
	}{
		{"", ErrEnd, all},
		{"82ff", ErrTruncated, all},
		{"8101", ErrCanonicalSize, all},
		{"f803010203", ErrCanonicalSize, all},
		{"c0", ErrNotString, []string{"Uint64", "Uint16", "Bytes", "Fixed"}},
		{"80", ErrNotList, []string{"List"}},
		{"00", ErrCanonicalInt, []string{"Uint64", "Uint16"}},
		{"820001", ErrCanonicalInt, []string{"Uint64", "Uint16"}},
		{"89000000000000000001", ErrCanonicalInt, []string{"Uint64", "Uint16"}},
		{"89010000000000000000", ErrIntSize, []string{"Uint64", "Uint16"}},
		{"83010000", ErrIntSize, []string{"Uint16"}},
		{"80", ErrLength, []string{"Fixed"}},
		{"820102", ErrLength, []string{"Fixed"}},
		{"8401020304", ErrLength, []string{"Fixed"}},
	} {
		for _, name := range test.by {
			c := NewCursor(append(unhex(t, test.in), 0x05)[:len(test.in)/2])
			if zero := reads[name](&c); !zero || c.Err() != test.want || c.End() != test.want {
				t.Errorf("%s of %q: %v, want %v (zero value: %v)", name, test.in, c.Err(), test.want, zero)
			}
			// The error stays, and every read gives a zero value.
			for again, read := range reads {
				if !read(&c) || c.Err() != test.want {
					t.Errorf("%s after %v: %v", again, test.want, c.Err())
				}
			}
			if _, ok := c.Kind(); ok || c.More() || c.Rest() != nil {
				t.Errorf("%s of %q: items after an error", name, test.in)
			}
		}
	}
}

// TestSubCursorKeepsItsError checks that a bad list does not spoil what follows it:
// the tolerant reading that EIP-8 asks for.
func TestSubCursorKeepsItsError(t *testing.T) {
	c := NewCursor(unhex(t, "c28101 07"))
	l := c.List()
	if l.Uint64(); l.Err() != ErrCanonicalSize {
		t.Errorf("list: %v", l.Err())
	}
	if v := c.Uint64(); v != 7 || c.End() != nil {
		t.Errorf("after the list: %d, %v", v, c.End())
	}
}

func TestEmptyBytesAreNotNil(t *testing.T) {
	c := NewCursor([]byte{0x80})
	if s := c.Bytes(); s == nil || len(s) != 0 {
		t.Errorf("%v", s)
	}
}

// TestResultsDontReachFurther checks that appending to a result can't overwrite the
// input behind it.
func TestResultsDontReachFurther(t *testing.T) {
	for _, read := range []func(b []byte) []byte{
		func(b []byte) []byte { c := NewCursor(b); return c.Bytes() },
		func(b []byte) []byte { c := NewCursor(b); return c.Raw() },
		func(b []byte) []byte { _, content, _, _ := Split(b); return content },
	} {
		b := unhex(t, "826162 05")
		if s := append(read(b), 0xff); b[3] != 5 {
			t.Errorf("%x overwrote what follows", s)
		}
	}
}
