package sim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// Clusters says how hosts share networks: IPv4 /24s and IPv6 /48s, which are what
// address limits count by. The zero value gives each host a network of its own.
type Clusters struct {
	// Networks is how many networks there are for each host, above 0 and up to 1.
	Networks float64
	// Skew is the exponent of Zipf's law: the k-th largest network has a share of
	// the hosts that is proportional to 1/k^Skew. 0: all networks are as large.
	Skew float64
}

// inNetwork bounds the hosts of a network: the addresses of a /24.
const inNetwork = 254

// firstNetwork is the /24 from which networks are numbered: that of [OwnNetwork].
const firstNetwork = 20 << 16

// Addresses returns addresses for n hosts, all different, drawn from the seed alone. ok
// is false if there is no room for so many, or a number of c is none or out of bounds.
func (c Clusters) Addresses(seed uint64, n int) (list []netip.AddrPort, ok bool) {
	nets, ok := c.assign(seed, n)
	if !ok {
		return nil, false
	}
	list = make([]netip.AddrPort, n)
	used := make([]int, len(nets.sizes))
	for i, net := range nets.of {
		used[net]++
		at := uint32(firstNetwork+net)<<8 | uint32(used[net])
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], at)
		list[i] = netip.AddrPortFrom(netip.AddrFrom4(a), simPort)
	}
	return list, true
}

// Addresses6 is Addresses with IPv6 addresses.
func (c Clusters) Addresses6(seed uint64, n int) (list []netip.AddrPort, ok bool) {
	nets, ok := c.assign(seed, n)
	if !ok {
		return nil, false
	}
	list = make([]netip.AddrPort, n)
	for i, net := range nets.of {
		a := [16]byte{0x2a, 0x00, 15: 1} // 2a00::/12 is in use on the Internet: no rule treats it as special
		binary.BigEndian.PutUint32(a[2:6], uint32(net))
		binary.BigEndian.PutUint32(a[8:12], uint32(i))
		list[i] = netip.AddrPortFrom(netip.AddrFrom16(a), simPort)
	}
	return list, true
}

const simPort = 30303

// networks is which host is in which network.
type networks struct {
	of    []int
	sizes []int
}

func (c Clusters) assign(seed uint64, n int) (nets networks, ok bool) {
	if !(c.Networks <= 1 && c.Skew >= 0) || math.IsInf(c.Skew, 1) || n < 0 {
		return nets, false
	}
	count := n
	if c.Networks > 0 {
		count = max(1, int(math.Round(float64(c.Networks*float64(n)))))
	}
	if count > n && n > 0 || n > count*inNetwork || count > 1<<22 {
		return nets, false
	}
	nets.sizes = make([]int, count)
	if c.Networks <= 0 || count == n {
		for i := range n {
			nets.of = append(nets.of, i)
		}
		return nets, true
	}
	rng := rand.New(rand.NewPCG(seed, 0xadd7))
	// Which network is the largest has nothing to do with its number: neighbours in
	// number are not alike.
	order := rng.Perm(count)
	sums := make([]float64, count)
	sum := 0.0
	for k := range sums {
		sum += pow(float64(k+1), -c.Skew)
		sums[k] = sum
	}
	for range n {
		k, _ := slices.BinarySearch(sums, float64(rng.Float64()*sum))
		k = min(k, count-1)
		for nets.sizes[order[k]] >= inNetwork { // the next largest takes what does not fit
			k = (k + 1) % count
		}
		nets.sizes[order[k]]++
		nets.of = append(nets.of, order[k])
	}
	return nets, true
}
