package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errHelp says that the command line asks for help.
var errHelp = errors.New("help asked for")

// flagSet is a flag.FlagSet whose flags may stand after positional arguments
// and whose errors name the flag, the value and what was wanted.
type flagSet struct{ *flag.FlagSet }

func newFlagSet() *flagSet { return &flagSet{flag.NewFlagSet("", flag.ContinueOnError)} }

// parse sets the flags in args and returns the rest. A lone "-" is an argument;
// all that follows "--" is.
func (fs *flagSet) parse(args []string) (pos []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(pos, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			pos = append(pos, arg)
			continue
		}
		name, val, hasVal := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		f := fs.Lookup(name)
		switch {
		case f == nil && (name == "help" || name == "h"):
			return nil, errHelp
		case f == nil:
			return nil, usagef("unknown flag --%s", name)
		}
		switch v := f.Value.(*value); {
		case hasVal:
		case v.isBool:
			val = "true"
		case len(args) == 0:
			return nil, usagef("--%s needs a value", name)
		default:
			val, args = args[0], args[1:]
		}
		if err := fs.Set(name, val); err != nil {
			return nil, usagef("--%s %q: %w", name, val, err)
		}
	}
	return pos, nil
}

// isSet reports whether the command line has a flag.
func (fs *flagSet) isSet(name string) (set bool) {
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// value is a flag.Value made of a function.
type value struct {
	set    func(string) error
	text   string // the default, for help
	isBool bool
}

func (v *value) String() string     { return v.text }
func (v *value) Set(s string) error { return v.set(s) }

// The methods below define a flag whose default is what the variable holds. A
// word in `back quotes` in the usage is the name of the value in help.

func (fs *flagSet) boolean(p *bool, name, usage string) {
	fs.Var(&value{isBool: true, text: strconv.FormatBool(*p), set: func(s string) (err error) {
		if *p, err = strconv.ParseBool(s); err != nil {
			return errors.New("want true or false")
		}
		return nil
	}}, name, usage)
}

func (fs *flagSet) text(p *string, name, usage string) {
	fs.Var(&value{text: *p, set: func(s string) error { *p = s; return nil }}, name, usage)
}

// list appends each value.
func (fs *flagSet) list(p *[]string, name, usage string) {
	fs.Var(&value{set: func(s string) error { *p = append(*p, s); return nil }}, name, usage)
}

// choices is a list of names separated by commas, each one of all.
func (fs *flagSet) choices(p *[]string, name, usage string, all []string) {
	fs.Var(&value{set: func(s string) error {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); !slices.Contains(all, part) {
				return fmt.Errorf("want any of: %s", strings.Join(all, ", "))
			}
			*p = append(*p, part)
		}
		return nil
	}}, name, usage)
}

func (fs *flagSet) choice(p *string, name, usage string, choices []string) {
	fs.Var(&value{text: *p, set: func(s string) error {
		if !slices.Contains(choices, s) {
			return fmt.Errorf("want one of: %s", strings.Join(choices, ", "))
		}
		*p = s
		return nil
	}}, name, usage)
}

func (fs *flagSet) number(p *int, name, usage string, least, most int) {
	fs.Var(&value{text: strconv.Itoa(*p), set: func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("want a number from %d to %d", least, most)
		}
		*p = n
		return nil
	}}, name, usage)
}

func (fs *flagSet) uint64(p *uint64, name, usage string) {
	fs.Var(&value{set: func(s string) (err error) {
		if *p, err = strconv.ParseUint(s, 10, 64); err != nil {
			return errors.New("want a number from 0 to 2^64-1")
		}
		return nil
	}}, name, usage)
}

// port has no default in help when it is 0.
func (fs *flagSet) port(p *uint16, name, usage string) {
	v := &value{set: func(s string) error {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return errors.New("want a port from 0 to 65535")
		}
		*p = uint16(n)
		return nil
	}}
	if *p != 0 {
		v.text = strconv.Itoa(int(*p))
	}
	fs.Var(v, name, usage)
}

func (fs *flagSet) duration(p *time.Duration, name, usage string, least, most time.Duration) {
	fs.Var(&value{text: briefly(*p), set: func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most {
			return fmt.Errorf("want a time from %s to %s, such as 500ms, 30s or 2m", briefly(least), briefly(most))
		}
		*p = d
		return nil
	}}, name, usage)
}

// briefly is d without the zero parts of time.Duration's form.
func briefly(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// addr reads an address without a zone. check may refuse it.
func (fs *flagSet) addr(p *netip.Addr, name, usage string, check func(netip.Addr) error) {
	fs.Var(&value{set: func(s string) error {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" {
			return errors.New("want an IP address such as 127.0.0.1 or ::1")
		}
		if check != nil {
			if err := check(ip); err != nil {
				return err
			}
		}
		*p = ip
		return nil
	}}, name, usage)
}

// Checks for addr.

func wantIP4(ip netip.Addr) error {
	if !ip.Is4() {
		return errors.New("want an IPv4 address")
	}
	return nil
}

func wantIP6(ip netip.Addr) error {
	if !ip.Is6() || ip.Is4In6() {
		return errors.New("want an IPv6 address")
	}
	return nil
}

// wantHost refuses addresses at which no peer could reach one host.
func wantHost(ip netip.Addr) error {
	if ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return errors.New("no host can be reached at this address")
	}
	return nil
}

// wantListen refuses addresses that nobody can listen on.
func wantListen(ip netip.Addr) error {
	if !ip.IsUnspecified() {
		return wantHost(ip)
	}
	return nil
}

func (fs *flagSet) prefixes(p *[]netip.Prefix, name, usage string) {
	fs.Var(&value{set: func(s string) error {
		list, err := parsePrefixes(s)
		*p = append(*p, list...)
		return err
	}}, name, usage)
}

// parsePrefixes reads networks in CIDR form, separated by commas.
func parsePrefixes(s string) (list []netip.Prefix, err error) {
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		p, err := netip.ParsePrefix(part)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no network such as 10.0.0.0/8 or fd00::/8", part)
		case p != p.Masked():
			return nil, fmt.Errorf("%q has bits set beyond its length, did you mean %v?", part, p.Masked())
		}
		list = append(list, p)
	}
	return list, nil
}
