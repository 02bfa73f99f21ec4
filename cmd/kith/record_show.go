package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

var recordShowCommand = command{
	name:  "record show",
	args:  "ENR|URL|FILE",
	short: "print what is in a node record",
	long: `The argument is a record (enr:...), a node URL (enode://...), or a file that holds either;
"-" is standard input. All entries are shown, those unknown to Kith as RLP. A record that is not
valid is shown as far as it can be read, with the reason; the exit code is then 1.

With --json the output is one object: valid, error, id, enode, enr, seq, size (in bytes),
signature, and pairs: a list of key, value (for people) and rlp (the exact bytes).`,
	setup: func(fs *flagSet) action {
		var asJSON bool
		fs.boolean(&asJSON, "json", "write JSON")
		return func(_ context.Context, a *app, args []string) error {
			if err := want(args, "the record"); err != nil {
				return err
			}
			text, err := a.readNodeText(args[0])
			if err != nil {
				return err
			}
			return a.showRecord(text, asJSON)
		}
	},
}

// readNodeText returns s if it is the text of a node, else what the file s holds.
func (a *app) readNodeText(s string) (string, error) {
	if strings.HasPrefix(s, "enr:") || strings.HasPrefix(s, "enode:") {
		return s, nil
	}
	text, err := a.readInput(s)
	if errors.Is(err, fs.ErrNotExist) {
		return "", usagef("%q is neither a record (enr:...), nor a node URL (enode://...), nor a file", s)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the record: %w", err)
	}
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "enr:") && !strings.HasPrefix(text, "enode:") {
		return "", fmt.Errorf("file %q holds neither a record (enr:...) nor a node URL (enode://...)", s)
	}
	return text, nil
}

// recordJSON describes a record.
type recordJSON struct {
	Valid     bool       `json:"valid"`
	Error     string     `json:"error,omitempty"`
	ID        *enode.ID  `json:"id,omitempty"`
	Enode     string     `json:"enode,omitempty"`
	ENR       string     `json:"enr"`
	Seq       uint64     `json:"seq"`
	Size      int        `json:"size"`
	Signature string     `json:"signature"`
	Pairs     []pairJSON `json:"pairs"`
}

type pairJSON struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	RLP   string `json:"rlp"`
}

func (a *app) showRecord(text string, asJSON bool) error {
	if !strings.HasPrefix(text, "enr:") {
		return a.showURL(text, asJSON)
	}
	rec, invalid := enr.Parse(text)
	out, err := looseRecord(text)
	if err != nil {
		return fmt.Errorf("no record: %w", cmp.Or(invalid, err))
	}
	out.Valid = invalid == nil
	if out.Valid {
		node, err := enode.FromRecord(rec)
		if err != nil {
			return err
		}
		id := node.ID()
		out.ID, out.Enode = &id, node.URL()
	} else {
		out.Error = invalid.Error()
	}
	if asJSON {
		a.writeJSON(out)
	} else {
		a.writeRecord(out)
	}
	if invalid != nil {
		return fmt.Errorf("the record is not valid: %w", invalid)
	}
	return nil
}

// showURL shows an enode:// URL, which has no record.
func (a *app) showURL(url string, asJSON bool) error {
	n, err := enode.Parse(url)
	if err != nil {
		return usageError{err}
	}
	if asJSON {
		a.writeJSON(describe(n))
		return nil
	}
	writeNode(a, n)
	return nil
}

func (a *app) writeRecord(r recordJSON) {
	if r.Valid {
		fmt.Fprintf(a.stdout, "id         %s\n", r.ID)
	}
	fmt.Fprintf(a.stdout, "seq        %d\n", r.Seq)
	fmt.Fprintf(a.stdout, "size       %d of at most %d bytes\n", r.Size, enr.MaxSize)
	if r.Valid {
		fmt.Fprintln(a.stdout, "signature  valid")
	} else {
		fmt.Fprintf(a.stdout, "NOT VALID  %s\n", r.Error)
	}
	fmt.Fprintf(a.stdout, "           %s\n", r.Signature)
	for _, p := range r.Pairs {
		fmt.Fprintf(a.stdout, "  %-10s %s\n", p.Key, p.Value)
	}
	if r.Valid {
		fmt.Fprintln(a.stdout, r.Enode)
	}
}

// looseRecord reads as much of a record as its RLP gives, valid or not.
func looseRecord(text string) (recordJSON, error) {
	out := recordJSON{ENR: text, Pairs: []pairJSON{}}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "enr:"))
	if err != nil {
		return out, errors.New("the text is not base64url without padding")
	}
	out.Size = len(raw)
	outer := rlp.NewCursor(raw)
	c := outer.List()
	out.Signature = "0x" + hex.EncodeToString(c.Bytes())
	out.Seq = c.Uint64()
	if err := c.Err(); err != nil {
		return out, err
	}
	for c.More() {
		key := string(c.Bytes())
		value := c.Raw()
		if c.Err() != nil {
			break // what was read is shown, and the record is not valid
		}
		out.Pairs = append(out.Pairs, pairJSON{printable(key), entryText(key, value), "0x" + hex.EncodeToString(value)})
	}
	return out, nil
}

// entryText is the value of an entry for people.
func entryText(key string, item []byte) string {
	kind, content, _, err := rlp.Split(item)
	if err == nil && kind == rlp.String {
		switch key {
		case "ip", "ip6":
			if ip, ok := netip.AddrFromSlice(content); ok {
				return ip.String()
			}
		case "tcp", "tcp6", "udp", "udp6":
			c := rlp.NewCursor(item)
			if port := c.Uint64(); c.Err() == nil {
				return strconv.FormatUint(port, 10)
			}
		case "id":
			return printable(string(content))
		}
	}
	var b strings.Builder
	writeItem(&b, item, 0)
	return b.String()
}

// printable is s as it is, or quoted if it is not plain text.
func printable(s string) string {
	if q := strconv.QuoteToASCII(s); s == "" || q != `"`+s+`"` || strings.Contains(s, " ") {
		return q
	}
	return s
}

// writeItem writes one RLP item: a list as [a b c], a text in quotes, other
// bytes in hex.
func writeItem(b *strings.Builder, item []byte, depth int) {
	kind, content, _, err := rlp.Split(item)
	switch {
	case err != nil || depth > rlp.MaxDepth:
		b.WriteString("0x" + hex.EncodeToString(item) + " (no canonical RLP)")
	case kind == rlp.List:
		b.WriteByte('[')
		c := rlp.NewCursor(content)
		for first := true; c.More(); first = false {
			rest := c.Rest()
			next := c.Raw()
			if c.Err() != nil {
				next = rest
			}
			if !first {
				b.WriteByte(' ')
			}
			writeItem(b, next, depth+1)
		}
		b.WriteByte(']')
	case isText(content):
		b.WriteString(strconv.Quote(string(content)))
	default:
		b.WriteString("0x" + hex.EncodeToString(content))
	}
}

// isText reports whether bytes are likely meant as text.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 1
}
