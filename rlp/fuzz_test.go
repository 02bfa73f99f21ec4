package rlp

import (
	"bytes"
	"testing"
)

var seeds = []string{
	"", "00", "80", "8180", "83646f67", "c0", "c20102", "cc83646f6783676f6483636174", "c7c0c1c0c3c0c1c0",
	"b8386161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
	"bf7fffffffffffffff", "ff8000000000000000", "f90000", "8100", "820001", "c28101",
}

// rebuild encodes anew what it reads from c, item by item.
func rebuild(c *Cursor, out []byte, depth int) []byte {
	for c.More() {
		kind, _ := c.Kind()
		if kind == String {
			out = AppendString(out, c.Bytes())
			continue
		}
		l := c.List()
		off := len(out)
		if depth == 0 {
			out = append(out, l.Rest()...)
		} else if out = rebuild(&l, out, depth-1); l.Err() != nil {
			c.fail(l.Err())
		}
		out = WrapList(out, off)
	}
	return out
}

// FuzzValid checks that what is valid is exactly what the encoder produces, and that
// the cursor and Valid agree.
func FuzzValid(f *testing.F) {
	for _, s := range seeds {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Valid(b)
		c := NewCursor(b)
		out := rebuild(&c, nil, MaxDepth+1)
		if err == nil && (c.Err() != nil || !bytes.Equal(out, b)) {
			t.Errorf("%x is valid, but read and written again it is %x, %v", b, out, c.Err())
		}
		kind, content, rest, splitErr := Split(b)
		if splitErr != nil {
			if err == nil || len(b) > 0 && c.Err() == nil {
				t.Errorf("%x: Split: %v, Valid: %v, Cursor: %v", b, splitErr, err, c.Err())
			}
			return
		}
		var again []byte
		if kind == List {
			again = append(AppendListHeader(nil, len(content)), content...)
		} else {
			again = AppendString(nil, content)
		}
		if again = append(again, rest...); !bytes.Equal(again, b) {
			t.Errorf("%x split and joined is %x", b, again)
		}
	})
}

// FuzzCursor makes reads in an order that the fuzzer picks: none may panic, none may
// go on after an error, and each must shorten what is left.
func FuzzCursor(f *testing.F) {
	for i, s := range seeds {
		f.Add(unhex(f, s), []byte{byte(i), 1, 2, 3, 4, 5, 6, 7})
	}
	f.Fuzz(func(t *testing.T, b, reads []byte) {
		c := NewCursor(b)
		dst := make([]byte, 4)
		for _, r := range reads {
			before, err := len(c.Rest()), c.Err()
			switch r % 8 {
			case 0:
				v := c.Uint64()
				if c.Err() == nil && UintSize(v) != before-len(c.Rest()) {
					t.Errorf("%d was read from %d bytes", v, before-len(c.Rest()))
				}
			case 1:
				c.Uint16()
			case 2:
				c.Bytes()
			case 3:
				c.Fixed(dst)
			case 4:
				c.Skip()
			case 5:
				c.Raw()
			case 6:
				if l := c.List(); c.Err() == nil {
					c = l
				}
			case 7:
				c.Kind()
				continue
			}
			if len(c.Rest()) >= before && before > 0 {
				t.Fatalf("%x: read %d consumed nothing", b, r%8)
			}
			if err != nil && c.Err() != err || before == 0 && c.Err() == nil {
				t.Fatalf("%x: %v became %v", b, err, c.Err())
			}
		}
	})
}
