package scenario

import (
	"errors"
	"strconv"
	"strings"

	"github.com/kithnet/kith/kad"
)

// Protocols says which versions of Node Discovery nodes speak.
type Protocols struct {
	// Mix is how many in a hundred speak v4 alone, v5 alone, and both: "40:30:30". The
	// default, "100:0:0", is the cheapest to run. In a mix of several the bootnodes speak
	// both.
	Mix string `toml:"mix"`
	// Sessions is how many sessions of v5 a node keeps; 0: the default of package discv5.
	Sessions int `toml:"sessions"`

	shares [3]int
}

// mixOrder is the order of a mix.
var mixOrder = [3]kad.Protocol{kad.V4, kad.V5, kad.V4 | kad.V5}

const (
	defaultMix  = "100:0:0"
	maxSessions = 1 << 20
)

var errMix = errors.New("want three shares of a hundred for v4 alone, v5 alone and both, as 40:30:30")

// ParseMix reads how many in a hundred speak v4 alone, v5 alone, and both: "40:30:30".
func ParseMix(s string) (shares [3]int, err error) {
	parts := strings.Split(s, ":")
	if len(parts) != len(shares) {
		return shares, errMix
	}
	sum := 0
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 100 {
			return shares, errMix
		}
		shares[i] = n
		sum += n
	}
	if sum != 100 {
		return shares, errMix
	}
	return shares, nil
}

func (s *Scenario) completeProtocols() (err error) {
	p := &s.Protocols
	if p.shares, err = ParseMix(p.Mix); err != nil {
		return s.problem("protocols.mix", "%q, %v", p.Mix, err)
	}
	if p.Sessions < 0 || p.Sessions > maxSessions {
		return s.problem("protocols.sessions", "want a number from 0 to %d", maxSessions)
	}
	return nil
}

// alone returns what all nodes speak, 0 if not all speak the same.
func (p *Protocols) alone() kad.Protocol {
	for i, share := range p.shares {
		if share == 100 {
			return mixOrder[i]
		}
	}
	return 0
}

// speaks returns what the i-th node speaks.
func (p *plan) speaks(i int) kad.Protocol {
	mix := &p.s.Protocols
	if all := mix.alone(); all != 0 {
		return all
	}
	if i < p.s.Bootnodes {
		return kad.V4 | kad.V5
	}
	x := float64(p.draw(i, drawProtocol) * 100)
	for k, share := range mix.shares {
		if x -= float64(share); x < 0 {
			return mixOrder[k]
		}
	}
	return kad.V4 | kad.V5
}

// accuracies are the metrics of lookups by what the asker speaks, in the order of a mix.
var accuracies = [3]string{"accuracy_v4", "accuracy_v5", "accuracy_both"}
