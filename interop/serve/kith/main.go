// Command kith runs Kith's discovery nodes for the comparison, driven through
// its standard input (see internal/control).
package main

import (
	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/kithnode"
)

func main() { control.Main(kithnode.Implementation) }
