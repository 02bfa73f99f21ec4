package scenario

import "time"

// Scenario is a network and what happens to it. Shares are of 1.
type Scenario struct {
	Name     string `toml:"name"`
	Question string `toml:"question"` // that the run answers, in a sentence or two

	Nodes     int           `toml:"nodes"` // the bootnodes included; what comes later is not
	Duration  time.Duration `toml:"duration"`
	Seed      uint64        `toml:"seed"`
	Wire      string        `toml:"wire"`      // "struct" or "real": encode, sign and recover
	Every     time.Duration `toml:"every"`     // between two samples
	Bootnodes int           `toml:"bootnodes"` // the first nodes, which all know and which stay
	Join      time.Duration `toml:"join"`      // nodes come evenly over this time
	IPv6      float64       `toml:"ipv6"`      // share of nodes that have an IPv6 address, too

	Protocols Protocols `toml:"protocols"`
	Link      Link      `toml:"link"`
	Regions   Regions   `toml:"regions"`
	NAT       NAT       `toml:"nat"`
	Line      Line      `toml:"line"`
	Addresses Addresses `toml:"addresses"`
	Churn     Churn     `toml:"churn"`
	Server    *Server   `toml:"server"` // nil: discovery alone
	Lookups   Lookups   `toml:"lookups"`
	Events    []Event   `toml:"event"`
	Small     Small     `toml:"small"`

	Adversaries []Adversary `toml:"adversary"`
	Without     string      `toml:"without"` // defences that nodes do without: [sim.ParseDefences]

	Expect        []string `toml:"expect"`
	ExpectWithout []string `toml:"expect_without"` // in its place, if nodes do without defences

	text           string
	mix            string // given in place of the file's
	expects        []Expectation
	expectsWithout []Expectation
}

// Link is that of all nodes: [github.com/kithnet/kith/sim.Link].
type Link struct {
	Latency   time.Duration `toml:"latency"`
	Jitter    time.Duration `toml:"jitter"`
	Tail      time.Duration `toml:"tail"`
	Loss      float64       `toml:"loss"`
	Duplicate float64       `toml:"duplicate"`
}

// Regions says where nodes are, and how long packets take between them.
type Regions struct {
	Preset string      `toml:"preset"`
	Names  []string    `toml:"names"`
	Shares []float64   `toml:"shares"`
	OneWay [][]float64 `toml:"one_way_ms"` // from the one of the row to the one of the column
}

// NAT says which shares of nodes are behind which.
type NAT struct {
	FullCone       float64       `toml:"full_cone"`
	Restricted     float64       `toml:"restricted"`
	PortRestricted float64       `toml:"port_restricted"`
	Symmetric      float64       `toml:"symmetric"`
	Expires        time.Duration `toml:"expires"`
}

func (n NAT) share() float64 { return n.FullCone + n.Restricted + n.PortRestricted + n.Symmetric }

// Line says what the lines of a share of nodes take, in bytes a second.
type Line struct {
	Share float64 `toml:"share"`
	Up    int     `toml:"up"`
	Down  int     `toml:"down"`
}

// Addresses says how nodes share networks: [github.com/kithnet/kith/sim.Clusters].
type Addresses struct {
	Networks float64 `toml:"networks"`
	Skew     float64 `toml:"skew"`
}

// Churn says how a share of nodes comes and goes.
type Churn struct {
	Preset  string  `toml:"preset"`
	Share   float64 `toml:"share"` // default 1, if anything else is given
	Up      *Span   `toml:"up"`
	Down    *Span   `toml:"down"`
	Settled bool    `toml:"settled"` // as if it had gone on for long
}

// Span says how long something takes: one of the distributions.
type Span struct {
	Constant    time.Duration `toml:"constant"`
	Exponential time.Duration `toml:"exponential"` // the mean
	Weibull     float64       `toml:"weibull"`     // the shape, with Scale
	Scale       time.Duration `toml:"scale"`
	LogNormal   float64       `toml:"lognormal"` // the standard deviation of the logarithm, with Median
	Median      time.Duration `toml:"median"`
}

// Server says how nodes connect to others; 0 is package peering's default.
type Server struct {
	MaxPeers   int `toml:"max_peers"`
	DialRatio  int `toml:"dial_ratio"`
	MaxPending int `toml:"max_pending"`
	Want       int `toml:"want"` // how many peers are enough, for the time that it takes; default those that a node dials
}

// Lookups says how often random nodes look random targets up.
type Lookups struct {
	Every time.Duration `toml:"every"` // 0: only at the end
	From  time.Duration `toml:"from"`
	Count int           `toml:"count"` // each time
	Last  int           `toml:"last"`  // at the end; default 200
}

// Event is something that happens once.
type Event struct {
	At     time.Duration `toml:"at"`
	Do     string        `toml:"do"`
	Share  float64       `toml:"share"` // of the nodes; for "crowd" of Nodes
	Count  int           `toml:"count"` // in its place
	Region string        `toml:"region"`
	Over   time.Duration `toml:"over"` // a crowd comes evenly over this time
}

// What events do.
const (
	doLeave  = "leave"  // nodes go without a word
	doReturn = "return" // all those that left come back
	doPart   = "part"   // a share can't reach the others, nor they it
	doHeal   = "heal"
	doCrowd  = "crowd" // new nodes come

	doRestart = "restart" // the adversaries' victim is away for a minute
)

var doings = []string{doLeave, doReturn, doPart, doHeal, doCrowd, doRestart}

// Small is the size at which a run takes a few seconds, for tests.
type Small struct {
	Nodes    int           `toml:"nodes"`
	Duration time.Duration `toml:"duration"`
}

// Text returns the file that the scenario was decoded from.
func (s *Scenario) Text() string { return s.text }
