package enode_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

func Example() {
	n, err := enode.Parse("enode://1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace24351232b8d7821617d2b29b54b81cdefb9b3e9c37d7fd5f63270bcc9e1a6f6a439@192.0.2.7:30303?discport=30301")
	if err != nil {
		fmt.Println(err)
		return
	}
	udp, _ := n.UDPEndpoint()
	fmt.Println(n.ID().Short(), "is found at", udp)
	fmt.Println("distance to zero:", enode.LogDist(n.ID(), enode.ID{}))

	_, err = enode.Parse("enode://1dd9@192.0.2.7:30303")
	fmt.Println(err)
	// Output:
	// 3431c393 is found at 192.0.2.7:30301
	// distance to zero: 254
	// enode: node URL: public key "1dd9" has 4 hex digits, want 128
}

func ExampleLocalNode() {
	b, _ := hex.DecodeString("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
	key, err := secp.ParsePrivateKey(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	ln := enode.NewLocalNode(key, nil)
	ln.SetFallbackUDP(30303)
	ln.Set("greeting", rlp.AppendString(nil, "hello"))
	fmt.Println("version", ln.Seq(), "at", ln.Node().IP())

	// Peers in three networks say where they see us.
	for _, voice := range []string{"198.51.100.1", "203.0.113.1", "192.0.2.1"} {
		ln.AddStatement(time.Now(), netip.MustParseAddr(voice), netip.MustParseAddrPort("8.8.4.4:30303"))
	}
	fmt.Println("version", ln.Seq(), "at", ln.Node().IP())
	// Output:
	// version 1 at invalid IP
	// version 2 at 8.8.4.4
}
