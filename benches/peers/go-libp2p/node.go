package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	"github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	protocolName protocol.ID = "/protocol/1.0.0"
	serviceName              = "service"
	// What one reservation asks for.
	size = 4096
	// A limit that nothing reaches. It is checked all the same, which go-libp2p does not do with the
	// largest number.
	ample = 1 << 40
)

// limits are those of each kind of scope.
type limits = rcmgr.PartialLimitConfig

// ampleLimits are finite in every scope.
func ampleLimits() limits {
	every := all(ample)
	return limits{
		System: every, Transient: every, AllowlistedSystem: every, AllowlistedTransient: every,
		ServiceDefault: every, ServicePeerDefault: every,
		ProtocolDefault: every, ProtocolPeerDefault: every,
		PeerDefault: every, Conn: every, Stream: every,
	}
}

// node is a resource manager. What is opened in it stays open if it is not closed.
type node struct {
	manager network.ResourceManager
}

// all limits everything to so many.
func all(count int64) rcmgr.ResourceLimits {
	n := rcmgr.LimitVal(count)
	return rcmgr.ResourceLimits{
		Streams: n, StreamsInbound: n, StreamsOutbound: n,
		Conns: n, ConnsInbound: n, ConnsOutbound: n,
		FD: n, Memory: rcmgr.LimitVal64(count),
	}
}

// newNode makes a manager whose metrics are off, or those that libp2p.New has without options: the
// manager reports to Prometheus by itself, and libp2p.New registers it with the default registerer.
// Without options there are no rates.
func newNode(metrics bool, of limits, options ...rcmgr.Option) *node {
	limiter := rcmgr.NewFixedLimiter(of.Build(rcmgr.ConcreteLimitConfig{}))
	return newNodeLimitedBy(metrics, limiter, options...)
}

func newNodeLimitedBy(metrics bool, limiter rcmgr.Limiter, options ...rcmgr.Option) *node {
	options = append([]rcmgr.Option{withoutRates()}, options...)
	if metrics {
		rcmgr.MustRegisterWith(prometheus.DefaultRegisterer)
	} else {
		options = append(options, rcmgr.WithMetricsDisabled())
	}
	return &node{must(rcmgr.NewResourceManager(limiter, options...))}
}

func (n *node) close() {
	check(n.manager.Close())
}

// know connects to a peer and stays connected, so that its scope is not collected.
func (n *node) know(p peer.ID) {
	connection := must(n.manager.OpenConnection(network.DirInbound, true, nameless))
	check(connection.SetPeer(p))
}

// stream opens a stream of the protocol and the service.
func (n *node) stream(p peer.ID) network.StreamManagementScope {
	stream := n.protocolStream(p)
	check(stream.SetService(serviceName))
	return stream
}

// protocolStream opens a stream of the protocol, without a service.
func (n *node) protocolStream(p peer.ID) network.StreamManagementScope {
	stream := must(n.manager.OpenStream(p, network.DirInbound))
	check(stream.SetProtocol(protocolName))
	return stream
}

// nameless is where a connection comes from whose IP is not known.
var nameless = multiaddr.StringCast("/dns4/node.example/tcp/4001")

// address is the one of so many, each an IP of its own.
func address(number int) multiaddr.Multiaddr {
	ip := fmt.Sprintf("10.%d.%d.%d", number>>16&255, number>>8&255, number&255)
	return multiaddr.StringCast("/ip4/" + ip + "/tcp/4001")
}

// withoutRates lets connections come as fast as they can. By default all that have no IP share one
// bucket of 16 and one more each five seconds.
func withoutRates() rcmgr.Option {
	return rcmgr.WithConnRateLimiters(new(rate.Limiter))
}

// withAmpleBursts is the default limiter of rates, with room for more at once than the 16 of each
// IP: they would be used up in the first moments.
func withAmpleBursts() rcmgr.Option {
	limit := func(prefix int, perSecond float64) rate.SubnetLimit {
		return rate.SubnetLimit{
			PrefixLength: prefix,
			Limit:        rate.Limit{RPS: perSecond, Burst: 1 << 30},
		}
	}
	return rcmgr.WithConnRateLimiters(&rate.Limiter{
		NetworkPrefixLimits: []rate.PrefixLimit{
			{Prefix: rcmgr.DefaultNetworkPrefixLimitV4[0].Network},
			{Prefix: rcmgr.DefaultNetworkPrefixLimitV6[0].Network},
		},
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{limit(32, 0.2)},
			IPv6SubnetLimits: []rate.SubnetLimit{limit(56, 0.2), limit(48, 0.5)},
			GracePeriod:      time.Minute,
		},
	})
}

// newPeers makes identifiers like those of Ed25519 keys, 38 bytes each: a header and a random key.
// They are never the same within a process.
func newPeers(count int) []peer.ID {
	const header = "\x00\x24\x08\x01\x12\x20"
	const each = len(header) + 32
	bytes := make([]byte, count*each)
	must(random.Read(bytes))
	for i := range count {
		copy(bytes[i*each:], header)
	}
	all := string(bytes)
	peers := make([]peer.ID, count)
	for i := range peers {
		peers[i] = peer.ID(all[i*each : (i+1)*each])
	}
	return peers
}

// Seeded, so that runs are alike.
var random = rand.NewChaCha8([32]byte{})

// check panics: what is checked has room for everything.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
