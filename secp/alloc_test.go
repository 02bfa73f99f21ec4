package secp

import "testing"

// libraryAllocs is what decred's own functions allocate: they invert through
// math/big, and sign through its HMAC.
var libraryAllocs = map[string]float64{"Sign": 29, "Recover": 12, "Verify": 12, "ECDHSigner": 12}

// TestAllocations keeps the operations of the packet path free of allocations of
// our own, for good and for hostile input.
func TestAllocations(t *testing.T) {
	k := mustKey(t, orderM1)
	pub := k.Public()
	hash := Keccak256([]byte("budget"))
	sig := k.Sign(&hash)
	bad := sig
	clear(bad[:32])
	c := pub.Compressed()
	once := oneTime(t, unhex(t, orderM1))
	packet := make([]byte, 1280)
	var h Hasher
	for name, f := range map[string]func(){
		"Sign":                    func() { k.Sign(&hash) },
		"Recover":                 func() { Recover(&hash, &sig) },
		"Recover, refused":        func() { Recover(&hash, &bad) },
		"Verify":                  func() { pub.Verify(&hash, sig[:64]) },
		"ECDH":                    func() { k.ECDH(&pub) },
		"ECDH once":               func() { once.ECDH(&pub) },
		"ECDHSigner":              func() { once.ECDHSigner(&hash, &sig) },
		"ECDHSigner, refused":     func() { once.ECDHSigner(&hash, &bad) },
		"Public once":             func() { once.Public() },
		"ParsePublicKey":          func() { ParsePublicKey(c[:]) },
		"ParsePublicKey, refused": func() { ParsePublicKey(packet[:64]) },
		"Keccak256":               func() { Keccak256(packet) },
		"Keccak256 of parts":      func() { Keccak256(packet[:32], packet[32:97], packet[97:]) },
		"Hasher":                  func() { h.Write(packet); h.Sum() },
	} {
		budget := 0.0
		if Backend == "go" {
			budget = libraryAllocs[name]
		}
		if n := testing.AllocsPerRun(10, f); n > budget {
			t.Errorf("%s: %v allocations, at most %v", name, n, budget)
		}
	}
}
