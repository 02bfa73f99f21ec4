package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// chatter is a running chat.
type chatter struct {
	in    *io.PipeWriter
	lines chan string // that it has printed, closed at its end
	end   chan error
}

func start(t *testing.T, urls ...string) *chatter {
	in, typed := io.Pipe()
	printed, out := io.Pipe()
	c := &chatter{typed, make(chan string, 10000), make(chan error, 1)}
	go func() {
		c.end <- run(context.Background(), urls, in, out)
		out.Close()
	}()
	go func() { // nobody waits for the test to read
		defer close(c.lines)
		for s := bufio.NewScanner(printed); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	return c
}

// next returns the next line that holds a text.
func (c *chatter) next(t *testing.T, text string) string {
	t.Helper()
	for line := range c.lines {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("never: %q", text)
	return ""
}

// TestChat: three meet, knowing one of them, and one line reaches the two others.
func TestChat(t *testing.T) {
	a := start(t)
	url := strings.TrimPrefix(a.next(t, "you are "), "you are ")
	b := start(t, url)
	b.next(t, "you are ")
	b.next(t, "has come")
	a.next(t, "has come")
	c := start(t, url)
	c.next(t, "you are ")
	c.next(t, "has come")
	a.next(t, "has come")
	// Who meets somebody on two connections at once loses one of them, and a line with it:
	// it is said until all have heard it.
	heard, silent := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(silent)
		for {
			if _, err := io.WriteString(a.in, "good morning\n"); err != nil {
				t.Error(err)
			}
			select {
			case <-heard:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	for _, other := range []*chatter{b, c} {
		other.next(t, `: "good morning"`)
	}
	close(heard)
	<-silent
	for _, one := range []*chatter{a, b, c} {
		one.in.Close()
	}
	for _, one := range []*chatter{a, b, c} {
		if err := <-one.end; err != nil {
			t.Error(err)
		}
	}
}

func TestBadURL(t *testing.T) {
	if err := run(context.Background(), []string{"nonsense"}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("no error")
	}
}
