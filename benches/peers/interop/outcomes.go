package main

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
)

const (
	maxErrors   = 32
	maxErrorLen = 400
)

// localPort differs from one connection to the next.
var localPort = regexp.MustCompile(`(127\.0\.0\.1|0\.0\.0\.0|\[::\]):\d+`)

// outcomes counts what came of connections or streams, and the errors word by word.
type outcomes struct {
	mutex  sync.Mutex
	Counts map[string]int `json:"counts"`
	Errors map[string]int `json:"errors"`
}

func newOutcomes() *outcomes {
	return &outcomes{Counts: map[string]int{}, Errors: map[string]int{}}
}

func (o *outcomes) add(err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.Counts[outcomeOf(err)]++
	if err == nil {
		return
	}
	text := localPort.ReplaceAllString(err.Error(), "$1")
	if len(text) > maxErrorLen {
		text = text[:maxErrorLen]
	}
	if _, known := o.Errors[text]; known || len(o.Errors) < maxErrors {
		o.Errors[text]++
	}
}

// outcomeOf names what an application would decide by.
func outcomeOf(err error) string {
	var unsupported multistream.ErrNotSupported[protocol.ID]
	var failed *failure
	switch {
	case err == nil:
		return "answered"
	case errors.As(err, &unsupported):
		return "unsupported"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &failed) && failed.stage == "dial":
		return "not-connected"
	case errors.Is(err, network.ErrReset):
		return "reset"
	case errors.As(err, &failed) && failed.stage == "open":
		// The host hides why: it has no connection, and was told not to dial.
		return "disconnected"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "ended"
	default:
		return "other"
	}
}
