package kad

// Protocol is a set of discovery protocols, a bit each.
type Protocol uint8

// The protocols.
const (
	V4 Protocol = 1 << iota // Node Discovery v4
	V5                      // Node Discovery v5.1
)

func (p Protocol) String() string {
	names := [...]string{"none", "v4", "v5", "v4 and v5"}
	return names[p&(V4|V5)]
}
