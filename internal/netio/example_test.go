package netio_test

import (
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/internal/netio"
)

func Example() {
	conn, err := netio.Listen(netip.MustParseAddrPort("127.0.0.1:0"), netio.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	to := conn.LocalAddr()
	sent, err := conn.WriteBatch([]netio.Packet{
		{Data: []byte("ping"), Addr: to},
		{Data: []byte("pong"), Addr: to},
	})
	fmt.Println(sent, err)

	for left := 2; left > 0; {
		batch, err := conn.ReadBatch()
		if err != nil {
			fmt.Println(err)
			return
		}
		for i := range batch.Len() {
			p := batch.Packet(i)
			fmt.Printf("%s, from itself: %t\n", p.Data, p.Addr == to)
		}
		left -= batch.Len()
		batch.Release()
	}
	// Output:
	// 2 <nil>
	// ping, from itself: true
	// pong, from itself: true
}
