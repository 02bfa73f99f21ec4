package discover

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	resolveFirst = time.Second      // first pause after a name that did not resolve; it doubles
	resolveMax   = time.Minute      // up to this
	resolveAgain = 10 * time.Minute // names are resolved anew this often: addresses move

	// resolveTimeout bounds one attempt, so that a name server that doesn't
	// answer holds up the other bootnodes no longer: two of the usual tries of
	// five seconds (resolv.conf).
	resolveTimeout = 10 * time.Second
)

// resolveBootnodes looks up the names of bootnodes until Close.
func (t *UDP) resolveBootnodes(named []*enode.Node) {
	resolve := t.cfg.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	known := make(map[enode.ID]netip.Addr)
	pause := resolveFirst
	for {
		failed := false
		for _, n := range named {
			ctx, cancel := context.WithTimeout(t.ctx, resolveTimeout)
			addrs, err := resolve(ctx, n.Hostname())
			cancel()
			if t.ctx.Err() != nil {
				return
			}
			if err != nil || len(addrs) == 0 {
				failed = true
				t.log.Warn("bootnode's name does not resolve, will try again", "host", n.Hostname(), "in", pause, "err", err)
				continue
			}
			if old, ok := known[n.ID()]; ok && slices.Contains(addrs, old) {
				continue // servers give several addresses in any order
			}
			addr := pickAddr(addrs, t.conn.LocalAddr().Addr())
			if known[n.ID()] != addr {
				known[n.ID()] = addr
				t.log.Info("bootnode resolved", "host", n.Hostname(), "ip", addr)
				t.do(func(m *machines) { m.Table.AddBootnode(n.WithHostIP(addr)) })
			}
		}
		wait := resolveAgain
		if failed {
			wait = pause
			pause = min(2*pause, resolveMax)
		}
		if !t.sleep(t.ctx, wait) {
			return
		}
	}
}

// pickAddr prefers IPv4, which most nodes can reach, except from a socket that
// is bound to an IPv6 address.
func pickAddr(addrs []netip.Addr, local netip.Addr) netip.Addr {
	want4 := local.Is4() || local.IsUnspecified()
	i := slices.IndexFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() == want4 })
	return addrs[max(i, 0)].Unmap()
}
