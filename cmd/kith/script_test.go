package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestScripts carries out testdata/*.txt. A line there is one of:
//
//	# comment
//	write FILE TEXT       make a file; \n in TEXT is a line's end
//	mkdir DIR
//	stdin TEXT            for the next command
//	kith ARGS             run a command, which must exit with 0
//	kith[N] ARGS          run a command, which must exit with N
//	out REGEXP            the last command's standard output matches; !out: does not
//	err REGEXP            the same for standard error
//	set VAR REGEXP        VAR is the first group of the match in standard output
//	start NAME ARGS       run "kith node ARGS" until stopped; $NAME is its
//	                      URL, $NAME_ENR its record, $NAME_ID and $NAME_PORT
//	await NAME out|err REGEXP   wait until the node has printed that
//	stop NAME             end the node, which must exit with 0
//	same A B              two texts are equal; !same: are not
//	exists FILE           !exists: there is no such file
//	mode FILE OCTAL       the file's permissions
//
// ARGS are split at spaces, except in "double quotes". $VAR is replaced; $WORK
// is an empty folder. Names ending in .test resolve to 127.0.0.1, no others do.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newScript(t)
			for i, line := range strings.Split(string(text), "\n") {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				if err := s.do(line); err != nil {
					t.Fatalf("%s:%d: %s\n%v\nstdout: %s\nstderr: %s", file, i+1, line, err, tail(s.out), tail(s.err))
				}
			}
		})
	}
}

// patience is how long a script waits for what must happen.
const patience = 30 * time.Second

type script struct {
	ctx      context.Context
	vars     map[string]string
	nodes    map[string]*background
	out, err *logBuffer
	stdin    string
}

func newScript(t *testing.T) *script {
	work := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(work, "config"))
	t.Setenv("HOME", work)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	s := &script{ctx: ctx, vars: map[string]string{"WORK": work}, nodes: make(map[string]*background),
		out: newLogBuffer(), err: newLogBuffer()}
	t.Cleanup(func() {
		cancel()
		for _, b := range s.nodes {
			<-b.done
		}
	})
	return s
}

func (s *script) app(stdin string, out, err io.Writer) *app {
	return &app{stdin: strings.NewReader(stdin), stdout: &output{w: out}, stderr: err,
		resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if strings.HasSuffix(host, ".test") {
				return []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")}, nil
			}
			return nil, errors.New("no such host")
		}}
}

// do carries out one line.
func (s *script) do(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	verb, negated := strings.CutPrefix(verb, "!")
	var pattern string // regular expressions keep their $ and quotes
	switch verb {
	case "out", "err":
		pattern, rest = rest, ""
	case "set", "await":
		i := strings.Index(rest, " ")
		if verb == "await" {
			i += len(" out")
		}
		rest, pattern = rest[:i], strings.TrimSpace(rest[i:])
	}
	args, err := s.words(rest)
	if err != nil {
		return err
	}
	if verb == "out" || verb == "err" {
		b := s.out
		if verb == "err" {
			b = s.err
		}
		return expect(b.match(s.expandPattern(pattern)) == nil == negated, "no such output, or output that must not be")
	}
	if code, ok := strings.CutPrefix(verb, "kith"); ok {
		n, _ := strconv.Atoi(strings.Trim(code, "[]"))
		return s.kith(n, args)
	}
	switch verb {
	case "write":
		return os.WriteFile(args[0], []byte(strings.ReplaceAll(strings.Join(args[1:], " "), `\n`, "\n")), 0o644)
	case "mkdir":
		return os.MkdirAll(args[0], 0o755)
	case "stdin":
		s.stdin = strings.ReplaceAll(strings.Join(args, " "), `\n`, "\n")
		return nil
	case "set":
		m := s.out.match(pattern)
		if m == nil {
			return errors.New("no match")
		}
		s.vars[args[0]] = m[1]
		return nil
	case "same":
		return expect((args[0] == args[1]) != negated, fmt.Sprintf("%q, %q", args[0], args[1]))
	case "exists":
		_, err := os.Lstat(args[0])
		return expect((err == nil) != negated, "file")
	case "mode":
		info, err := os.Stat(args[0])
		if err != nil {
			return err
		}
		return expect(fmt.Sprintf("%o", info.Mode().Perm()) == args[1], info.Mode().String())
	case "start":
		return s.start(args[0], args[1:])
	case "await":
		return s.nodes[args[0]].await(s.ctx, args[1], pattern)
	case "stop":
		return s.stop(args[0])
	}
	return fmt.Errorf("unknown verb %q", verb)
}

func expect(ok bool, what string) error {
	if !ok {
		return errors.New("not so: " + what)
	}
	return nil
}

// words splits a line and replaces variables.
func (s *script) words(line string) (list []string, err error) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	for i := range list {
		list[i] = os.Expand(list[i], func(name string) string {
			v, ok := s.vars[name]
			if !ok {
				err = fmt.Errorf("unknown variable %s", name)
			}
			return v
		})
	}
	return list, err
}

var patternVar = regexp.MustCompile(`\$[A-Z][A-Z_]*`)

// expandPattern replaces variables in a regular expression by their quoted value.
func (s *script) expandPattern(pattern string) string {
	return patternVar.ReplaceAllStringFunc(pattern, func(name string) string {
		if v, ok := s.vars[name[1:]]; ok {
			return regexp.QuoteMeta(v)
		}
		return name
	})
}

func (s *script) kith(code int, args []string) error {
	s.out, s.err = newLogBuffer(), newLogBuffer()
	got := s.app(s.stdin, s.out, s.err).run(s.ctx, args)
	s.stdin = ""
	return expect(got == code, fmt.Sprintf("exit code %d", got))
}

// background is a node that runs beside the script.
type background struct {
	cancel   context.CancelFunc
	out, err *logBuffer
	done     chan struct{}
	code     int
}

func (s *script) start(name string, args []string) error {
	ctx, cancel := context.WithCancel(s.ctx)
	b := &background{cancel: cancel, out: newLogBuffer(), err: newLogBuffer(), done: make(chan struct{})}
	s.nodes[name] = b
	a := s.app("", b.out, b.err)
	go func() {
		defer close(b.done)
		b.code = a.run(ctx, append([]string{"node"}, args...))
	}()
	if err := b.await(s.ctx, "out", `(?s)^enode://.*\nenr:\S+\n`); err != nil {
		return err
	}
	m := b.out.match(`^(enode://\S+@\S+:(\d+)(?:\?discport=0)?)\n(enr:\S+)\n`)
	if m == nil {
		return errors.New("not the two lines")
	}
	s.vars[name], s.vars[name+"_PORT"], s.vars[name+"_ENR"] = m[1], m[2], m[3]
	id, _, err := parseWanted(m[1])
	s.vars[name+"_ID"] = id.String()
	return err
}

func (s *script) stop(name string) error {
	b := s.nodes[name]
	b.cancel()
	<-b.done
	s.out, s.err = b.out, b.err
	return expect(b.code == 0, fmt.Sprintf("exit code %d", b.code))
}

func (b *background) await(ctx context.Context, stream, pattern string) error {
	buf := b.out
	if stream == "err" {
		buf = b.err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		changed := buf.changed()
		if buf.match(pattern) != nil {
			return nil
		}
		select {
		case <-changed:
		case <-b.done:
			return expect(buf.match(pattern) != nil, "the node ended: "+tail(b.err))
		case <-ctx.Done():
			return fmt.Errorf("%w\nthe node's stdout: %s\nstderr: %s", ctx.Err(), tail(b.out), tail(b.err))
		}
	}
}

// logBuffer collects output and tells when it grows.
type logBuffer struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	grown chan struct{}
}

func newLogBuffer() *logBuffer { return &logBuffer{grown: make(chan struct{})} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.grown)
	b.grown = make(chan struct{})
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// changed is closed at the next write.
func (b *logBuffer) changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.grown
}

func (b *logBuffer) match(pattern string) []string {
	return regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(b.String())
}

// tail returns the last lines of a buffer.
func tail(b *logBuffer) string {
	lines := strings.Split(b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
