package enode

import (
	"cmp"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func randomID(rng *rand.Rand) (id ID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}

func (id ID) big() *big.Int { return new(big.Int).SetBytes(id[:]) }

func TestDistances(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		target, a, b := randomID(rng), randomID(rng), randomID(rng)
		// Let a share a prefix with the target, of any length in bits.
		if n := rng.IntN(257); n > 0 {
			keep := n / 8
			copy(a[:keep], target[:keep])
			if keep < len(a) {
				mask := byte(0xff) << (8 - n%8)
				a[keep] = target[keep]&mask | a[keep]&^mask
			}
		}
		da := new(big.Int).Xor(target.big(), a.big())
		db := new(big.Int).Xor(target.big(), b.big())
		if Xor(target, a).big().Cmp(da) != 0 {
			t.Fatalf("Xor(%v, %v) = %v", target, a, Xor(target, a))
		}
		if d := LogDist(target, a); d != da.BitLen() || d != LogDist(a, target) {
			t.Fatalf("LogDist(%v, %v) = %d, want %d", target, a, d, da.BitLen())
		}
		if c := DistCmp(target, a, b); cmp.Compare(c, 0) != da.Cmp(db) {
			t.Fatalf("DistCmp(%v, %v, %v) = %d, want %d", target, a, b, c, da.Cmp(db))
		}
		if DistCmp(target, a, a) != 0 || LogDist(a, a) != 0 {
			t.Fatal("an ID is apart from itself")
		}
	}
	if d := LogDist(ID{}, ID{0: 0x80}); d != 256 {
		t.Errorf("the largest distance is %d", d)
	}
	if d := LogDist(ID{}, ID{31: 1}); d != 1 {
		t.Errorf("the smallest distance is %d", d)
	}
}

func TestParseID(t *testing.T) {
	const s = "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7"
	for _, text := range []string{s, "0x" + s, strings.ToUpper(s)} {
		id, err := ParseID(text)
		if err != nil || id.String() != s || id.Short() != "a448f24c" {
			t.Errorf("ParseID(%q) = %v, %v", text, id, err)
		}
	}
	for text, want := range map[string]string{
		"":                       `node ID "" has 0 hex digits, want 64`,
		s[1:]:                    "has 63 hex digits, want 64",
		s + "00":                 "has 66 hex digits, want 64",
		"0x0x" + s[4:]:           `has 'x' at position 2, which is no hex digit`,
		"g" + s[1:]:              `has 'g' at position 1, which is no hex digit`,
		s[:63] + " ":             `has ' ' at position 64, which is no hex digit`,
		strings.Repeat("a", 1e6): "has 1000000 hex digits, want 64",
	} {
		if _, err := ParseID(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseID(%.80q): error is %v, want %s", text, err, want)
		}
	}
}

func TestIDText(t *testing.T) {
	id := ID{0: 0xab, 31: 1}
	b, err := json.Marshal(map[string]ID{"id": id})
	if err != nil || string(b) != `{"id":"`+id.String()+`"}` {
		t.Fatalf("JSON is %s, %v", b, err)
	}
	var back map[string]ID
	if err := json.Unmarshal(b, &back); err != nil || back["id"] != id {
		t.Errorf("JSON read again is %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"id":"ab"}`), &back); err == nil {
		t.Error("accepted a short ID in JSON")
	}
}
