package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
)

// stalledAfter is how long a write makes no progress before it counts as stalled.
const stalledAfter = 300 * time.Millisecond

type attackReport struct {
	// Peer is the attacker's, where there is one.
	Peer     string    `json:"peer,omitempty"`
	Outcomes *outcomes `json:"outcomes"`
	// Connected counts the connections that are open.
	Connected int `json:"connected"`
	// Sent counts the bytes that stalled streams have sent.
	Sent int64 `json:"sent,omitempty"`
}

// attacker is one host with a connection.
type attacker struct {
	*local
	steps *steps
}

// newAttacker connects, and waits for the first step.
func newAttacker(ctx context.Context, o *options, steps *steps) (*attacker, error) {
	l, err := newLocal(o, nil)
	if err != nil {
		return nil, err
	}
	a := &attacker{l, steps}
	if err = l.connect(ctx); err == nil {
		err = a.done(ctx, newOutcomes(), 0)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return a, nil
}

func (a *attacker) done(ctx context.Context, seen *outcomes, sent int64) error {
	report := attackReport{Peer: a.ID().String(), Outcomes: seen, Sent: sent}
	if a.isConnected() {
		report.Connected = 1
	}
	return a.steps.done(ctx, report)
}

// attackConnections connects many hosts at once, each of which asks once on a stream of its
// connection, and keeps what was not refused.
func attackConnections(ctx context.Context, o *options, steps *steps) error {
	var key crypto.PrivKey
	if o.onePeer {
		var err error
		if key, _, err = crypto.GenerateEd25519Key(rand.Reader); err != nil {
			return err
		}
	}
	hosts := make([]*local, o.count)
	for i := range hosts {
		l, err := newLocal(o, key)
		if err != nil {
			return err
		}
		defer l.Close()
		hosts[i] = l
	}
	report := attackReport{Outcomes: newOutcomes()}
	if o.onePeer && len(hosts) > 0 {
		report.Peer = hosts[0].ID().String()
	}
	var all sync.WaitGroup
	for _, l := range hosts {
		all.Go(func() {
			err := l.connect(ctx)
			if err == nil {
				_, err = l.openAndAsk(ctx)
			}
			report.Outcomes.add(err)
		})
	}
	all.Wait()
	for _, l := range hosts {
		if l.isConnected() {
			report.Connected++
		}
	}
	return leave(o, steps.done(ctx, report))
}

// attackStreams opens many streams at once. Those that are answered stay until enough of all have
// come to something; then they are closed, whereupon the rest come to something as well. In the
// end streams are opened one by one. With the connection, that makes four steps.
func attackStreams(ctx context.Context, o *options, steps *steps) error {
	a, err := newAttacker(ctx, o, steps)
	if err != nil {
		return err
	}
	defer a.Close()

	type opened struct {
		stream network.Stream
		err    error
	}
	results := make(chan opened, o.count)
	for range o.count {
		go func() {
			stream, err := a.openAndAsk(ctx)
			results <- opened{stream, err}
		}()
	}
	var held held
	seen := newOutcomes()
	for range o.settled {
		result := <-results
		if result.err == nil {
			held.add(result.stream)
		}
		seen.add(result.err)
	}
	if err := a.done(ctx, seen, 0); err != nil {
		return err
	}

	held.close()
	seen = newOutcomes()
	for range o.count - o.settled {
		result := <-results
		if result.err == nil {
			_ = result.stream.Close()
		}
		seen.add(result.err)
	}
	if err := a.done(ctx, seen, 0); err != nil {
		return err
	}

	seen = newOutcomes()
	for range o.later {
		stream, err := a.openAndAsk(ctx)
		if err == nil {
			_ = stream.Close()
		}
		seen.add(err)
	}
	return leave(o, a.done(ctx, seen, 0))
}

// attackStalled opens streams on one connection that send what they can and never read. With the
// connection, that makes two steps.
func attackStalled(ctx context.Context, o *options, steps *steps) error {
	a, err := newAttacker(ctx, o, steps)
	if err != nil {
		return err
	}
	defer a.Close()

	var sent atomic.Int64
	seen := newOutcomes()
	var all sync.WaitGroup
	for range o.count {
		all.Go(func() {
			stream, err := a.openAndAsk(ctx)
			if err == nil {
				err = fill(stream, o.bytes, &sent)
			}
			seen.add(err)
		})
	}
	all.Wait()
	return leave(o, a.done(ctx, seen, sent.Load()))
}

// fill writes until all is sent or the node takes no more; both are what was wanted.
func fill(stream network.Stream, bytes int, sent *atomic.Int64) error {
	chunk := make([]byte, 16<<10)
	for bytes > 0 {
		if err := stream.SetWriteDeadline(time.Now().Add(stalledAfter)); err != nil {
			return err
		}
		written, err := stream.Write(chunk[:min(len(chunk), bytes)])
		sent.Add(int64(written))
		bytes -= written
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil
		}
		if err != nil {
			return &failure{"write", err}
		}
	}
	return nil
}

// leave ends the process on the spot if it is to vanish: no host says goodbye.
func leave(o *options, err error) error {
	if o.vanish {
		os.Exit(0)
	}
	return err
}
