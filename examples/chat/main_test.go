package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

// chatter is a running chat.
type chatter struct {
	in  *io.PipeWriter
	out *bufio.Scanner
	end chan error
}

func start(t *testing.T, urls ...string) *chatter {
	in, typed := io.Pipe()
	printed, out := io.Pipe()
	c := &chatter{typed, bufio.NewScanner(printed), make(chan error, 1)}
	go func() {
		c.end <- run(context.Background(), urls, in, out)
		out.Close()
	}()
	return c
}

// next returns the next line that holds a text.
func (c *chatter) next(t *testing.T, text string) string {
	t.Helper()
	for c.out.Scan() {
		if strings.Contains(c.out.Text(), text) {
			return c.out.Text()
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
	if _, err := io.WriteString(a.in, "good morning\n"); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*chatter{b, c} {
		other.next(t, `: "good morning"`)
	}
	for _, one := range []*chatter{a, b, c} {
		one.in.Close()
		go func() {
			for one.out.Scan() {
			}
		}()
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
