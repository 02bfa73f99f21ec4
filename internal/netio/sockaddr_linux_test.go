package netio

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSockaddr(t *testing.T) {
	for _, test := range []struct {
		to   string
		v6   bool
		size int
		back string
	}{
		{"127.0.0.1:30303", false, unix.SizeofSockaddrInet4, "127.0.0.1:30303"},
		{"127.0.0.1:30303", true, unix.SizeofSockaddrInet6, "127.0.0.1:30303"},
		{"[::ffff:10.1.2.3]:1", false, unix.SizeofSockaddrInet4, "10.1.2.3:1"},
		{"[::ffff:10.1.2.3]:1", true, unix.SizeofSockaddrInet6, "10.1.2.3:1"},
		{"[2001:db8::1]:65535", true, unix.SizeofSockaddrInet6, "[2001:db8::1]:65535"},
		{"[fe80::1%lo]:5", true, unix.SizeofSockaddrInet6, "[fe80::1]:5"},
		{"[2001:db8::1]:65535", false, 0, ""},
	} {
		var s sockaddr
		for i := range s {
			s[i] = 0xff // what a former packet left
		}
		n := s.put(netip.MustParseAddrPort(test.to), test.v6)
		if n != test.size {
			t.Errorf("%s: %d bytes, expected %d", test.to, n, test.size)
		}
		if n == 0 {
			continue
		}
		if back := s.get(n).String(); back != test.back {
			t.Errorf("%s: comes back as %s", test.to, back)
		}
	}
	var s sockaddr
	if s.put(netip.AddrPort{}, true) != 0 || s.put(netip.AddrPort{}, false) != 0 {
		t.Error("the zero address has a socket address")
	}
}

// FuzzSockaddr checks that whatever the kernel might say is read without a
// panic, and that an endpoint which was read can be written and is the same.
func FuzzSockaddr(f *testing.F) {
	var s sockaddr
	f.Add(s[:s.put(netip.MustParseAddrPort("127.0.0.1:30303"), false)])
	f.Add(s[:s.put(netip.MustParseAddrPort("127.0.0.1:30303"), true)])
	f.Add(s[:s.put(netip.MustParseAddrPort("[2001:db8::1]:9000"), true)])
	f.Add([]byte{unix.AF_UNIX, 0, '/', 't'})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again sockaddr
		from := s.get(copy(s[:], data))
		if !from.IsValid() {
			return
		}
		if from.Addr().Is4In6() || from.Addr().Zone() != "" {
			t.Fatalf("%v is not plain", from)
		}
		if back := again.get(again.put(from, true)); back != from {
			t.Fatalf("%v came back as %v", from, back)
		}
	})
}
