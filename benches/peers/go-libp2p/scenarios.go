package main

import (
	"fmt"
	"strings"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/multiformats/go-multiaddr"
)

// setup is how a scenario is to be run.
type setup struct {
	metrics bool
	threads int
	// All threads are about one peer, or each about a peer of its own.
	shared bool
	// At most maxSmall of anything.
	small bool
}

// count is how many there are of something of which a scenario has so many.
func (s setup) count(full int) int {
	if s.small {
		return min(full, maxSmall)
	}
	return full
}

// scenario is measured by its time, or by the bytes that what it holds takes.
type scenario struct {
	name    string
	prepare func(setup) (*prepared, error)
	hold    func(n *node, peers []peer.ID, into []any)
	// Why it can be neither; empty if it can.
	cannot string
}

var scenarios = []scenario{
	{name: "reserve-service", prepare: reserve((*node).stream)},
	{name: "reserve-protocol", prepare: reserve((*node).protocolStream)},
	{name: "stream-one-peer", prepare: streamOnePeer},
	{name: "stream-10k-peers", prepare: streamKnownPeers(many, inTurn)},
	{name: "stream-new-peer", prepare: streamNewPeer},
	{name: "stream-1k-peers", prepare: streamKnownPeers(1_000, scattered)},
	{name: "stream-1m-peers", prepare: streamKnownPeers(1_000_000, scattered)},
	{name: "connection", prepare: connection},
	{name: "connection-10k-ips", prepare: connectionManyIPs},
	{name: "span", prepare: span},
	{name: "refused-system", prepare: refusedBy("system", func(l *limits) { l.System.Memory = size - 1 })},
	{name: "refused-own", prepare: refusedBy("stream-", func(l *limits) { l.Stream.Memory = size - 1 })},
	{name: "refused-stream", prepare: refusedStream},
	{name: "refused-ip", prepare: refusedIP},
	{name: "stats-10k", prepare: statsOf(10_000)},
	{name: "stats-1m", prepare: statsOf(1_000_000)},
	{name: "collect-1m", cannot: "it collects by a timer of one minute, and not when asked"},
	{name: "swap", prepare: swap},
	{name: "bytes-stream", hold: holdStreams},
	{name: "bytes-connection", hold: holdConnections},
	{name: "bytes-span", hold: holdSpans},
	{name: "bytes-peer-stream", hold: holdPeerStreams},
}

func find(name string) (*scenario, error) {
	for i := range scenarios {
		if scenarios[i].name == name {
			return &scenarios[i], nil
		}
	}
	return nil, fmt.Errorf("no scenario is named %s", name)
}

const (
	// As many peers, IPs, or names with limits of their own.
	many = 10_000
	// In a smoke run.
	maxSmall = 1_000
	// What go-libp2p admits of an IP at once by default.
	ofOneIP = 8
)

// known makes a node that has room for everything and is connected to the peer of each thread. A
// stream of a further peer is always open, so that its protocol and service are never collected.
func (s setup) known(options ...rcmgr.Option) (*node, []peer.ID) {
	return s.knownIn(newNode(s.metrics, ampleLimits(), options...))
}

func (s setup) knownIn(n *node) (*node, []peer.ID) {
	n.stream(newPeers(1)[0])
	peers := newPeers(s.threads)
	for i := range peers {
		if s.shared {
			peers[i] = peers[0]
		}
		n.know(peers[i])
	}
	return n, peers
}

// ready makes work for each thread, and lets each do it once to see that it comes out as it should.
func (s setup) ready(n *node, workOf func(thread int) work) (*prepared, error) {
	works := make([]work, s.threads)
	for thread := range works {
		works[thread] = workOf(thread)
		works[thread].run(1)
	}
	return &prepared{works: works, close: n.close}, nil
}

func reserve(stream func(*node, peer.ID) network.StreamManagementScope) func(setup) (*prepared, error) {
	return func(s setup) (*prepared, error) {
		n, peers := s.known()
		return s.ready(n, func(thread int) work { return &reservations{stream(n, peers[thread])} })
	}
}

func span(s setup) (*prepared, error) {
	n, peers := s.known()
	return s.ready(n, func(thread int) work { return &spans{n.stream(peers[thread])} })
}

func streamOnePeer(s setup) (*prepared, error) {
	n, peers := s.known()
	return s.ready(n, func(thread int) work {
		return &streams{node: n, peers: peers[thread : thread+1]}
	})
}

// streamKnownPeers has all threads go through so many peers in an order, or each through so many of
// its own.
func streamKnownPeers(count int, order func([]peer.ID) []peer.ID) func(setup) (*prepared, error) {
	return func(s setup) (*prepared, error) {
		count, groups := s.count(count), s.threads
		if s.shared {
			groups = 1
		}
		if groups*count > maxKept {
			return nil, fmt.Errorf("hold %d peers, at most %d", groups*count, maxKept)
		}
		n, _ := s.known()
		turns := make([][]peer.ID, groups)
		for group := range turns {
			peers := newPeers(count)
			for _, p := range peers {
				n.know(p)
				// What the peer has of the protocol and the service stays as long as the peer.
				n.stream(p).Done()
			}
			turns[group] = order(peers)
		}
		return s.ready(n, func(thread int) work {
			return &streams{node: n, peers: turns[thread%groups]}
		})
	}
}

func inTurn(peers []peer.ID) []peer.ID { return peers }

// scattered is an order without a pattern, in which peers come again.
func scattered(peers []peer.ID) []peer.ID {
	turns := make([]peer.ID, 1<<20)
	for i := range turns {
		turns[i] = peers[random.Uint64()%uint64(len(peers))]
	}
	return turns
}

// streamNewPeer has a manager of its own for each run: the peers of earlier ones would stay for up to
// a minute.
func streamNewPeer(s setup) (*prepared, error) {
	works := make([]work, s.threads)
	var n *node
	closeNode := func() {
		if n != nil {
			n.close()
		}
	}
	anew := func(times int) {
		closeNode()
		n, _ = s.known()
		for thread := range works {
			works[thread] = &streams{node: n, peers: newPeers(times)}
		}
	}
	anew(1)
	for _, w := range works {
		w.run(1)
	}
	return &prepared{works: works, anew: anew, close: closeNode}, nil
}

func connection(s setup) (*prepared, error) {
	n, peers := s.known()
	addresses := []multiaddr.Multiaddr{nameless}
	return s.ready(n, func(thread int) work {
		return &connections{node: n, peer: peers[thread], addresses: addresses}
	})
}

// connectionManyIPs has each thread go through IPs of its own: at an IP of many threads there would
// be refusals.
func connectionManyIPs(s setup) (*prepared, error) {
	n, peers := s.known(withAmpleBursts())
	return s.ready(n, func(thread int) work {
		addresses := make([]multiaddr.Multiaddr, s.count(many))
		for i := range addresses {
			addresses[i] = address(thread*many + i)
		}
		w := &connections{node: n, peer: peers[thread], addresses: addresses}
		// Each has been there before.
		w.run(len(addresses))
		return w
	})
}

// refusedBy is about reservations that the scope of that name refuses, under lower limits.
func refusedBy(scope string, lower func(*limits)) func(setup) (*prepared, error) {
	return func(s setup) (*prepared, error) {
		low := ampleLimits()
		lower(&low)
		n, peers := s.knownIn(newNode(s.metrics, low))
		return s.ready(n, func(thread int) work {
			stream := n.stream(peers[thread])
			refusedAs(stream.ReserveMemory(size, priority), scope)
			return &refusedReservations{stream}
		})
	}
}

// refusedStream is about a peer that has the one stream that it may.
func refusedStream(s setup) (*prepared, error) {
	low := ampleLimits()
	low.PeerDefault.Streams = 1
	n, peers := s.knownIn(newNode(s.metrics, low))
	return s.ready(n, func(thread int) work {
		if !s.shared || thread == 0 {
			n.stream(peers[thread])
		}
		_, err := n.manager.OpenStream(peers[thread], network.DirInbound)
		refusedAs(err, "peer:")
		return &refusedStreams{n, peers[thread]}
	})
}

// refusedIP is about an IP that has as many connections as the default limit allows, for all threads
// or for each.
func refusedIP(s setup) (*prepared, error) {
	n, _ := s.known()
	return s.ready(n, func(thread int) work {
		from := address(thread)
		if s.shared {
			from = address(0)
		}
		if !s.shared || thread == 0 {
			for range ofOneIP {
				must(n.manager.OpenConnection(network.DirInbound, true, from))
			}
		}
		_, err := n.manager.OpenConnection(network.DirInbound, true, from)
		refusedAs(err, "connections per ip limit exceeded")
		return &refusedConnections{n, from}
	})
}

// refusedAs panics unless it was refused for that reason.
func refusedAs(err error, reason string) {
	refused(err)
	if !strings.Contains(err.Error(), reason) {
		panic(fmt.Sprintf("refused for another reason than %s: %v", reason, err))
	}
}

// statsOf is about so many peers, each with a connection.
func statsOf(count int) func(setup) (*prepared, error) {
	return func(s setup) (*prepared, error) {
		count := s.count(count)
		n, peers := s.known()
		for _, p := range newPeers(count) {
			n.know(p)
		}
		return s.beside(n, peers[0], func(int) work {
			return &stats{n.manager.(rcmgr.ResourceManagerState), count}
		})
	}
}

// swap is about new limits for everything. There is no call for it: those of scopes to come are
// swapped at once, those of each scope that is there are set. The limits of what a peer has of a
// protocol or a service cannot be set.
func swap(s setup) (*prepared, error) {
	limiter := new(swappable)
	sets := [2]rcmgr.Limiter{namedLimits(s.count(many), 0), namedLimits(s.count(many), 1)}
	limiter.Store(&sets[1])
	n, peers := s.knownIn(newNodeLimitedBy(s.metrics, limiter))
	return s.beside(n, peers[0], func(thread int) work {
		return &swaps{node: n, limiter: limiter, peer: peers[thread], sets: sets}
	})
}

// beside has a stream of the peer charge meanwhile.
func (s setup) beside(n *node, of peer.ID, workOf func(thread int) work) (*prepared, error) {
	p, err := s.ready(n, workOf)
	if err != nil {
		return nil, err
	}
	p.beside = &reservations{n.stream(of)}
	return p, nil
}
