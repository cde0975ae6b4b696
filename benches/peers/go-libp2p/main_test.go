package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
)

// answers are those to some lines.
func answers(t *testing.T, lines ...string) []string {
	t.Helper()
	var out strings.Builder
	in := strings.NewReader(strings.Join(lines, "\n") + "\n")
	if err := make(server).serve(in, &out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func matches(t *testing.T, answer, pattern string) {
	t.Helper()
	if !regexp.MustCompile("^" + pattern + "$").MatchString(answer) {
		t.Errorf("%q is not %s", answer, pattern)
	}
}

func TestTheListSaysOfEachScenarioWhetherItCan(t *testing.T) {
	list := answers(t, "list")
	if len(list) != len(scenarios)+1 || list[len(list)-1] != "end" {
		t.Fatalf("%q", list)
	}
	for i, line := range list[:len(scenarios)] {
		name := scenarios[i].name
		matches(t, line, fmt.Sprintf("(can %s|cannot %s .+)", name, name))
	}
}

func TestEachScenarioThatCanIsMeasured(t *testing.T) {
	for _, scenario := range scenarios {
		if scenario.prepare == nil {
			continue
		}
		for _, how := range []string{
			"off 1 shared", "off 2 shared", "off 2 distinct", "default 1 shared", "default 2 distinct",
		} {
			t.Run(scenario.name+" "+how, func(t *testing.T) {
				got := answers(t,
					"prepare a "+scenario.name+" "+how+" small",
					"run a 20", "latency a 20", "allocations a 20", "run a 20", "drop a", "run a 1")
				matches(t, got[0], "ready a")
				matches(t, got[1], `ns [1-9]\d*`)
				matches(t, got[2], `percentiles [1-9]\d* [1-9]\d* [1-9]\d* clock \d+`)
				matches(t, got[3], `allocs \d+\.\d+ bytes \d+\.\d+`)
				matches(t, got[4], `ns [1-9]\d*`)
				matches(t, got[5], "dropped a")
				matches(t, got[6], "error a is not prepared")
			})
		}
	}
}

func TestBytesAreThoseOfEachThing(t *testing.T) {
	for name, atLeast := range map[string]float64{
		"bytes-stream": 200, "bytes-connection": 200, "bytes-span": 100, "bytes-peer-stream": 600,
	} {
		var bytes float64
		answer := answers(t, "bytes "+name+" 20000")[0]
		if _, err := fmt.Sscanf(answer, "bytes %f", &bytes); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
		if bytes < atLeast || bytes > 10*atLeast {
			t.Errorf("%s: %v bytes", name, bytes)
		}
	}
}

func TestTheConnectionManagerIsMeasured(t *testing.T) {
	got := answers(t, "lives 3 50", "trims 1000 2")
	matches(t, got[0], `ns [1-9]\d*\.\d+ cpu \d+\.\d+`)
	matches(t, got[1], `trim [1-9]\d* cpu \d+ alone [1-9]\d* [1-9]\d* beside [1-9]\d* [1-9]\d*`)
}

func TestATrimClosesHalfOfTheConnections(t *testing.T) {
	m := newManaged(50, 75)
	defer m.manager.Close()
	closed := 0
	for _, c := range newConnections(newPeers(100)) {
		c.closed = &closed
		m.notify.Connected(nil, c)
	}
	m.manager.TrimOpenConns(context.Background())
	if closed != 50 {
		t.Errorf("%d of 100 were closed", closed)
	}
}

func TestWhatCannotBeDoneSaysWhy(t *testing.T) {
	for line, pattern := range map[string]string{
		"":                                       "error no such request, .*",
		"unknown":                                "error no such request, .*",
		"prepare a collect-1m off 1 shared full": "cannot it collects by a timer .*",
		"prepare a bytes-span off 1 shared full": "cannot be timed: .*",
		"prepare a stream-1m-peers off 8 distinct full": "cannot hold 8000000 peers, .*",
		"prepare a nothing off 1 shared full":           "error no scenario is named nothing",
		"prepare a span on 1 shared full":               "error on is neither default nor off",
		"prepare a span off 0 shared full":              "error 0 is not a number from 1 to 256",
		"prepare a span off 257 shared full":            "error 257 is not a number from 1 to 256",
		"prepare a span off 1 own full":                 "error own is neither shared nor distinct",
		"run a 1":                                       "error a is not prepared",
		"drop a":                                        "error a is not prepared",
		"bytes span 1":                                  "error span is about time, prepare it",
		"bytes bytes-span 0":                            "error 0 is not a number .*",
		"bytes bytes-span 1 1":                          "error no such request, .*",
		"lives 0 1":                                     "error 0 is not a number .*",
		"trims 1000 0":                                  "error 0 is not a number .*",
	} {
		matches(t, answers(t, line)[0], pattern)
	}
	got := answers(t,
		"prepare a stream-new-peer off 2 shared full", "prepare a span off 1 shared full",
		"run a 2097153", "run a -1", "jump a 1", "latency a 4194305")
	matches(t, got[1], "error a is prepared already")
	matches(t, got[2], "error 2097153 times are too many, at most 2097152")
	matches(t, got[3], "error -1 is not a number .*")
	matches(t, got[4], "error no such request, .*")
	matches(t, got[5], "error 4194305 times are too many, .*")
}

func TestAReservationIsCountedInSevenScopesOrFive(t *testing.T) {
	n := newNode(false, ampleLimits())
	defer n.close()
	peers := newPeers(2)
	for i, count := range []int{7, 5} {
		stream := n.stream
		if count == 5 {
			stream = n.protocolStream
		}
		// What its peer has of the protocol and the service cannot be seen.
		s := stream(peers[i])
		check(s.ReserveMemory(size, priority))
		all := n.manager.(rcmgr.ResourceManagerState).Stat()
		with := 0
		for _, scope := range []network.ScopeStat{
			s.Stat(), all.Peers[peers[i]], all.Protocols[protocolName], all.Services[serviceName],
			all.System, all.Transient,
		} {
			if scope.Memory == size {
				with++
			}
		}
		if hidden := count/2 - 1; with+hidden != count {
			t.Errorf("%d scopes of %d hold it, besides %d", with, count, hidden)
		}
		s.ReleaseMemory(size)
	}
}

// The reason for withoutRates.
func TestConnectionsWithoutAnIPShareOneBucketByDefault(t *testing.T) {
	limiter := rcmgr.NewFixedLimiter(ampleLimits().Build(rcmgr.ConcreteLimitConfig{}))
	manager := must(rcmgr.NewResourceManager(limiter, rcmgr.WithMetricsDisabled()))
	defer manager.Close()
	admitted := 0
	for range 100 {
		connection, err := manager.OpenConnection(network.DirInbound, true, nameless)
		if err == nil {
			connection.Done()
			admitted++
		}
	}
	// One more has come if this took five seconds.
	if admitted < 16 || admitted > 20 {
		t.Errorf("%d of 100 were admitted", admitted)
	}
}

func TestMetricsThatAreOnAreRecorded(t *testing.T) {
	allocated := func(metrics string) (count float64) {
		got := answers(t, "prepare a reserve-service "+metrics+" 1 shared full", "allocations a 1000")
		if _, err := fmt.Sscanf(got[1], "allocs %f", &count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	// Each event of the trace is allocated.
	if off, on := allocated("off"), allocated("default"); off >= 1 || on < 14 {
		t.Errorf("%v allocations without metrics, %v with them", off, on)
	}
}

func TestASwapIsInForceAtOnce(t *testing.T) {
	limiter := new(swappable)
	sets := [2]rcmgr.Limiter{namedLimits(30, 0), namedLimits(30, 1)}
	limiter.Store(&sets[0])
	n := newNodeLimitedBy(false, limiter)
	defer n.close()
	p := newPeers(1)[0]
	n.stream(p)
	(&swaps{node: n, limiter: limiter, peer: p, sets: sets}).swap(&sets[1])
	memory := func(scope network.ResourceScope) error {
		limit := scope.(rcmgr.ResourceScopeLimiter).Limit()
		if limit.GetMemoryLimit() != ample-1 {
			return fmt.Errorf("%+v", limit)
		}
		return nil
	}
	check(n.manager.ViewSystem(memory))
	check(n.manager.ViewTransient(memory))
	check(n.manager.ViewPeer(p, func(s network.PeerScope) error { return memory(s) }))
	check(n.manager.ViewService(serviceName, func(s network.ServiceScope) error { return memory(s) }))
	check(n.manager.ViewProtocol("/protocol/0", func(s network.ProtocolScope) error {
		return memory(s)
	}))
}

func TestQuantilesAreOfTheSamples(t *testing.T) {
	sorted := []int64{1, 2, 3, 4}
	for share, is := range map[float64]int64{0: 1, 0.5: 2, 0.75: 3, 0.999: 4, 1: 4} {
		if got := quantile(sorted, share); got != is {
			t.Errorf("%v: %d", share, got)
		}
	}
}

func TestPeersAreDifferentAndAsLongAsThoseOfEd25519(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range append(newPeers(1000), newPeers(1000)...) {
		if len(p) != 38 || p.Validate() != nil {
			t.Fatalf("%q", string(p))
		}
		if _, err := p.ExtractPublicKey(); err != nil {
			t.Fatal(err)
		}
		seen[string(p)] = true
	}
	if len(seen) != 2000 {
		t.Errorf("%d of 2000", len(seen))
	}
}

func TestThreadsRunAtOnce(t *testing.T) {
	// Each waits for the other in its first operation that is measured.
	both := make(chan int)
	p := &prepared{works: []work{
		&meeting{func() { both <- 1 }}, &meeting{func() { <-both }},
	}}
	if p.time(1) <= 0 || runtime.GOMAXPROCS(0) < 2 {
		t.Error("they did not")
	}
}

type meeting struct{ meet func() }

func (m *meeting) run(times int) {
	for range times {
		m.meet()
	}
}
