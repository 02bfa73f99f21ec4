package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

const (
	exampleURL = "enode://ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31387574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f@127.0.0.1:0?discport=30303"
	exampleENR = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"
)

// FuzzFlags: whatever the command line, what is not a flag or its value comes
// out as an argument, in order, and an error is one of usage.
func FuzzFlags(f *testing.F) {
	f.Add("--n\n5\nx\n-b\n--\n-y")
	f.Add("-b=false\n--s=\n--n=10")
	f.Add("--help")
	f.Add("---n\n=\n-=\n--=x")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		fs, v := testFlags()
		pos, err := fs.parse(args)
		var usage usageError
		if err != nil {
			if err != errHelp && !errors.As(err, &usage) {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if v.n < 0 || v.n > 9 {
			t.Fatalf("%q: n is %d", args, v.n)
		}
		rest := args
		for _, p := range pos {
			i := slices.Index(rest, p)
			if i < 0 {
				t.Fatalf("%q: argument %q out of place in %q", args, p, pos)
			}
			rest = rest[i+1:]
		}
		again, err := newFlagSet().parse(append([]string{"--"}, pos...))
		if err != nil || !slices.Equal(again, pos) {
			t.Fatalf("%q: %q, then %q, %v", args, pos, again, err)
		}
	})
}

// FuzzNodeFile: a list that can be read names the same nodes when it is written
// one on a line.
func FuzzNodeFile(f *testing.F) {
	f.Add(exampleURL + "," + exampleENR + "\n# nobody\n\n , " + exampleURL)
	f.Add("enode://12@127.0.0.1:1")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseNodeFile(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(list) > maxListed {
			t.Fatalf("%d nodes", len(list))
		}
		var lines strings.Builder
		for _, n := range list {
			lines.WriteString(n.String() + "\n")
		}
		again, err := parseNodeFile(strings.NewReader(lines.String()))
		if err != nil || !slices.EqualFunc(list, again, func(a, b *enode.Node) bool { return a.ID() == b.ID() }) {
			t.Fatalf("%q: %v, then %v, %v", text, list, again, err)
		}
	})
}

// FuzzPrefixes: networks that can be read are read again from their own text.
func FuzzPrefixes(f *testing.F) {
	f.Add("10.0.0.0/8, fd00::/8")
	f.Add("127.0.0.1/32,::1/128,10.0.0.1/8")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parsePrefixes(s)
		if err != nil {
			return
		}
		for _, p := range list {
			again, err := parsePrefixes(p.String())
			if err != nil || len(again) != 1 || again[0] != p {
				t.Fatalf("%q: %v, then %v, %v", s, p, again, err)
			}
		}
	})
}

// FuzzEntry: an entry that can be read is one that a record takes.
func FuzzEntry(f *testing.F) {
	f.Add("snap=c0")
	f.Add("eth=0xc7c6847dd3da3c80")
	f.Add("udp=8200ff")
	f.Fuzz(func(t *testing.T, s string) {
		key, value, err := parseEntry(s)
		if err == nil && (key == "" || rlp.Valid(value) != nil || !strings.HasPrefix(s, key+"=")) {
			t.Fatalf("%q: %q, %x", s, key, value)
		}
	})
}

// FuzzWanted: what resolve and lookup take has an ID, and a node of that ID
// unless it was a bare ID.
func FuzzWanted(f *testing.F) {
	f.Add(exampleURL)
	f.Add(exampleENR)
	f.Add("0xa448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7")
	f.Add("03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138")
	f.Fuzz(func(t *testing.T, s string) {
		id, n, err := parseWanted(s)
		if err == nil && n != nil && n.ID() != id {
			t.Fatalf("%q: %v, %v", s, id, n)
		}
	})
}

// FuzzRecord: every valid record is shown with all its entries, and nothing that
// is shown breaks the terminal.
func FuzzRecord(f *testing.F) {
	f.Add(exampleENR)
	f.Add("enr:wYA")
	f.Add("enr:" + strings.Repeat("w", 400))
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, "enr:") {
			return
		}
		out, err := looseRecord(text)
		for _, p := range out.Pairs {
			for _, r := range p.Key + p.Value {
				if r < ' ' || r == utf8.RuneError || r > '~' {
					t.Fatalf("%q: %q", text, p)
				}
			}
		}
		rec, invalid := enr.Parse(text)
		if invalid != nil {
			return
		}
		n := 0
		for range rec.Pairs() {
			n++
		}
		if err != nil || out.Seq != rec.Seq() || out.Size != len(rec.Raw()) || len(out.Pairs) != n {
			t.Fatalf("%q: %+v, %v", text, out, err)
		}
	})
}

// FuzzKey: a key that can be read is written and read as the same.
func FuzzKey(f *testing.F) {
	f.Add("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291\n")
	f.Add("0x" + strings.Repeat("0", 63) + "1")
	f.Add(strings.Repeat("f", 64))
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseKey(s)
		if err != nil {
			return
		}
		again, err := parseKey(keyText(k))
		if err != nil || again.Bytes() != k.Bytes() {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

// TestKeyFileLeftAlone: the file appears whole or not at all, and nothing else
// stays behind.
func TestKeyFileLeftAlone(t *testing.T) {
	dir := t.TempDir()
	k, err := parseKey(strings.Repeat("1", 64))
	if err != nil {
		t.Fatal(err)
	}
	if err := createKeyFile(dir+"/key", k); err != nil {
		t.Fatal(err)
	}
	if err := createKeyFile(dir+"/key", k); !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
}
