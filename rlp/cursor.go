package rlp

// Cursor walks over a sequence of items. The zero value is a cursor over nothing.
//
// Its error is sticky: after the first failed read every further read returns a
// zero value, so that a caller can read all its fields and ask [Cursor.Err] or
// [Cursor.End] once. It is a plain value: copying it makes an independent cursor at
// the same place. What its methods return shares the memory of the input.
type Cursor struct {
	b   []byte
	err error
}

// NewCursor returns a cursor over b, a sequence of items without a header. For a
// buffer that holds one list, enter it: c := NewCursor(b); l := c.List().
func NewCursor(b []byte) Cursor { return Cursor{b: b} }

// fail keeps the first error and drops the rest of the input.
func (c *Cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.b = nil
}

// next consumes the next item, which must be of kind want, and returns its
// content; nil after an error.
func (c *Cursor) next(want Kind) []byte {
	if c.err != nil {
		return nil
	}
	kind, start, end, err := span(c.b)
	switch {
	case err != nil:
		c.fail(err)
	case kind == want:
		content := c.b[start:end:end]
		c.b = c.b[end:]
		return content
	case want == List:
		c.fail(ErrNotList)
	default:
		c.fail(ErrNotString)
	}
	return nil
}

// List consumes the next item, which must be a list, and returns a cursor over the
// list's items. An error in the list stays in the cursor over it; on an error of c
// the returned cursor has it too.
func (c *Cursor) List() Cursor {
	content := c.next(List)
	return Cursor{content, c.err}
}

// Bytes consumes the next item, which must be a byte string, and returns it
// without a copy. It is nil only after an error.
func (c *Cursor) Bytes() []byte { return c.next(String) }

// Fixed consumes the next item, which must be a byte string exactly as long as
// dst, and copies it there. After an error dst is unchanged.
func (c *Cursor) Fixed(dst []byte) {
	s := c.next(String)
	if c.err != nil {
		return
	}
	if len(s) != len(dst) {
		c.fail(ErrLength)
		return
	}
	copy(dst, s)
}

// Uint64 consumes the next item, which must be an integer below 2^64.
func (c *Cursor) Uint64() uint64 { return c.uint(8) }

// Uint16 consumes the next item, which must be an integer below 2^16.
func (c *Cursor) Uint16() uint16 { return uint16(c.uint(2)) }

// uint consumes an integer of at most size bytes.
func (c *Cursor) uint(size int) uint64 {
	s := c.next(String)
	switch {
	case len(s) == 0: // zero, or an error
		return 0
	case s[0] == 0:
		c.fail(ErrCanonicalInt)
		return 0
	case len(s) > size:
		c.fail(ErrIntSize)
		return 0
	}
	return beUint(s)
}

// Raw consumes the next item and returns it whole, with its header. The items
// inside a list are not looked at.
func (c *Cursor) Raw() []byte {
	if c.err != nil {
		return nil
	}
	_, _, end, err := span(c.b)
	if err != nil {
		c.fail(err)
		return nil
	}
	item := c.b[:end:end]
	c.b = c.b[end:]
	return item
}

// Skip consumes the next item. The items inside a list are not looked at.
func (c *Cursor) Skip() { c.Raw() }

// Kind returns the kind of the next item without consuming it. ok is false at the
// end and after an error.
func (c *Cursor) Kind() (kind Kind, ok bool) {
	if !c.More() {
		return 0, false
	}
	if c.b[0] >= listBase {
		return List, true
	}
	return String, true
}

// More reports whether there is a next item, good or bad. It is false after an
// error, so that "for c.More()" always ends.
func (c *Cursor) More() bool { return c.err == nil && len(c.b) > 0 }

// Rest returns what hasn't been consumed; nil after an error.
func (c *Cursor) Rest() []byte { return c.b }

// Err returns the first error, nil if there was none.
func (c *Cursor) Err() error { return c.err }

// End returns the first error, or [ErrTrailing] if items remain.
func (c *Cursor) End() error {
	if c.err == nil && len(c.b) > 0 {
		return ErrTrailing
	}
	return c.err
}
