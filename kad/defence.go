package kad

// Defence is a set of what keeps adversaries out of the table. [Config] can do without
// them for one purpose: simulations that show what each is for, by an attack that works
// without it. Whoever runs a node so can be eclipsed.
type Defence uint8

// The defences.
const (
	// Diversity bounds the nodes of one network.
	Diversity Defence = 1 << iota
	// Liveness lets nobody into the entries, which are handed to others, who has not
	// answered.
	Liveness
)

func (t *Table) without(d Defence) bool { return t.cfg.Without&d != 0 }
