package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/kithnet/kith/secp"
)

var versionCommand = command{
	name:  "version",
	short: "print the version",
	setup: func(fs *flagSet) action {
		var asJSON bool
		fs.boolean(&asJSON, "json", "write JSON")
		return func(_ context.Context, a *app, args []string) error {
			if err := want(args); err != nil {
				return err
			}
			v := readVersion()
			if asJSON {
				a.writeJSON(v)
			} else {
				fmt.Fprintf(a.stdout, "kith %s, %s, %s, secp256k1 by %s\n", v.Version, v.Go, v.Platform, v.Backend)
			}
			return nil
		}
	},
}

type versionJSON struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Backend  string `json:"secp256k1"`
}

// readVersion tells what the Go tool recorded in the program.
func readVersion() versionJSON {
	v := versionJSON{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Backend: secp.Backend}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	return v
}
