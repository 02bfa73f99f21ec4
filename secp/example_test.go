package secp_test

import (
	"fmt"
	"strings"

	"github.com/kithnet/kith/secp"
)

// The sender of a signed message is found by its signature alone, as in discovery
// v4, where a packet carries no sender's key.
func Example() {
	key, err := secp.ReadKey(strings.NewReader("thirty-two bytes of no randomness"))
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := secp.Keccak256([]byte("a "), []byte("message"))
	sig := key.Sign(&hash)

	sender, err := secp.Recover(&hash, &sig)
	fmt.Println(sender == key.Public(), err)
	fmt.Println(sender.Verify(&hash, sig[:64]))
	fmt.Println(key)
	// Output:
	// true <nil>
	// true
	// [private key]
}
