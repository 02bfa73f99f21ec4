package flood

import (
	"errors"
	"fmt"

	"github.com/kithnet/kith/interop/internal/child"
)

// A Child is a flooding process seen from the one that started it.
type Child struct{ *child.Process }

// StartChild runs a program that calls Serve on its standard input and output,
// and returns once its packets are signed.
func StartChild(spec Spec, program string, args ...string) (*Child, error) {
	p, err := child.Start(program, args...)
	if err != nil {
		return nil, err
	}
	c := &Child{p}
	if err := c.Encode(spec); err != nil {
		c.Close()
		return nil, fmt.Errorf("flood: %w", err)
	}
	if r, err := c.report(); err != nil || !r.Ready {
		c.Close()
		return nil, fmt.Errorf("flood: not ready: %w", err)
	}
	return c, nil
}

// Run floods, and reports when it is over.
func (c *Child) Run() (Report, error) {
	if err := c.Encode(true); err != nil {
		return Report{}, fmt.Errorf("flood: %w", err)
	}
	return c.report()
}

func (c *Child) report() (r Report, err error) {
	if err := c.Decode(&r); err != nil {
		return r, fmt.Errorf("flood: no report: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}
