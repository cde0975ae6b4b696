package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
)

// requestSize is that of a ping.
const requestSize = 32

// local is a host of ours, and the node that it talks to.
type local struct {
	host.Host
	node     peer.AddrInfo
	protocol protocol.ID
	eager    bool
}

// newLocal makes a host that limits nothing by itself and does not listen. Without a key it is a
// peer of its own.
func newLocal(o *options, key crypto.PrivKey) (*local, error) {
	node, err := peer.AddrInfoFromString(o.to)
	if err != nil {
		return nil, err
	}
	settings := []libp2p.Option{
		libp2p.NoListenAddrs,
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableMetrics(),
		libp2p.UserAgent("rcmgr-interop"),
	}
	if key != nil {
		settings = append(settings, libp2p.Identity(key))
	}
	h, err := libp2p.New(settings...)
	if err != nil {
		return nil, err
	}
	return &local{h, *node, protocol.ID(o.protocol), o.eager}, nil
}

func (l *local) isConnected() bool {
	return l.Network().Connectedness(l.node.ID) == network.Connected
}

// failure is an error with what was tried.
type failure struct {
	stage string
	error
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %s", f.stage, f.error) }
func (f *failure) Unwrap() error { return f.error }

func (l *local) connect(ctx context.Context) error {
	if err := l.Connect(ctx, l.node); err != nil {
		return &failure{"dial", err}
	}
	return nil
}

// open opens a stream on the connection that there is. A host negotiates lazily once it knows by
// identify that the node has the protocol: its proposal goes out with the first request.
func (l *local) open(ctx context.Context) (network.Stream, error) {
	ctx = network.WithNoDial(ctx, "the connection is what is looked at")
	if !l.eager {
		stream, err := l.NewStream(ctx, l.node.ID, l.protocol)
		if err != nil {
			return nil, &failure{"open", err}
		}
		return stream, setDeadline(ctx, stream)
	}
	stream, err := l.Network().NewStream(ctx, l.node.ID)
	if err != nil {
		return nil, &failure{"open", err}
	}
	if err := setDeadline(ctx, stream); err != nil {
		return nil, err
	}
	if err := multistream.SelectProtoOrFail(l.protocol, stream); err != nil {
		_ = stream.Reset()
		return nil, &failure{"negotiate", err}
	}
	return stream, nil
}

func setDeadline(ctx context.Context, stream network.Stream) error {
	if until, bounded := ctx.Deadline(); bounded {
		return stream.SetDeadline(until)
	}
	return stream.SetDeadline(time.Now().Add(maxTime))
}

// ask sends a request and compares the answer. The stream stays open.
func ask(stream network.Stream) error {
	request := make([]byte, requestSize)
	_, _ = rand.Read(request)
	if _, err := stream.Write(request); err != nil {
		return &failure{"write", err}
	}
	answer := make([]byte, requestSize)
	if _, err := io.ReadFull(stream, answer); err != nil {
		return &failure{"read", err}
	}
	if !bytes.Equal(request, answer) {
		return &failure{"read", fmt.Errorf("the answer is not the request")}
	}
	return nil
}

// openAndAsk gives a stream that was answered, still open.
func (l *local) openAndAsk(ctx context.Context) (network.Stream, error) {
	stream, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := ask(stream); err != nil {
		_ = stream.Reset()
		return nil, err
	}
	return stream, nil
}
