package rlp

// MaxDepth is how deep [Valid] follows lists in lists. No message of Ethereum's
// protocols nests deeper than about ten; the bound keeps a hostile input from
// using the stack in proportion to its length.
const MaxDepth = 64

// Split splits b after its first item. content is the item without its header
// (for a list: the items, one after the other) and rest what follows; both share
// b's memory. The items inside a list are not looked at. Errors: [ErrEnd] when b is
// empty, [ErrTruncated], [ErrCanonicalSize].
func Split(b []byte) (kind Kind, content, rest []byte, err error) {
	kind, start, end, err := span(b)
	if err != nil {
		return 0, nil, nil, err
	}
	return kind, b[start:end:end], b[end:], nil
}

// Valid reports whether b is exactly one item in canonical form, through all
// levels of its lists. Errors: those of [Split], [ErrTrailing], [ErrDepth].
func Valid(b []byte) error {
	kind, content, rest, err := Split(b)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return ErrTrailing
	}
	if kind == List {
		return validItems(content, 1)
	}
	return nil
}

// validItems checks the items of a list at the given depth.
func validItems(b []byte, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	for len(b) > 0 {
		kind, content, rest, err := Split(b)
		if err != nil {
			return err
		}
		if kind == List {
			if err := validItems(content, depth+1); err != nil {
				return err
			}
		}
		b = rest
	}
	return nil
}

// span reads the header of b's first item: its content is b[start:end].
func span(b []byte) (kind Kind, start, end int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, ErrEnd
	}
	first := b[0]
	switch {
	case first < stringBase:
		return String, 0, 1, nil
	case first <= stringLongBase:
		end = 1 + int(first-stringBase)
		if end == 2 && len(b) > 1 && b[1] < stringBase {
			return 0, 0, 0, ErrCanonicalSize // it stands for itself
		}
		kind, start = String, 1
	case first < listBase:
		kind = String
		start, end, err = longSpan(b, int(first-stringLongBase))
	case first <= listLongBase:
		kind, start, end = List, 1, 1+int(first-listBase)
	default:
		kind = List
		start, end, err = longSpan(b, int(first-listLongBase))
	}
	if err == nil && end > len(b) {
		err = ErrTruncated
	}
	if err != nil {
		return 0, 0, 0, err
	}
	return kind, start, end, nil
}

// longSpan reads a size of n bytes that follows the first byte of b.
func longSpan(b []byte, n int) (start, end int, err error) {
	if len(b) < 1+n {
		return 0, 0, ErrTruncated
	}
	size := beUint(b[1 : 1+n])
	if b[1] == 0 || size <= maxShort {
		return 0, 0, ErrCanonicalSize
	}
	if size > uint64(len(b)-1-n) { // before the conversion: size can exceed int
		return 0, 0, ErrTruncated
	}
	return 1 + n, 1 + n + int(size), nil
}

// beUint returns the big-endian integer in b, which has at most 8 bytes.
func beUint(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
