package flood

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A Child is a flooding process seen from the one that started it.
type Child struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	begin   *json.Encoder
	reports *json.Decoder
}

// StartChild runs a program that calls Serve on its standard input and output,
// and returns once its packets are signed.
func StartChild(spec Spec, program string, args ...string) (*Child, error) {
	c := &Child{cmd: exec.Command(program, args...)}
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("flood: start %s: %w", program, err)
	}
	c.stdin, c.begin, c.reports = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	if err := c.begin.Encode(spec); err != nil {
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
	if err := c.begin.Encode(true); err != nil {
		return Report{}, fmt.Errorf("flood: %w", err)
	}
	return c.report()
}

// Close ends the process.
func (c *Child) Close() error {
	c.stdin.Close()
	return c.cmd.Wait()
}

func (c *Child) report() (r Report, err error) {
	if err := c.reports.Decode(&r); err != nil {
		return r, fmt.Errorf("flood: no report: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}
