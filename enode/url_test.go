package enode

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

type urlVectors struct {
	Pubkey string
	Cases  []struct {
		URL      string
		IP       string
		Hostname string
		TCP, UDP uint16
		Valid    *bool // nil: implementations differ
		Reason   string
	}
}

func loadVectors(t testing.TB) (v urlVectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/enode-urls.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) != 17 {
		t.Fatalf("testdata has %d cases", len(v.Cases))
	}
	return v
}

func TestVectors(t *testing.T) {
	v := loadVectors(t)
	for _, c := range v.Cases {
		n, err := Parse(c.URL)
		if c.Valid != nil && !*c.Valid {
			if err == nil {
				t.Errorf("accepted %q (%s)", c.URL, c.Reason)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.URL, err)
			continue
		}
		if c.Valid == nil { // we accept names
			c.Hostname, c.TCP, c.UDP = "hostname", 3, 3
		}
		var ip netip.Addr
		if c.IP != "" {
			ip = addr(c.IP)
		}
		if n.IP() != ip || n.Hostname() != c.Hostname || n.TCP() != c.TCP || n.UDP() != c.UDP {
			t.Errorf("%s: %v %q tcp %d udp %d", c.URL, n.IP(), n.Hostname(), n.TCP(), n.UDP())
		}
		if "0x"+n.PublicKey().String() != v.Pubkey {
			t.Errorf("%s: public key is %v", c.URL, n.PublicKey())
		}
		if n.URL() != c.URL || n.String() != c.URL {
			t.Errorf("%s: URL is %s", c.URL, n.URL())
		}
	}
}

func TestParseURL(t *testing.T) {
	key := testKey(t, 1).Public().String()
	name253 := strings.Repeat("a.", 126) + "a"
	for _, tt := range []struct {
		url, want string // after the "@"; want "" is the same
	}{
		{"192.0.2.1:30303", ""},
		{"192.0.2.1:0", ""},
		{"192.0.2.1:30303?discport=0", ""},
		{"192.0.2.1:0?discport=30301", ""},
		{"192.0.2.1:30303?discport=30303", "192.0.2.1:30303"},
		{"192.0.2.1:00080", "192.0.2.1:80"},
		{"192.0.2.1:65535?discport=65535", "192.0.2.1:65535"},
		{"0.0.0.0:1", ""},
		{"[2001:DB8:0::1]:1", "[2001:db8::1]:1"},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:1"},
		{"boot-1.example.org:1?discport=2", ""},
		{"_node.Example.ORG.:1", ""},
		{"localhost:1", ""},
		{"4.pool.example:1", ""},
		{name253 + ":1", ""},
		{name253 + ".:1", ""},
		{strings.Repeat("a", 63) + ":1", ""},
	} {
		url := urlPrefix + key + "@" + tt.url
		n, err := Parse(url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if tt.want == "" {
			tt.want = tt.url
		}
		if got := n.URL(); got != urlPrefix+key+"@"+tt.want {
			t.Errorf("%s: URL is %s", tt.url, got)
		}
	}
	n, err := Parse(urlPrefix + strings.ToUpper(key))
	if err != nil || n.URL() != urlPrefix+key || n.IP().IsValid() || n.UDP() != 0 {
		t.Errorf("key alone: %v, %v", n, err)
	}
}

// Messages go to people: they say which part is wrong, and how.
func TestParseURLErrors(t *testing.T) {
	key := testKey(t, 1).Public().String()
	checkURLErrors(t, map[string]string{
		"":                           `empty text, want "enode://..." or "enr:..."`,
		key:                          `does not begin with "enode://" or "enr:"`,
		"http://foobar":              `scheme "http", want "enode://" or "enr:"`,
		"ENODE://" + key:             `scheme "ENODE", want "enode://" or "enr:"`,
		"://foo":                     `scheme "", want`,
		" " + urlPrefix + key:        `scheme " enode", want`,
		"enode:/" + key:              `does not begin with`,
		urlPrefix:                    `public key "" has 0 hex digits, want 128`,
		urlPrefix + "0101@1.2.3.4:5": `public key "0101" has 4 hex digits, want 128`,
		urlPrefix + "0x" + key[2:]:   `has 'x' at position 2, which is no hex digit`,
		urlPrefix + key[1:] + "g":    `has 'g' at position 128, which is no hex digit`,
		urlPrefix + "é" + key[2:]:    `at position 1, which is no hex digit`,
		urlPrefix + strings.Repeat("f", 128) + "@127.0.0.1:1": `is no point on the curve secp256k1`,
		urlPrefix + key + ":30303":                            `no "@" between public key and host before ":30303"`,
		urlPrefix + key + "?discport=1":                       `no "@" between public key and host before "?discport=1"`,
		urlPrefix + "127.0.0.1:30303":                         `no "@" between public key and host`,
		strings.Repeat("a", 1<<20):                            `does not begin with`,
		urlPrefix + strings.Repeat("/", 300):                  `no "@"`,
		"enr:":                                                `node record: enr: `,
		"enr:***":                                             `at character 5`,
	})
}

func TestParseHostErrors(t *testing.T) {
	at := urlPrefix + testKey(t, 1).Public().String() + "@"
	checkURLErrors(t, map[string]string{
		at:                                     `host is empty`,
		at + ":30303":                          `host is empty`,
		at + ".:1":                             `host is empty`,
		at + "127.0.0.1":                       `no port after host "127.0.0.1"`,
		at + "[::1]":                           `no port after host "::1"`,
		at + "[::1]1":                          `no port after host "::1"`,
		at + "[::1:1":                          `host "[::1:1" has no closing bracket`,
		at + "[127.0.0.1]:1":                   `host "127.0.0.1" in brackets is no IPv6 address`,
		at + "[boot.example]:1":                `host "boot.example" in brackets is no IPv6 address`,
		at + "[fe80::1%eth0]:1":                `has a zone, which means nothing on another machine`,
		at + "2001:db8::1:30303":               `host "2001:db8::1" is an IPv6 address, which must stand in brackets`,
		at + "224.0.0.1:1":                     `host 224.0.0.1 is a multicast or broadcast address`,
		at + "[::ffff:224.0.0.1]:1":            `multicast`,
		at + "255.255.255.255:1":               `broadcast`,
		at + "127.0.0.1:":                      `TCP port is empty, want a number from 0 to 65535`,
		at + "127.0.0.1:foo":                   `TCP port "foo" is no number from 0 to 65535`,
		at + "127.0.0.1:65536":                 `TCP port "65536" is no number from 0 to 65535`,
		at + "127.0.0.1:-1":                    `TCP port "-1" is no`,
		at + "127.0.0.1:+1":                    `TCP port "+1" is no`,
		at + "127.0.0.1:1/":                    `TCP port "1/" is no`,
		at + "127.0.0.1:1#a":                   `TCP port "1#a" is no`,
		at + "127.0.0.1:1?discport=foo":        `discport "foo" is no number from 0 to 65535`,
		at + "127.0.0.1:1?discport=65536":      `discport "65536" is no`,
		at + "127.0.0.1:1?discport=":           `discport is empty`,
		at + "127.0.0.1:1?discport":            `discport is empty`,
		at + "127.0.0.1:1?discprot=2":          `parameter "discprot" after "?", the only one is "discport"`,
		at + "127.0.0.1:1?":                    `parameter "" after "?"`,
		at + "127.0.0.1:1?discport=1&a=2":      `discport "1&a=2" is no`,
		at + "127.0.0.256:1":                   `host "127.0.0.256" is neither an IPv4 address nor a DNS name`,
		at + "127.1:1":                         `host "127.1" is neither`,
		at + "a..b:1":                          `host "a..b" has an empty part between dots`,
		at + ".a:1":                            `has an empty part`,
		at + "-a.b:1":                          `has a part that begins or ends with a hyphen`,
		at + "a-.b:1":                          `has a part that begins or ends with a hyphen`,
		at + "a b:1":                           `host "a b" has ' ', which no DNS name has`,
		at + "user@host:1":                     `host "user@host" has '@'`,
		at + "a%20b:1":                         `has '%'`,
		at + strings.Repeat("a", 64) + ":1":    `has a part of 64 characters, at most 63`,
		at + strings.Repeat("a.", 127) + "a:1": `has 255 characters, at most 253`,
		at + strings.Repeat("a", 1<<20):        `characters long, at most 512`,
	})
}

func checkURLErrors(t *testing.T, cases map[string]string) {
	t.Helper()
	for url, want := range cases {
		_, err := Parse(url)
		switch {
		case err == nil:
			t.Errorf("accepted %.200q", url)
		case !strings.HasPrefix(err.Error(), "enode: node ") || !strings.Contains(err.Error(), want):
			t.Errorf("%.200q: error is %q, want %q", url, err, want)
		case len(err.Error()) > 200:
			t.Errorf("%.200q: error has %d characters", url, len(err.Error()))
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, c := range loadVectors(f).Cases {
		f.Add(c.URL)
	}
	key := testKey(f, 1).Public().String()
	f.Add(urlPrefix + key + "@[::ffff:1.2.3.4]:00?discport=1")
	f.Add(urlPrefix + key + "@_a-b.c.:65535?discport=0")
	r := testRecord(f, new(enr.Builder).SetIP(addr("::1")).SetUDP6(9).Set("x", rlp.AppendString(nil, "y")))
	f.Add(r.String())
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			if len(err.Error()) > 400 {
				t.Fatalf("error of %d characters for a text of %d", len(err.Error()), len(s))
			}
			return
		}
		for _, text := range []string{n.String(), n.URL()} {
			again, err := Parse(text)
			if err != nil {
				t.Fatalf("%q has text %q: %v", s, text, err)
			}
			if again.ID() != n.ID() || again.PublicKey() != n.PublicKey() || again.IP() != n.IP() || again.Hostname() != n.Hostname() {
				t.Fatalf("%q became %q", s, text)
			}
			// The URL of a node without address has no place for its ports.
			if (n.IP().IsValid() || n.Hostname() != "") && (again.UDP() != n.UDP() || again.TCP() != n.TCP()) {
				t.Fatalf("%q became %q", s, text)
			}
		}
		if n.Record() != nil && n.String() != s {
			t.Fatalf("record %q became %q", s, n)
		}
		n.UDPEndpoint()
		n.TCPEndpoint()
	})
}
