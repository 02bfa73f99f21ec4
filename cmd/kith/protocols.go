package main

import (
	"errors"

	"github.com/kithnet/kith/kad"
)

// nodeProtocols say which versions of discovery a node speaks.
type nodeProtocols struct{ v4, v5 bool }

func (f *nodeProtocols) define(fs *flagSet) {
	f.v4, f.v5 = true, true
	fs.boolean(&f.v4, "discovery.v4", "speak Node Discovery v4")
	fs.boolean(&f.v5, "discovery.v5", "speak Node Discovery v5, on the same port")
}

// set returns the protocols. A node without any is one with --nodiscover.
func (f *nodeProtocols) set() (p kad.Protocol, err error) {
	if f.v4 {
		p |= kad.V4
	}
	if f.v5 {
		p |= kad.V5
	}
	if p == 0 {
		return 0, usageError{errors.New("--discovery.v4 and --discovery.v5 are both off: that is --nodiscover")}
	}
	return p, nil
}

// askProtocols say by which version of discovery to ask.
type askProtocols struct{ v4, v5 bool }

func (f *askProtocols) define(fs *flagSet) {
	fs.boolean(&f.v4, "v4", "ask by Node Discovery v4 only")
	fs.boolean(&f.v5, "v5", "ask by Node Discovery v5 only")
}

// set returns the protocols: all, unless one is asked for.
func (f *askProtocols) set() (kad.Protocol, error) {
	switch {
	case f.v4 && f.v5:
		return 0, usageError{errors.New("--v4 and --v5 exclude each other: without them both are tried")}
	case f.v4:
		return kad.V4, nil
	case f.v5:
		return kad.V5, nil
	}
	return kad.V4 | kad.V5, nil
}
