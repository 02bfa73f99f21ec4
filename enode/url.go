package enode

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

const (
	urlPrefix    = "enode://"
	recordPrefix = "enr:"
	discport     = "discport"

	// maxURL bounds what is looked at: the prefix, 128 digits of key, a name of
	// 254 and two ports make 420 bytes.
	maxURL = 512

	// maxName and maxLabel are DNS's limits on a name without its final dot and
	// on each part of it (RFC 1035, section 2.3.4).
	maxName, maxLabel = 253, 63
)

// Parse reads the text of a node, in one of these forms:
//
//	enode://<public key>@<host>:<tcp port>
//	enode://<public key>@<host>:<tcp port>?discport=<udp port>
//	enode://<public key>
//	enr:<record>
//
// The public key is 128 hex digits. The host is an IPv4 address, an IPv6 address
// in brackets, or a DNS name, which is kept and not resolved ([Node.Hostname]).
// The UDP port is the TCP port unless discport says otherwise; either may be 0:
// there is none. The third form is a node of unknown address. The fourth is a
// record (EIP-778), whose signature is verified.
//
// An error says which part of the text is wrong, and how.
func Parse(url string) (*Node, error) {
	if strings.HasPrefix(url, recordPrefix) {
		r, err := enr.Parse(url)
		if err != nil {
			return nil, fmt.Errorf("enode: node record: %w", err)
		}
		return FromRecord(r)
	}
	n, err := parseURL(url)
	if err != nil {
		return nil, fmt.Errorf("enode: node URL: %w", err)
	}
	return n, nil
}

func parseURL(url string) (*Node, error) {
	rest, err := cutScheme(url)
	if err != nil {
		return nil, err
	}
	keyHex, hostport, complete := strings.Cut(rest, "@")
	if !complete {
		if i := strings.IndexAny(rest, ":?/#"); i >= 0 {
			return nil, fmt.Errorf("no \"@\" between public key and host before %s", quote(rest[i:]))
		}
	}
	key, err := parsePublicKey(keyHex)
	if err != nil {
		return nil, err
	}
	if !complete {
		return NewV4(key, netip.Addr{}, 0, 0), nil
	}
	hostport, query, hasQuery := strings.Cut(hostport, "?")
	ip, name, tcp, err := parseHostPort(hostport)
	if err != nil {
		return nil, err
	}
	udp := tcp
	if hasQuery {
		if udp, err = parseQuery(query); err != nil {
			return nil, err
		}
	}
	n := NewV4(key, ip, tcp, udp)
	n.host = name // not shared yet
	return n, nil
}

func cutScheme(url string) (string, error) {
	rest, ok := strings.CutPrefix(url, urlPrefix)
	switch {
	case ok && len(url) <= maxURL:
		return rest, nil
	case ok:
		return "", fmt.Errorf("%d characters long, at most %d", len(url), maxURL)
	case url == "":
		return "", errors.New(`empty text, want "enode://..." or "enr:..."`)
	}
	if scheme, _, ok := strings.Cut(url, "://"); ok {
		return "", fmt.Errorf(`scheme %s, want "enode://" or "enr:"`, quote(scheme))
	}
	return "", fmt.Errorf(`%s does not begin with "enode://" or "enr:"`, quote(url))
}

func parsePublicKey(s string) (secp.PublicKey, error) {
	var b [64]byte
	if err := parseHex(b[:], s); err != nil {
		return secp.PublicKey{}, fmt.Errorf("public key %s %w", quote(s), err)
	}
	key, err := secp.ParsePublicKey(b[:])
	if err != nil {
		return secp.PublicKey{}, fmt.Errorf("public key %s is no point on the curve secp256k1", quote(s))
	}
	return key, nil
}

// parseHostPort returns either an address or a name.
func parseHostPort(s string) (ip netip.Addr, name string, port uint16, err error) {
	var host, rest string
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if host, rest, ok = strings.Cut(inner, "]"); !ok {
			return ip, "", 0, fmt.Errorf("host %s has no closing bracket", quote(s))
		}
		ip, err = parseIPv6(host)
	} else {
		i := strings.LastIndexByte(s, ':')
		if i < 0 {
			i = len(s)
		}
		host, rest = s[:i], s[i:]
		ip, name, err = parseHost(host)
	}
	if err != nil {
		return ip, "", 0, err
	}
	digits, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return ip, "", 0, fmt.Errorf("no port after host %s, want \":\" and a number", quote(host))
	}
	port, err = parsePort("TCP port", digits)
	return ip, name, port, err
}

func parseIPv6(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil || !ip.Is6():
		return netip.Addr{}, fmt.Errorf("host %s in brackets is no IPv6 address", quote(s))
	case ip.Zone() != "":
		return netip.Addr{}, fmt.Errorf("host %s has a zone, which means nothing on another machine", quote(s))
	}
	return checkHostIP(ip)
}

// parseHost reads a host without brackets.
func parseHost(s string) (netip.Addr, string, error) {
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, s, checkName(s)
	case ip.Is6():
		return netip.Addr{}, "", fmt.Errorf("host %s is an IPv6 address, which must stand in brackets", quote(s))
	}
	ip, err = checkHostIP(ip)
	return ip, "", err
}

func checkHostIP(ip netip.Addr) (netip.Addr, error) {
	if u := ip.Unmap(); !isHost(u) && !u.IsUnspecified() {
		return netip.Addr{}, fmt.Errorf("host %v is a multicast or broadcast address", ip)
	}
	return ip, nil
}

// checkName reports why s is no DNS name: labels of letters, digits, hyphens
// (inside only) and underscores, joined by dots, one dot allowed at the end
// (RFC 1123, section 2.1; underscores because they are in use).
func checkName(s string) error {
	name := strings.TrimSuffix(s, ".")
	if name == "" {
		return errors.New("host is empty")
	}
	if len(name) > maxName {
		return fmt.Errorf("host %s has %d characters, at most %d", quote(s), len(name), maxName)
	}
	var last string
	for last = range strings.SplitSeq(name, ".") {
		switch {
		case last == "":
			return fmt.Errorf("host %s has an empty part between dots", quote(s))
		case len(last) > maxLabel:
			return fmt.Errorf("host %s has a part of %d characters, at most %d", quote(s), len(last), maxLabel)
		case last[0] == '-' || last[len(last)-1] == '-':
			return fmt.Errorf("host %s has a part that begins or ends with a hyphen", quote(s))
		}
		for i := range len(last) {
			if c := last[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
				return fmt.Errorf("host %s has %q, which no DNS name has", quote(s), c)
			}
		}
	}
	// No top-level domain is a number (RFC 3696, section 2): this was meant
	// to be an address.
	if strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("host %s is neither an IPv4 address nor a DNS name", quote(s))
	}
	return nil
}

func parsePort(what, s string) (uint16, error) {
	if s == "" {
		return 0, fmt.Errorf("%s is empty, want a number from 0 to 65535", what)
	}
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s %s is no number from 0 to 65535", what, quote(s))
	}
	return uint16(port), nil
}

// parseQuery reads what follows "?". An unknown parameter is an error and not
// passed over: it is most likely a misspelt discport, and the node would be
// looked for at the wrong port.
func parseQuery(s string) (udp uint16, err error) {
	name, value, _ := strings.Cut(s, "=")
	if name != discport {
		return 0, fmt.Errorf(`parameter %s after "?", the only one is "discport"`, quote(name))
	}
	return parsePort(discport, value)
}

// URL returns the enode:// form, which [Parse] reads: the DNS name if the node
// has one, else the address; just the key if it has neither.
func (n *Node) URL() string {
	url := urlPrefix + n.PublicKey().String()
	var host string
	switch {
	case n.host != "":
		host = n.host
	case n.addr.Is6():
		host = "[" + n.addr.String() + "]"
	case n.addr.IsValid():
		host = n.addr.String()
	default:
		return url
	}
	url += "@" + host + ":" + strconv.Itoa(int(n.tcp))
	if n.udp != n.tcp {
		url += "?" + discport + "=" + strconv.Itoa(int(n.udp))
	}
	return url
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// quote quotes a piece of what was read for an error message, cut to a length
// that fits on a line.
func quote(s string) string {
	const limit = 48
	if len(s) > limit {
		return strconv.Quote(s[:limit-16]) + "..."
	}
	return strconv.Quote(s)
}
