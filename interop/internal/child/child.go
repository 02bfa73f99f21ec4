// Package child starts processes that are talked to in JSON over their standard
// input and output.
package child

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Process is one of them, seen from the process that started it.
type Process struct {
	*json.Encoder // what it reads
	*json.Decoder // what it writes

	cmd   *exec.Cmd
	stdin io.Closer
}

// Start starts a program. Its standard error is this process's.
func Start(program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("child: start %s: %w", program, err)
	}
	return &Process{json.NewEncoder(stdin), json.NewDecoder(stdout), cmd, stdin}, nil
}

// Close ends the process by closing its standard input, and waits for it.
// A process that does not end by itself within ten seconds is killed.
func (p *Process) Close() error {
	p.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}
