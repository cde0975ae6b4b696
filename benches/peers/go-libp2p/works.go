package main

import (
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/multiformats/go-multiaddr"
)

const priority = network.ReservationPriorityAlways

// reservations reserves memory and releases it.
type reservations struct{ stream network.ResourceScope }

func (w *reservations) run(times int) {
	for range times {
		check(w.stream.ReserveMemory(size, priority))
		w.stream.ReleaseMemory(size)
	}
}

// refusedReservations are those that some scope has no room for.
type refusedReservations struct{ stream network.ResourceScope }

func (w *refusedReservations) run(times int) {
	for range times {
		refused(w.stream.ReserveMemory(size, priority))
	}
}

// streams opens a stream of each peer in turn, sets its protocol and its service, and closes it.
type streams struct {
	node  *node
	peers []peer.ID
	next  int
}

func (w *streams) run(times int) {
	for range times {
		w.node.stream(w.peers[w.next]).Done()
		w.next = after(w.next, len(w.peers))
	}
}

// refusedStreams are those of a peer that has as many as it may.
type refusedStreams struct {
	node *node
	peer peer.ID
}

func (w *refusedStreams) run(times int) {
	for range times {
		_, err := w.node.manager.OpenStream(w.peer, network.DirInbound)
		refused(err)
	}
}

// connections opens a connection from each address in turn, sets its peer, and closes it.
type connections struct {
	node      *node
	peer      peer.ID
	addresses []multiaddr.Multiaddr
	next      int
}

func (w *connections) run(times int) {
	for range times {
		address := w.addresses[w.next]
		connection := must(w.node.manager.OpenConnection(network.DirInbound, true, address))
		check(connection.SetPeer(w.peer))
		connection.Done()
		w.next = after(w.next, len(w.addresses))
	}
}

// refusedConnections are those of an address that has as many as it may.
type refusedConnections struct {
	node    *node
	address multiaddr.Multiaddr
}

func (w *refusedConnections) run(times int) {
	for range times {
		_, err := w.node.manager.OpenConnection(network.DirInbound, true, w.address)
		refused(err)
	}
}

// spans begins a span, reserves memory in it, and ends it, which releases the memory.
type spans struct{ stream network.ResourceScope }

func (w *spans) run(times int) {
	for range times {
		span := must(w.stream.BeginSpan())
		check(span.ReserveMemory(size, priority))
		span.Done()
	}
}

// stats asks for what all scopes hold.
type stats struct {
	manager rcmgr.ResourceManagerState
	peers   int
}

func (w *stats) run(times int) {
	for range times {
		if found := len(w.manager.Stat().Peers); found < w.peers {
			panic("peers are missing")
		}
	}
}

// refused panics if something was admitted.
func refused(err error) {
	if err == nil {
		panic("admitted, in spite of the limit")
	}
}

// after is the index that follows, the first one after the last.
func after(index, count int) int {
	if index++; index < count {
		return index
	}
	return 0
}
