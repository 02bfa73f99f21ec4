//go:build !unix

package netio

import (
	"context"
	"net"
)

// AwaitReadable does not wait: there is no way to look without reading.
func AwaitReadable(context.Context, net.Conn) {}
