package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/multiformats/go-multiaddr"
)

// As many as in the benchmark of go-libp2p's own connection manager.
const managedPeers = 5_000

// tracked is what a connection manager sees of one.
type tracked struct {
	network.Conn
	peer peer.ID
	// Counts what a trim closes, if it is there.
	closed *int
}

func (c *tracked) RemotePeer() peer.ID                  { return c.peer }
func (c *tracked) RemoteMultiaddr() multiaddr.Multiaddr { return nameless }

func (c *tracked) CloseWithError(network.ConnErrorCode) error {
	if c.closed != nil {
		*c.closed++
	}
	return nil
}

func (c *tracked) Stat() network.ConnStats {
	return network.ConnStats{Stats: network.Stats{Direction: network.DirInbound}, NumStreams: 1}
}

// managed is a connection manager with who connects to it.
type managed struct {
	manager *connmgr.BasicConnMgr
	notify  network.Notifiee
}

func newManaged(low, high int) *managed {
	manager := must(connmgr.NewConnManager(low, high, connmgr.WithGracePeriod(0)))
	return &managed{manager, manager.Notifee()}
}

func newConnections(peers []peer.ID) []*tracked {
	together, all := make([]tracked, len(peers)), make([]*tracked, len(peers))
	for i, p := range peers {
		together[i].peer = p
		all[i] = &together[i]
	}
	return all
}

// life is a connection that comes, is tagged, is untagged and goes.
func (m *managed) life(c *tracked) {
	m.notify.Connected(nil, c)
	m.manager.TagPeer(c.peer, "tag", 100)
	m.manager.UntagPeer(c.peer, "tag")
	m.notify.Disconnected(nil, c)
}

// lives has so many routines, on the threads that Go has by itself, live at once, and says how long
// one life takes, and how much of processors.
func lives(routines, times int) string {
	m := newManaged(1000, 1000)
	defer m.manager.Close()
	peers := newPeers(managedPeers)
	begin := make(chan struct{})
	var running sync.WaitGroup
	for routine := range routines {
		connections := newConnections(peers)
		running.Go(func() {
			<-begin
			for turn := range times {
				m.life(connections[scatter(uint64(routine)<<32|uint64(turn))%managedPeers])
			}
		})
	}
	runtime.GC()
	start, cpu := time.Now(), cpuTime(wholeProcess)
	close(begin)
	running.Wait()
	took, cpu := time.Since(start), cpuTime(wholeProcess)-cpu
	all := float64(routines * times)
	return fmt.Sprintf("ns %.3f cpu %.3f",
		float64(took.Nanoseconds())/all, float64(cpu.Nanoseconds())/all)
}

// trims trims so many connections to half, and says how long that took in the median, and of
// notifications without trims and beside them the 99.9th percentile and the longest. Nothing is
// closed by it, so each trim finds the same.
func trims(count, times int) string {
	m := newManaged(count/2, count/4*3)
	defer m.manager.Close()
	peers := newPeers(count + 1000)
	connections := newConnections(peers)
	for i, c := range connections[:count] {
		m.notify.Connected(nil, c)
		m.manager.TagPeer(c.peer, "value", int(scatter(uint64(i))%1000))
	}
	beside := connections[count:]
	taken, worked := make([]int64, times), make([]int64, times)
	// The collector works elsewhere.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var with []int64
	for i := range taken {
		var over atomic.Bool
		samples := make(chan []int64)
		begun := make(chan struct{})
		go func() {
			close(begun)
			samples <- m.notifications(beside, over.Load)
		}()
		<-begun
		start, cpu := time.Now(), cpuTime(thisThread)
		m.manager.TrimOpenConns(context.Background())
		taken[i] = time.Since(start).Nanoseconds()
		worked[i] = (cpuTime(thisThread) - cpu).Nanoseconds()
		over.Store(true)
		with = append(with, <-samples...)
	}
	var whole time.Duration
	for _, t := range taken {
		whole += time.Duration(t)
	}
	end := time.Now().Add(whole)
	alone := m.notifications(beside, func() bool { return time.Now().After(end) })
	slices.Sort(taken)
	slices.Sort(worked)
	slices.Sort(with)
	slices.Sort(alone)
	return fmt.Sprintf("trim %d cpu %d alone %d %d beside %d %d",
		quantile(taken, 0.5), quantile(worked, 0.5),
		quantile(alone, 0.999), quantile(alone, 1), quantile(with, 0.999), quantile(with, 1))
}

// notifications connects and disconnects until it is over, once at least, and takes the time of each.
func (m *managed) notifications(connections []*tracked, over func() bool) []int64 {
	samples := make([]int64, 0, 1<<20)
	for turn := 0; turn == 0 || !over(); turn++ {
		c := connections[turn%len(connections)]
		start := time.Since(epoch)
		m.notify.Connected(nil, c)
		samples = append(samples, int64(time.Since(epoch)-start))
		start = time.Since(epoch)
		m.notify.Disconnected(nil, c)
		samples = append(samples, int64(time.Since(epoch)-start))
	}
	return samples
}

// scatter maps numbers on numbers without a pattern: the finalizer of SplitMix64.
func scatter(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9
	n = (n ^ (n >> 27)) * 0x94d049bb133111eb
	return n ^ (n >> 31)
}
