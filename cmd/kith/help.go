package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const (
	helpIntro = `Kith runs peer-to-peer nodes that speak Ethereum's wire protocols.

Usage: kith COMMAND [flags] [arguments]

`
	helpOutro = `
Flags may be written --name VALUE or --name=VALUE, before or after arguments;
"--" ends them. "kith help COMMAND" tells all about a command.

Exit codes:
  0  done
  1  failed: no answer, not found, a file or port that can't be used, a devnet
     that is not complete; the reason is on standard error
  2  wrong usage: nothing was done
`
)

// helpWidth is where help texts are wrapped.
const helpWidth = 80

// help carries out "kith help".
func (a *app) help(args []string) error {
	if len(args) == 0 {
		writeHelp(a.stdout)
		return nil
	}
	found := false
	for _, c := range commands() {
		if name := strings.Join(args, " "); c.name == name || strings.HasPrefix(c.name, name+" ") {
			if found {
				fmt.Fprintln(a.stdout)
			}
			c.writeHelp(a.stdout)
			found = true
		}
	}
	if !found {
		return usagef("unknown command %q", strings.Join(args, " "))
	}
	return nil
}

func writeHelp(w io.Writer) {
	io.WriteString(w, helpIntro)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-14s %s\n", c.name, c.short)
	}
	fmt.Fprintf(w, "  %-14s %s\n", "help", "tell about a command")
	io.WriteString(w, helpOutro)
}

// writeHelp writes the help of one command. The flags in it are those that the
// command reads, so that the two can't differ.
func (c command) writeHelp(w io.Writer) {
	fs := newFlagSet()
	c.setup(fs)
	var flags strings.Builder
	fs.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		if v, ok := f.Value.(*value); ok && v.isBool {
			arg = ""
		}
		if f.DefValue != "" && f.DefValue != "false" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(&flags, "  %s\n", strings.TrimSpace("--"+f.Name+" "+arg))
		wrap(&flags, usage, "        ")
	})
	usage := "kith " + c.name
	if flags.Len() > 0 {
		usage += " [flags]"
	}
	if c.args != "" {
		usage += " " + c.args
	}
	fmt.Fprintf(w, "Usage: %s\n\n", usage)
	wrap(w, strings.ToUpper(c.short[:1])+c.short[1:]+".", "")
	for par := range strings.SplitSeq(strings.TrimSpace(c.long), "\n\n") {
		if par != "" {
			fmt.Fprintln(w)
			wrap(w, par, "")
		}
	}
	if flags.Len() > 0 {
		fmt.Fprintf(w, "\nFlags:\n%s", flags.String())
	}
}

// wrap writes text in lines of at most helpWidth, each with the indent. Lines
// that begin with a space keep their form.
func wrap(w io.Writer, text, indent string) {
	line := ""
	flush := func() {
		if line != "" {
			fmt.Fprintln(w, indent+line)
		}
		line = ""
	}
	for in := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(in, " ") {
			flush()
			fmt.Fprintln(w, indent+in)
			continue
		}
		for word := range strings.FieldsSeq(in) {
			if line != "" && len(indent)+len(line)+1+len(word) > helpWidth {
				flush()
			}
			if line != "" {
				line += " "
			}
			line += word
		}
	}
	flush()
}
