package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/kithnet/kith/sim/scenario"
)

// simProgress returns what shows how far a run is, on standard error if both outputs are
// terminals, and what clears that away. Elsewhere nothing but the result is written.
func simProgress(a *app, quiet bool, name string) (show func(scenario.Progress), done func()) {
	err, isFile := a.stderr.(*os.File)
	out, alsoFile := a.stdout.w.(*os.File)
	if quiet || !isFile || !alsoFile || !term.IsTerminal(int(err.Fd())) || !term.IsTerminal(int(out.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil, func() {}
	}
	st := styleOf(os.Getenv)
	var shown time.Time
	var last scenario.Progress
	return func(p scenario.Progress) {
			if now := time.Now(); now.Sub(shown) >= progressPause {
				shown = now
				width, _, e := term.GetSize(int(err.Fd()))
				if e != nil {
					width = 80
				}
				fmt.Fprintf(err, "\r%s%s", cut(progressLine(name, p, last, st), width-1), clearLine)
				last = p
			}
		}, func() {
			if !shown.IsZero() {
				fmt.Fprintf(err, "\r%s", clearLine)
			}
		}
}

// progressLine is a run so far: the rate is that since the last line.
func progressLine(name string, p, last scenario.Progress, st style) string {
	seconds := max((p.Wall - last.Wall).Seconds(), 1e-3)
	rate := float64(p.Events-last.Events) / seconds
	share := p.Virtual.Seconds() / max(p.Of.Seconds(), 1e-9)
	return fmt.Sprintf("%s %s %v of %v  %s nodes  %s events, %s/s  %s", name, st.bar(share, 24), p.Virtual.Round(time.Second), p.Of,
		count(p.Nodes), count(p.Events), count(uint64(rate)), size(float64(residentMemory())))
}
