package rlp_test

import (
	"fmt"

	"github.com/kithnet/kith/rlp"
)

// A record of a name and two numbers, written and read.
func Example() {
	var b []byte
	b = rlp.AppendString(b, "kith")
	numbers := len(b)
	b = rlp.AppendUint(b, 5)
	b = rlp.AppendUint(b, 1024)
	b = rlp.WrapList(b, numbers)
	b = rlp.WrapList(b, 0)
	fmt.Printf("%x\n", b)

	c := rlp.NewCursor(b)
	record := c.List()
	name := record.Bytes()
	list := record.List()
	x, y := list.Uint64(), list.Uint16()
	fmt.Printf("%s %d %d\n", name, x, y)
	fmt.Println(list.End(), record.End(), c.End())
	// Output:
	// ca846b697468c405820400
	// kith 5 1024
	// <nil> <nil> <nil>
}

// An error is kept until it is asked for.
func ExampleCursor() {
	c := rlp.NewCursor([]byte{0x82, 0x00, 0x01}) // the number 1 with a leading zero
	n := c.Uint64()
	s := c.Bytes()
	fmt.Println(n, s, c.Err())
	// Output:
	// 0 [] rlp: non-canonical integer (leading zeros)
}
