package main

import (
	"fmt"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
)

// swappable has the limits of scopes to come.
type swappable struct{ atomic.Pointer[rcmgr.Limiter] }

var _ rcmgr.Limiter = new(swappable)

func (s *swappable) now() rcmgr.Limiter { return *s.Load() }

func (s *swappable) GetSystemLimits() rcmgr.Limit    { return s.now().GetSystemLimits() }
func (s *swappable) GetTransientLimits() rcmgr.Limit { return s.now().GetTransientLimits() }
func (s *swappable) GetAllowlistedSystemLimits() rcmgr.Limit {
	return s.now().GetAllowlistedSystemLimits()
}
func (s *swappable) GetAllowlistedTransientLimits() rcmgr.Limit {
	return s.now().GetAllowlistedTransientLimits()
}
func (s *swappable) GetServiceLimits(name string) rcmgr.Limit {
	return s.now().GetServiceLimits(name)
}
func (s *swappable) GetServicePeerLimits(name string) rcmgr.Limit {
	return s.now().GetServicePeerLimits(name)
}
func (s *swappable) GetProtocolLimits(name protocol.ID) rcmgr.Limit {
	return s.now().GetProtocolLimits(name)
}
func (s *swappable) GetProtocolPeerLimits(name protocol.ID) rcmgr.Limit {
	return s.now().GetProtocolPeerLimits(name)
}
func (s *swappable) GetPeerLimits(p peer.ID) rcmgr.Limit   { return s.now().GetPeerLimits(p) }
func (s *swappable) GetStreamLimits(p peer.ID) rcmgr.Limit { return s.now().GetStreamLimits(p) }
func (s *swappable) GetConnLimits() rcmgr.Limit            { return s.now().GetConnLimits() }

// namedLimits are ample, less so much for the scopes that a swap reaches, and have entries for so many
// names: a third each of services, protocols and peers.
func namedLimits(names, less int) rcmgr.Limiter {
	limits, named := ampleLimits(), all(int64(ample-less))
	limits.System, limits.Transient, limits.PeerDefault = named, named, named
	limits.Service = map[string]rcmgr.ResourceLimits{serviceName: named}
	limits.Protocol = map[protocol.ID]rcmgr.ResourceLimits{protocolName: named}
	limits.Peer = make(map[peer.ID]rcmgr.ResourceLimits)
	for i := range names / 3 {
		limits.Service[fmt.Sprintf("service-%d", i)] = named
		limits.Protocol[protocol.ID(fmt.Sprintf("/protocol/%d", i))] = named
	}
	for _, p := range newPeers(names / 3) {
		limits.Peer[p] = named
	}
	return rcmgr.NewFixedLimiter(limits.Build(rcmgr.ConcreteLimitConfig{}))
}

// swaps has one of two sets of limits in force, in turn.
type swaps struct {
	node    *node
	limiter *swappable
	peer    peer.ID
	sets    [2]rcmgr.Limiter
	next    int
}

func (w *swaps) run(times int) {
	for range times {
		w.swap(&w.sets[w.next])
		w.next = after(w.next, len(w.sets))
	}
}

// swap knows all scopes that are there, as whoever runs a node with one peer.
func (w *swaps) swap(to *rcmgr.Limiter) {
	w.limiter.Store(to)
	limiter, manager := *to, w.node.manager
	check(manager.ViewPeer(w.peer, func(s network.PeerScope) error {
		return set(s, limiter.GetPeerLimits(w.peer))
	}))
	check(manager.ViewProtocol(protocolName, func(s network.ProtocolScope) error {
		return set(s, limiter.GetProtocolLimits(protocolName))
	}))
	check(manager.ViewService(serviceName, func(s network.ServiceScope) error {
		return set(s, limiter.GetServiceLimits(serviceName))
	}))
	check(manager.ViewTransient(func(s network.ResourceScope) error {
		return set(s, limiter.GetTransientLimits())
	}))
	check(manager.ViewSystem(func(s network.ResourceScope) error {
		return set(s, limiter.GetSystemLimits())
	}))
}

func set(scope network.ResourceScope, limit rcmgr.Limit) error {
	scope.(rcmgr.ResourceScopeLimiter).SetLimit(limit)
	return nil
}
