package main

import (
	"runtime"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// bytesOf is what each of so many things takes on the heap. Not in it are the identifiers of peers,
// which a node has anyway, and the reference of whoever holds the thing.
func bytesOf(hold func(n *node, peers []peer.ID, into []any), count int) float64 {
	peers := newPeers(count + 1)
	things := make([]any, count)
	n := newNode(false, ampleLimits())
	// So that the maps and the scopes of the names are there.
	first := peers[0]
	n.know(first)
	stream := n.stream(first)
	before := heap()
	hold(n, peers, things)
	after := heap()
	runtime.KeepAlive(things)
	runtime.KeepAlive(peers)
	runtime.KeepAlive(stream)
	n.close()
	return float64(after-before) / float64(count)
}

// heap is how many bytes are in use.
func heap() int64 {
	var stats runtime.MemStats
	// What the first collection finds is freed by the second one at the latest.
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// holdStreams opens streams of one peer with the protocol and the service.
func holdStreams(n *node, peers []peer.ID, into []any) {
	for i := range into {
		into[i] = n.stream(peers[0])
	}
}

// holdPeerStreams opens such streams, each of a peer that has nothing else.
func holdPeerStreams(n *node, peers []peer.ID, into []any) {
	for i := range into {
		into[i] = n.stream(peers[i+1])
	}
}

// holdConnections opens connections of one peer, without an IP.
func holdConnections(n *node, peers []peer.ID, into []any) {
	for i := range into {
		connection := must(n.manager.OpenConnection(network.DirInbound, true, nameless))
		check(connection.SetPeer(peers[0]))
		into[i] = connection
	}
}

// holdSpans begins spans of one stream.
func holdSpans(n *node, peers []peer.ID, into []any) {
	stream := n.stream(peers[0])
	for i := range into {
		into[i] = must(stream.BeginSpan())
	}
}
