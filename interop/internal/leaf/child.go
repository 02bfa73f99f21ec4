package leaf

import (
	"errors"
	"fmt"

	"github.com/kithnet/kith/interop/internal/child"
)

// A Child is a process with connected peers, seen from the one that started it.
type Child struct{ *child.Process }

// StartChild runs a program that calls Serve on its standard input and output, and
// returns once its peers are connected.
func StartChild(spec Spec, program string, args ...string) (*Child, error) {
	p, err := child.Start(program, args...)
	if err != nil {
		return nil, err
	}
	c := &Child{p}
	var r Report
	if err = c.Encode(spec); err == nil {
		err = c.Decode(&r)
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("leaf: no peers: %w", err)
	}
	return c, nil
}
