package interop

import (
	"testing"

	gethenode "github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/enode"
)

func TestURLsAgree(t *testing.T) {
	r := newRandom()
	for range 300 {
		ours, theirs := r.keys(t)
		ip, tcp, udp := r.addr(), r.port(), r.port()
		switch r.IntN(4) {
		case 0:
			udp = tcp
		case 1:
			tcp = 0
		}
		want := gethenode.NewV4(&theirs.PublicKey, ip.AsSlice(), int(tcp), int(udp))
		got := enode.NewV4(ours.Public(), ip, tcp, udp)
		if got.URL() != want.URLv4() {
			t.Fatalf("URL\n%s, go-ethereum's\n%s", got.URL(), want.URLv4())
		}
		if got.ID() != enode.ID(want.ID()) {
			t.Fatalf("%s: ID %v, go-ethereum's %v", got.URL(), got.ID(), want.ID())
		}
		parsed, err := enode.Parse(want.URLv4())
		if err != nil {
			t.Fatal(err)
		}
		theirParsed, err := gethenode.ParseV4(got.URL())
		if err != nil {
			t.Fatal(err)
		}
		if parsed.URL() != theirParsed.URLv4() {
			t.Fatalf("%s is read as\n%s, by go-ethereum as\n%s", got.URL(), parsed.URL(), theirParsed.URLv4())
		}
	}
}

func TestDistancesAgree(t *testing.T) {
	r := newRandom()
	for range 1000 {
		a, b, target := r.hash(), r.hash(), r.hash()
		copy(b[:], a[:r.IntN(32)])
		if got, want := enode.LogDist(a, b), gethenode.LogDist(a, b); got != want {
			t.Fatalf("log distance of %x and %x: %d, go-ethereum's %d", a, b, got, want)
		}
		if got, want := enode.DistCmp(target, a, b), gethenode.DistCmp(target, a, b); got != want {
			t.Fatalf("%x and %x seen from %x: %d, go-ethereum's %d", a, b, target, got, want)
		}
	}
}

func TestURLsOfTheirsAreParsed(t *testing.T) {
	const key = "ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31387574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f"
	for _, url := range []string{
		"enode://" + key + "@127.0.0.1:30303",
		"enode://" + key + "@127.0.0.1:30303?discport=30301",
		"enode://" + key + "@[2001:db8:3c4d:15::abcd:ef12]:52150",
		"enode://" + key + "@10.3.58.6:0?discport=30301",
	} {
		theirs, err := gethenode.ParseV4(url)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := enode.Parse(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if ours.URL() != theirs.URLv4() || ours.URL() != url {
			t.Errorf("%s is read as %s, by go-ethereum as %s", url, ours.URL(), theirs.URLv4())
		}
	}
}
