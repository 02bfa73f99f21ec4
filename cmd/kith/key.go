package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

var keyGenerateCommand = command{
	name:  "key generate",
	args:  "[FILE]",
	short: "make a node key",
	long: `The private key is written to FILE, as 64 hex digits, readable by its owner only; the
public key and node ID are printed. A file that exists is never overwritten. Without FILE the
private key itself is printed, and nothing else. With --json that is one object: file or private,
public, id.`,
	setup: func(fs *flagSet) action {
		var asJSON bool
		fs.boolean(&asJSON, "json", "write JSON")
		return func(_ context.Context, a *app, args []string) error {
			if len(args) > 0 {
				if err := want(args, "FILE"); err != nil {
					return err
				}
			}
			return a.generateKey(args, asJSON)
		}
	},
}

var keyShowCommand = command{
	name:  "key show",
	args:  "FILE",
	short: "print a key's public key and node ID",
	long: `FILE holds a private key as 64 hex digits; "-" is standard input. With --json the output
is one object: public, compressed, id, and private if asked for.`,
	setup: func(fs *flagSet) action {
		var asJSON, private bool
		fs.boolean(&asJSON, "json", "write JSON")
		fs.boolean(&private, "private", "print the private key too")
		return func(_ context.Context, a *app, args []string) error {
			if err := want(args, "the key file"); err != nil {
				return err
			}
			k, err := a.readKey(args[0])
			if err != nil {
				return err
			}
			out := describeKey(k)
			if private {
				out.Private = strings.TrimSpace(keyText(k))
			}
			a.writeKey(out, asJSON)
			return nil
		}
	},
}

// keyJSON describes a key.
type keyJSON struct {
	File       string   `json:"file,omitempty"`
	Private    string   `json:"private,omitempty"`
	Public     string   `json:"public"`
	Compressed string   `json:"compressed"`
	ID         enode.ID `json:"id"`
}

func describeKey(k *secp.PrivateKey) keyJSON {
	pub := k.Public()
	short := pub.Compressed()
	return keyJSON{Public: pub.String(), Compressed: hex.EncodeToString(short[:]), ID: enode.PubkeyID(&pub)}
}

func (a *app) generateKey(args []string, asJSON bool) error {
	k, err := secp.GenerateKey()
	if err != nil {
		return err
	}
	out := describeKey(k)
	if len(args) == 0 {
		if !asJSON {
			fmt.Fprint(a.stdout, keyText(k))
			return nil
		}
		out.Private = strings.TrimSpace(keyText(k))
		a.writeKey(out, asJSON)
		return nil
	}
	switch err := createKeyFile(args[0], k); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%q exists and is not overwritten: choose another name, or move it away", args[0])
	case err != nil:
		return fmt.Errorf("cannot write the key: %w", err)
	}
	out.File = args[0]
	a.writeKey(out, asJSON)
	return nil
}

func (a *app) writeKey(k keyJSON, asJSON bool) {
	if asJSON {
		a.writeJSON(k)
		return
	}
	if k.Private != "" {
		fmt.Fprintf(a.stdout, "private     %s\n", k.Private)
	}
	fmt.Fprintf(a.stdout, "public      %s\ncompressed  %s\nid          %s\n", k.Public, k.Compressed, k.ID)
}
