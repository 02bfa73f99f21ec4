package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/interop/internal/control"
)

// The sides' indices.
const (
	geth = iota
	kith
	sideCount
)

var sideNames = [sideCount]string{"geth", "kith"}

// A side is one of the implementations compared.
type side struct {
	index    int
	program  string // what serves its nodes
	profiles string // folder for CPU profiles; empty: none
}

func (s side) name() string { return sideNames[s.index] }

// serve starts a process for the side's nodes. The work's name is that of the
// profile, which the last of several processes for the same work leaves.
func (s side) serve(work string) (*control.Child, error) {
	if s.profiles == "" {
		return control.StartChild(s.program)
	}
	file := filepath.Join(s.profiles, s.name()+"-"+strings.ReplaceAll(work, " ", "-")+".pprof")
	return control.StartChild(s.program, "-"+control.ProfileFlag, file)
}

// buildSides builds the programs that serve nodes into dir, with the settings
// that this program was built with. They are separate programs so that neither
// implementation's start-up, memory or C library is in the other's process: the
// two C libraries have the same symbols, and in one program one would win.
func buildSides(dir string, o options) ([]side, error) {
	var sides []side
	for i, name := range sideNames {
		if o.side != "both" && o.side != name {
			continue
		}
		program := filepath.Join(dir, "serve-"+name)
		cmd := exec.Command("go", "build", "-tags", buildTags(), "-o", program,
			"github.com/kithnet/kith/interop/serve/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+buildSetting("CGO_ENABLED"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build serve/%s (is this run in the interop module's folder?): %w\n%s",
				name, err, strings.TrimSpace(string(out)))
		}
		sides = append(sides, side{i, program, o.profiles})
	}
	if len(sides) == 0 {
		return nil, fmt.Errorf("-side %q: want geth, kith or both", o.side)
	}
	return sides, nil
}

// A server is one served node.
type server struct {
	*control.Child
	node *enode.Node
	addr netip.AddrPort
}

// startServer starts a process with one node that knows no other.
func (v *protocol) startServer(s side, work string) (*server, error) {
	child, err := s.serve(v.prefix + work)
	if err != nil {
		return nil, err
	}
	urls, err := child.Start(v.version, 1)
	if err != nil {
		return nil, errors.Join(err, child.Close())
	}
	n, err := enode.Parse(urls[0])
	if err != nil {
		return nil, errors.Join(err, child.Close())
	}
	addr, ok := n.UDPEndpoint()
	if !ok || !addr.Addr().IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s: %s has no endpoint on loopback", s.name(), urls[0]), child.Close())
	}
	return &server{child, n, addr}, nil
}
