package interop

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How many tests go-ethereum's suites for Node Discovery v4 and v5 have in the version
// that this module requires.
const (
	conformanceTestsV4 = 15
	conformanceTestsV5 = 10
)

// TestConformance runs go-ethereum's own conformance suites, devp2p discv4 test and
// devp2p discv5 test, at the same time against one kith node, and then its devp2p rlpx
// ping.
func TestConformance(t *testing.T) {
	dir := t.TempDir()
	devp2p := build(t, ".", filepath.Join(dir, "devp2p"), "github.com/ethereum/go-ethereum/cmd/devp2p")
	kith := build(t, "..", filepath.Join(dir, "kith"), "./cmd/kith")
	url, record := startTool(t, kith, "node",
		"--addr", "127.0.0.1", "--port", "0", "--datadir", filepath.Join(dir, "data"), "--echo")

	v4 := exec.Command(devp2p, "discv4", "test", "--tap", "--remote", url, "--listen1", "127.0.0.1", "--listen2", "127.0.0.2")
	v5 := exec.Command(devp2p, "discv5", "test", "--tap", "--listen1", "127.0.0.1", "--listen2", "127.0.0.2", record)
	var wg sync.WaitGroup
	wg.Go(func() { passes(t, v4, conformanceTestsV4) })
	wg.Go(func() { passes(t, v5, conformanceTestsV5) })
	wg.Wait()
	out, err := exec.Command(devp2p, "rlpx", "ping", url).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Name:kith/") || !strings.Contains(string(out), "Caps:[echo/1]") {
		t.Errorf("devp2p rlpx ping: %v\n%s", err, out)
	}
}

// passes runs a suite, all of whose tests must pass.
func passes(t *testing.T, suite *exec.Cmd, tests int) {
	out, err := suite.CombinedOutput()
	passed := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok ") {
			passed++
		}
	}
	if err != nil || passed != tests {
		t.Errorf("%s: %d of %d tests passed, %v:\n%s", suite.Args[1], passed, tests, err, out)
	}
}

// build builds a command, with the dependencies of the module in dir.
func build(t *testing.T, dir, program, pkg string) string {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return program
}

// startTool starts kith as a process that ends with the test, and returns the
// enode URL and the record that it prints first.
func startTool(t *testing.T, program string, args ...string) (url, record string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	// Nothing of the user's settings is to be read or written.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	lines := bufio.NewReader(stdout)
	url, readErr := lines.ReadString('\n')
	if readErr == nil {
		record, readErr = lines.ReadString('\n')
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		io.Copy(io.Discard, lines)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		timer.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s %s: %v\n%s", filepath.Base(program), args[0], err, &stderr)
		}
	})
	url, record = strings.TrimSpace(url), strings.TrimSpace(record)
	if readErr != nil || !strings.HasPrefix(url, "enode://") {
		t.Fatalf("the first line of %s %s is %q, %v\n%s", filepath.Base(program), args[0], url, readErr, &stderr)
	}
	return url, record
}
