package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

var recordSignCommand = command{
	name:  "record sign",
	args:  "[RECORD]",
	short: "make and sign a node record",
	long: `It prints the record (enr:...). With RECORD, or a file that holds one, the new record has
its entries too, and the next sequence number unless --seq says otherwise; it may be of another
key. With --json the output is one object: enr, id, seq, size.`,
	setup: func(fs *flagSet) action {
		s := &signer{given: fs.isSet}
		s.key.define(fs)
		fs.uint64(&s.seq, "seq", "sequence `NUMBER`: peers take a higher one for newer (without it RECORD's plus 1, or 1)")
		fs.addr(&s.ip, "ip", "IPv4 `ADDRESS`", wantIP4)
		fs.addr(&s.ip6, "ip6", "IPv6 `ADDRESS`", wantIP6)
		fs.port(&s.tcp, "tcp", "TCP `PORT`; 0 leaves it out")
		fs.port(&s.udp, "udp", "UDP `PORT`; 0 leaves it out")
		fs.port(&s.tcp6, "tcp6", "TCP `PORT` for IPv6, where it differs")
		fs.port(&s.udp6, "udp6", "UDP `PORT` for IPv6, where it differs")
		fs.list(&s.set, "set", "another entry, `KEY=HEX`: the hex digits of one RLP item, as \"record show --json\" gives them; may be given again")
		fs.list(&s.remove, "delete", "leave out the entry `KEY` of RECORD; may be given again")
		fs.boolean(&s.json, "json", "write JSON")
		return s.run
	},
}

type signer struct {
	key                  keyFlags
	seq                  uint64
	ip, ip6              netip.Addr
	tcp, udp, tcp6, udp6 uint16
	set, remove          []string
	json                 bool
	given                func(flag string) bool
}

func (s *signer) run(_ context.Context, a *app, args []string) error {
	if len(args) > 0 {
		if err := want(args, "RECORD"); err != nil {
			return err
		}
	}
	key, err := s.key.load(a)
	if err != nil {
		return err
	}
	if key == nil {
		return usagef("no key to sign with: give one by --nodekey or --nodekeyhex")
	}
	var from *enr.Record
	if len(args) > 0 {
		text, err := a.readNodeText(args[0])
		if err != nil {
			return err
		}
		if from, err = enr.Parse(text); err != nil {
			return usagef("RECORD: %w", err)
		}
	}
	rec, err := s.sign(from, key)
	if err != nil {
		return err
	}
	if s.json {
		a.writeJSON(struct {
			ENR  string `json:"enr"`
			ID   string `json:"id"`
			Seq  uint64 `json:"seq"`
			Size int    `json:"size"`
		}{rec.String(), describeKey(key).ID.String(), rec.Seq(), len(rec.Raw())})
	} else {
		fmt.Fprintln(a.stdout, rec)
	}
	return nil
}

func (s *signer) sign(from *enr.Record, key *secp.PrivateKey) (*enr.Record, error) {
	b, seq := new(enr.Builder), uint64(1)
	if from != nil {
		b, seq = enr.NewBuilder(from), from.Seq()+1
	}
	switch {
	case s.given("seq"):
		seq = s.seq
	case seq == 0:
		return nil, usagef("RECORD has the highest sequence number there is: give one by --seq")
	}
	for _, key := range s.remove {
		b.Delete(key)
	}
	for _, ip := range []netip.Addr{s.ip, s.ip6} {
		if ip.IsValid() {
			b.SetIP(ip)
		}
	}
	for _, p := range []struct {
		flag string
		port uint16
		set  func(uint16) *enr.Builder
	}{{"tcp", s.tcp, b.SetTCP}, {"udp", s.udp, b.SetUDP}, {"tcp6", s.tcp6, b.SetTCP6}, {"udp6", s.udp6, b.SetUDP6}} {
		if s.given(p.flag) {
			p.set(p.port)
		}
	}
	for _, entry := range s.set {
		key, value, err := parseEntry(entry)
		if err != nil {
			return nil, usagef("--set %q: %w", entry, err)
		}
		b.Set(key, value)
	}
	rec, err := b.Sign(key, seq)
	if errors.Is(err, enr.ErrSize) {
		return nil, fmt.Errorf("%w: leave out entries", err)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return rec, nil
}

// parseEntry reads KEY=HEX, where HEX is one RLP item.
func parseEntry(s string) (key string, value []byte, err error) {
	key, digits, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return "", nil, errors.New("want KEY=HEX")
	}
	switch key {
	case "id", "secp256k1":
		return "", nil, errors.New("this entry follows from the key")
	}
	value, err = hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	if err != nil {
		return "", nil, errors.New("what follows \"=\" is not an even number of hex digits")
	}
	if err := rlp.Valid(value); err != nil {
		return "", nil, fmt.Errorf("the hex digits are not one RLP item: %w", err)
	}
	return key, value, nil
}
