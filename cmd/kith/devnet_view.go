package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// view shows progress every so often.
type view struct {
	every time.Duration
	draw  func(progress)
}

// view returns how to show progress on a's output, and what ends that. The
// latter may be called more than once.
func (c *devnetConfig) view(a *app) (view, func()) {
	if c.json {
		return view{plainPause, func(p progress) { a.writeJSON(p) }}, func() {}
	}
	f, isFile := a.stdout.w.(*os.File)
	if c.plain || !isFile || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return view{plainPause, func(p progress) { fmt.Fprintln(a.stdout, p) }}, func() {}
	}
	s := newScreen(a.stdout, func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80, 24
		}
		return w, h
	})
	return view{framePause, func(p progress) { s.draw(p.frame(s.width, s.style)) }}, s.close
}

// Control sequences (ECMA-48 and, for the alternate screen, xterm).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // alternate screen, hide the cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	bold        = "\x1b[1m"
	plainText   = "\x1b[0m"
)

// screen draws frames over each other on a terminal's alternate screen, so that
// what was there before comes back at the end.
type screen struct {
	w     io.Writer
	size  func() (width, height int)
	width int
	style style
	close func()
}

func newScreen(w io.Writer, size func() (int, int)) *screen {
	s := &screen{w: w, size: size, style: styleOf(os.Getenv)}
	s.width, _ = size()
	io.WriteString(w, enterScreen)
	s.close = sync.OnceFunc(func() { io.WriteString(w, leaveScreen) })
	return s
}

// draw writes the lines, cut to the terminal's size.
func (s *screen) draw(lines []string) {
	width, height := s.size()
	s.width = width
	var b strings.Builder
	b.WriteString(cursorHome)
	for i, line := range lines[:min(len(lines), max(height-1, 1))] {
		if i == 0 {
			line = bold + cut(line, width) + plainText
		} else {
			line = cut(line, width)
		}
		b.WriteString(line + clearLine + "\r\n")
	}
	b.WriteString(clearBelow)
	io.WriteString(s.w, b.String())
}

// cut returns at most width characters of s.
func cut(s string, width int) string {
	r := []rune(s)
	return string(r[:min(len(r), max(width, 0))])
}

// style is the characters that bars are made of.
type style struct {
	full, empty string
	levels      []rune // of a node's table, from empty to full
	arrow       string
}

// styleOf chooses characters that the terminal's locale can show.
func styleOf(getenv func(string) string) style {
	locale := strings.ToLower(cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	if strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8") {
		return style{"█", "░", []rune("·▁▂▃▄▅▆▇█"), "→"}
	}
	return style{"#", ".", []rune(".12345678"), "->"}
}

// bar draws a share as a bar.
func (s style) bar(share float64, width int) string {
	n := min(max(int(share*float64(width)+0.5), 0), width)
	return strings.Repeat(s.full, n) + strings.Repeat(s.empty, width-n)
}

// level draws a share as one character: the last one only when it is full.
func (s style) level(share float64) rune {
	last := len(s.levels) - 1
	return s.levels[min(max(int(share*float64(last)+1e-9), 0), last)]
}

// maxBlock is the most lines that the nodes' tables take.
const maxBlock = 5

// frame is the live view.
func (p progress) frame(width int, st style) []string {
	barWidth := min(max(width-50, 10), 50)
	elapsed := fmt.Sprintf("%.0f s", p.Seconds)
	if p.runFor > 0 {
		elapsed += " of " + briefly(p.runFor)
	}
	filled := "90 % in the median node: not yet"
	if p.Filled > 0 {
		filled = "90 % in the median node after " + took(time.Duration(p.Filled*1e9))
	}
	nodes := fmt.Sprint(p.Nodes)
	if p.Running < p.Nodes {
		nodes = fmt.Sprintf("%d of %d", p.Running, p.Nodes)
	}
	lines := []string{
		fmt.Sprintf("kith devnet: %s nodes and a bootnode on 127.0.0.1, %s", nodes, elapsed),
		"",
		fmt.Sprintf("tables   %s %3.0f %% median, %.0f %% least", st.bar(p.FillMedian, barWidth), 100*p.FillMedian, 100*p.FillLeast),
		"         " + filled,
		fmt.Sprintf("found    %s %s of %s pairs", st.bar(float64(p.Found)/float64(p.Pairs), barWidth), count(p.Found), count(p.Pairs)),
		"",
		fmt.Sprintf("packets  %s/s in, %s/s out, %s/s", count(uint64(p.InRate)), count(uint64(p.OutRate)), size(p.ByteRate)),
		fmt.Sprintf("lookups  %s", count(p.Lookups.Count)),
	}
	if f := p.Peers; f != nil {
		lines = append(lines[:6:6], append([]string{fmt.Sprintf("peers    %d median, %d least, %d of %d nodes connected; %s connections made, %s echoes/s",
			f.Median, f.Least, f.Connected, p.Nodes, count(f.Made), count(uint64(p.EchoRate)))}, lines[6:]...)...)
	}
	if p.Lookups.Count > 0 {
		lines[len(lines)-1] += ": " + p.Lookups.String()
	}
	lines = append(lines,
		"drops    "+p.dropped.String(),
		fmt.Sprintf("memory   %s for each node", size(float64(p.MemoryBytes))),
		"",
		"each node's table, the emptiest first")
	lines = append(lines, p.block(width-2, st)...)
	if len(p.recent) > 0 {
		lines = append(lines, "", "latest lookups")
	}
	for _, l := range p.recent {
		lines = append(lines, "  "+p.lookLine(l, st))
	}
	return lines
}

// block draws one character for each node; in a large network, for each of as
// many evenly chosen nodes as fit.
func (p progress) block(width int, st style) (lines []string) {
	n := len(p.fills)
	cells := min(n, max(width, 1)*maxBlock)
	var b strings.Builder
	for i := range cells {
		if i > 0 && i%width == 0 {
			lines = append(lines, "  "+b.String())
			b.Reset()
		}
		b.WriteRune(st.level(p.fills[i*n/cells]))
	}
	return append(lines, "  "+b.String())
}

func (p progress) lookLine(l look, st style) string {
	outcome := "not found"
	if l.found {
		outcome = "found"
	}
	if l.took > 0 {
		outcome += " in " + took(l.took)
	}
	if l.hops > 0 {
		outcome += ", hops " + fmt.Sprint(l.hops)
	}
	return fmt.Sprintf("%s %s %s  %s", p.net.ids[l.from].Short(), st.arrow, p.net.ids[l.to].Short(), outcome)
}
