package main

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

type clientReport struct {
	Peer      string    `json:"peer"`
	Agent     string    `json:"agent"`
	Protocols []string  `json:"protocols"`
	Ping      *outcomes `json:"ping"`
	Streams   *outcomes `json:"streams"`
}

// client is a party that keeps within the limits. Its streams of a round are open at once.
func client(ctx context.Context, o *options, steps *steps) error {
	l, err := newLocal(o, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.connect(ctx); err != nil {
		return err
	}
	for range o.rounds {
		report := clientReport{Peer: l.ID().String(), Ping: newOutcomes()}
		if agent, err := l.Peerstore().Get(l.node.ID, "AgentVersion"); err == nil {
			report.Agent, _ = agent.(string)
		}
		protocols, err := l.Peerstore().GetProtocols(l.node.ID)
		if err != nil {
			return err
		}
		for _, protocol := range protocols {
			report.Protocols = append(report.Protocols, string(protocol))
		}

		pinging, stop := context.WithCancel(network.WithNoDial(ctx, "one connection"))
		report.Ping.add((<-ping.Ping(pinging, l, l.node.ID)).Error)

		var held held
		report.Streams = held.openMany(ctx, l, o.count)
		err = steps.done(ctx, report)
		stop()
		held.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// held are streams that were answered and stay open.
type held struct {
	mutex   sync.Mutex
	streams []network.Stream
}

func (h *held) add(stream network.Stream) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.streams = append(h.streams, stream)
}

func (h *held) openMany(ctx context.Context, l *local, count int) *outcomes {
	seen := newOutcomes()
	var all sync.WaitGroup
	for range count {
		all.Go(func() {
			stream, err := l.openAndAsk(ctx)
			if err == nil {
				h.add(stream)
			}
			seen.add(err)
		})
	}
	all.Wait()
	return seen
}

func (h *held) close() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, stream := range h.streams {
		_ = stream.Close()
	}
	h.streams = nil
}
