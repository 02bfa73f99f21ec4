package interop

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/gethnode"
	"github.com/kithnet/kith/interop/internal/kithnode"
)

// members is how many nodes meet at one of the other implementation.
const members = 10

// findTime bounds how long a member looks for the others. A lookup by
// go-ethereum takes two to three seconds, and a node may join only as it ends.
const findTime = 40 * time.Second

func TestTheirNodesMeetAtOurs(t *testing.T) {
	meet(t, kithnode.Implementation, gethnode.Implementation)
}

func TestOurNodesMeetAtTheirs(t *testing.T) {
	meet(t, gethnode.Implementation, kithnode.Implementation)
}

// meet starts one node of hub and members nodes of guest that know nobody else,
// and lets each of these find all the others by lookups.
func meet(t *testing.T, hub, guest control.Implementation) {
	t.Helper()
	t.Parallel() // mostly waiting
	boot := start(t, hub, nil)
	nodes := make([]control.Node, members)
	keys := make([][64]byte, members)
	for i := range nodes {
		nodes[i] = start(t, guest, []string{boot.URL()})
	}
	for i := range keys {
		key, err := guest.RandomKey()
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	for i, n := range nodes {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			findAll(t, n, nodes, keys[i])
		})
	}
}

func start(t *testing.T, impl control.Implementation, boot []string) control.Node {
	t.Helper()
	n, err := impl.Start(control.V4, netip.AddrFrom4([4]byte{127, 0, 0, 1}), boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// findAll looks for the nodes nearest to key until one lookup has named every
// other node: there are fewer than a lookup returns.
func findAll(t *testing.T, n control.Node, nodes []control.Node, key [64]byte) {
	t.Helper()
	var missing int
	again := time.Tick(50 * time.Millisecond)
	for begin := time.Now(); time.Since(begin) < findTime; {
		found, err := n.Lookup(key)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[[32]byte]bool, len(found))
		for _, id := range found {
			seen[id] = true
		}
		missing = 0
		for _, other := range nodes {
			if other != n && !seen[other.ID()] {
				missing++
			}
		}
		if missing == 0 {
			return
		}
		<-again
	}
	t.Errorf("after %v a lookup finds all but %d of the %d others", findTime, missing, len(nodes)-1)
}
