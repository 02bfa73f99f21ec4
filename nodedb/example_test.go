package nodedb_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/nodedb"
)

func Example() {
	dir, err := os.MkdirTemp("", "nodedb")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "nodes.db")

	db, err := nodedb.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := enode.Parse("enode://" +
		"ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138" +
		"7574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f" +
		"@127.0.0.1:30303")
	if err != nil {
		fmt.Println(err)
		return
	}
	db.Put(nodedb.Entry{Node: node, LastPong: time.Now()})
	fmt.Println(db.Close()) // writes what is not in the file yet

	db, err = nodedb.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, seed := range db.Seeds(rng, 30, time.Now(), 5*24*time.Hour) {
		endpoint, _ := seed.Node.UDPEndpoint()
		fmt.Println(endpoint)
	}
	// Output:
	// <nil>
	// 127.0.0.1:30303
}
