package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// command is one subcommand.
type command struct {
	name  string // what is typed, one word or two
	args  string // positional arguments, as the usage line shows them
	short string // one line for the list of commands
	long  string // what else there is to know
	// setup defines the flags and returns what runs once they are read.
	setup func(fs *flagSet) action
}

// action carries out a command. args are the positional arguments.
type action func(ctx context.Context, a *app, args []string) error

// commands returns all subcommands in the order in which help lists them.
func commands() []command {
	return []command{
		nodeCommand, devnetCommand,
		simListCommand, simRunCommand, simReplayCommand, simSweepCommand, simCheckCommand,
		pingCommand, resolveCommand, lookupCommand, talkCommand, rlpxPingCommand,
		keyGenerateCommand, keyShowCommand,
		recordShowCommand, recordSignCommand,
		versionCommand,
	}
}

// usageError is an error of the command line itself.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func (a *app) run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		writeHelp(a.stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "--help", "-help", "-h":
		return a.report("help", a.help(args[1:]))
	case "--version", "-version":
		args[0] = "version"
	}
	cmd, rest, err := findCommand(args)
	if err != nil {
		return a.report("", err)
	}
	fs := newFlagSet()
	act := cmd.setup(fs)
	pos, err := fs.parse(rest)
	switch {
	case errors.Is(err, errHelp):
		cmd.writeHelp(a.stdout)
		err = nil
	case err == nil:
		err = act(ctx, a, pos)
	}
	return a.report(cmd.name, err)
}

// report says what went wrong and returns the exit code.
func (a *app) report(name string, err error) int {
	if err == nil && a.stdout.err != nil {
		err = fmt.Errorf("cannot write to standard output: %w", a.stdout.err)
	}
	if err == nil {
		return exitOK
	}
	prefix, help := "kith", "kith help"
	if name != "" && name != "help" {
		prefix, help = "kith "+name, "kith help "+name
	}
	fmt.Fprintf(a.stderr, "%s: %v\n", prefix, err)
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(a.stderr, "Run \"%s\" for usage.\n", help)
		return exitUsage
	}
	return exitFailed
}

// findCommand finds the command that args begin with, and what follows it.
func findCommand(args []string) (command, []string, error) {
	var second []string
	for _, c := range commands() {
		first, sub, two := strings.Cut(c.name, " ")
		switch {
		case first != args[0]:
		case !two:
			return c, args[1:], nil
		case len(args) > 1 && args[1] == sub:
			return c, args[2:], nil
		default:
			second = append(second, sub)
		}
	}
	switch {
	case second == nil:
		return command{}, nil, usagef("unknown command %q", args[0])
	case len(args) == 1:
		return command{}, nil, usagef("%s what? One of: %s", args[0], strings.Join(second, ", "))
	}
	return command{}, nil, usagef("unknown command %q, want one of: %s", args[0]+" "+args[1], strings.Join(second, ", "))
}

// want checks the number of positional arguments. names are what each is.
func want(args []string, names ...string) error {
	switch {
	case len(args) < len(names):
		return usagef("%s is missing", names[len(args)])
	case len(args) > len(names) && len(names) == 0:
		return usagef("unexpected argument %q, this command takes none", args[0])
	case len(args) > len(names):
		return usagef("unexpected argument %q after %s", args[len(names)], names[len(names)-1])
	}
	return nil
}
