package enr_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

// The example record of EIP-778, made and read again.
func Example() {
	b, _ := hex.DecodeString("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
	key, err := secp.ParsePrivateKey(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := new(enr.Builder).SetIP(netip.MustParseAddr("127.0.0.1")).SetUDP(30303).Sign(key, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r)

	r, err = enr.Parse(r.String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("version", r.Seq(), "at", netip.AddrPortFrom(r.IP(), r.UDP()))
	for key, value := range r.Pairs() {
		fmt.Printf("%s = %x\n", key, value)
	}
	// Output:
	// enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8
	// version 1 at 127.0.0.1:30303
	// id = 827634
	// ip = 847f000001
	// secp256k1 = a103ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138
	// udp = 82765f
}
