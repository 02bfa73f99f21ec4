package rlp

import "math/bits"

// AppendUint appends v as an integer: big endian without leading zeros, so that
// 0 is the empty string. It adds 1 to 9 bytes.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(b, stringBase)
	case v < stringBase:
		return append(b, byte(v))
	}
	return appendSize(b, stringBase, v)
}

// AppendString appends s as a byte string.
func AppendString[T ~string | ~[]byte](b []byte, s T) []byte {
	if len(s) != 1 || s[0] >= stringBase {
		b = AppendStringHeader(b, len(s))
	}
	return append(b, s...)
}

// AppendStringHeader appends the header of a byte string of the given size in
// bytes; the caller appends the bytes. It is only for sizes other than 1: a single
// byte below 0x80 has no header.
func AppendStringHeader(b []byte, size int) []byte {
	return appendHeader(b, stringBase, size)
}

// AppendListHeader appends the header of a list whose items take size bytes
// together; the caller appends the items.
func AppendListHeader(b []byte, size int) []byte {
	return appendHeader(b, listBase, size)
}

// WrapList makes the items in b[off:] the content of one list: it inserts the
// list's header at off and shifts the items behind it. It returns the longer
// buffer. off must lie in 0..len(b).
func WrapList(b []byte, off int) []byte {
	size := len(b) - off
	var header [9]byte
	h := AppendListHeader(header[:0], size)
	b = append(b, h...)
	copy(b[off+len(h):], b[off:off+size])
	copy(b[off:], h)
	return b
}

// UintSize returns how many bytes [AppendUint] adds for v: 1 to 9.
func UintSize(v uint64) int {
	if v < stringBase {
		return 1
	}
	return 1 + byteLen(v)
}

// StringSize returns how many bytes [AppendString] adds for s.
func StringSize[T ~string | ~[]byte](s T) int {
	if len(s) == 1 && s[0] < stringBase {
		return 1
	}
	return ListSize(len(s))
}

// ListSize returns how many bytes a list takes, header included, whose items
// take size bytes together.
func ListSize(size int) int {
	if size <= maxShort {
		return 1 + size
	}
	return 1 + byteLen(uint64(size)) + size
}

// appendHeader appends a header of the kind that base stands for. The long form's
// first bytes follow those of the short form, 55 sizes later.
func appendHeader(b []byte, base byte, size int) []byte {
	if size <= maxShort {
		return append(b, base+byte(size))
	}
	return appendSize(b, base+maxShort, uint64(size))
}

// appendSize appends base plus the length of v in bytes, then v.
func appendSize(b []byte, base byte, v uint64) []byte {
	n := byteLen(v)
	b = append(b, base+byte(n))
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// byteLen returns the length of v in bytes without leading zeros.
func byteLen(v uint64) int { return (bits.Len64(v) + 7) / 8 }
