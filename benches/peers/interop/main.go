// A go-libp2p host that talks to a node of rust-libp2p, as its client or as its attacker.
//
// It says what it saw of each step in a line of JSON, and keeps what it holds until it reads a line
// from standard input; then comes the next step, and in the end it leaves. It waits no more once
// that input has ended.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `usage: interop COMMAND -to MULTIADDR [OPTION ...]

commands:
  client       ping, identify, and rounds of streams that are held until the next round
  connections  attack: many connections at once
  streams      attack: many streams of one connection at once, which later give way to others
  stalled      attack: streams that send and never read

interop COMMAND -h lists the options.`

// The bounds of what may be asked for.
const (
	maxCount = 512
	maxBytes = 16 << 20
	maxTime  = 2 * time.Minute
)

var errUsage = errors.New(usage)

// options are those of all commands; each ignores what does not concern it.
type options struct {
	to       string
	protocol string
	count    int
	rounds   int
	settled  int
	later    int
	bytes    int
	eager    bool
	onePeer  bool
	vanish   bool
	time     time.Duration
}

func parse(command string, args []string) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	flags.StringVar(&o.to, "to", "", "the node's address, which ends with /p2p/PEER")
	flags.StringVar(&o.protocol, "protocol", "/interop/echo/1", "the echo protocol of the streams")
	flags.IntVar(&o.count, "count", 8, "connections, or streams of a round")
	flags.IntVar(&o.rounds, "rounds", 1, "client: rounds of streams")
	flags.IntVar(&o.settled, "settled", -1,
		"streams: how many have to be answered or refused before those answered give way; all by default")
	flags.IntVar(&o.later, "later", 0, "streams: how many to open one by one after that")
	flags.IntVar(&o.bytes, "bytes", 1<<20, "stalled: what each stream tries to send")
	flags.BoolVar(&o.eager, "eager", false, "wait for the answer of a negotiation before the request")
	flags.BoolVar(&o.onePeer, "one-peer", false, "connections: all come from the same peer")
	flags.BoolVar(&o.vanish, "vanish", false, "attacks: leave without closing anything")
	flags.DurationVar(&o.time, "time", 30*time.Second, "leave after this time")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.to == "" || flags.NArg() > 0 {
		return nil, errUsage
	}
	if o.settled < 0 || o.settled > o.count {
		o.settled = o.count
	}
	for _, count := range []int{o.count, o.rounds, o.later} {
		if count < 0 || count > maxCount {
			return nil, fmt.Errorf("counts go from 0 to %d", maxCount)
		}
	}
	if o.bytes < 0 || o.bytes > maxBytes || o.time > maxTime {
		return nil, fmt.Errorf("-bytes goes to %d, -time to %s", maxBytes, maxTime)
	}
	return o, nil
}

// steps is the side of whoever runs this program.
type steps struct {
	out   *json.Encoder
	lines chan struct{}
}

func newSteps() *steps {
	s := &steps{json.NewEncoder(os.Stdout), make(chan struct{})}
	go func() {
		defer close(s.lines)
		in := bufio.NewReader(os.Stdin)
		for {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
			s.lines <- struct{}{}
		}
	}()
	return s
}

// done reports a step and waits until the next one may begin.
func (s *steps) done(ctx context.Context, report any) error {
	if err := s.out.Encode(report); err != nil {
		return err
	}
	select {
	case <-s.lines:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	commands := map[string]func(context.Context, *options, *steps) error{
		"client":      client,
		"connections": attackConnections,
		"streams":     attackStreams,
		"stalled":     attackStalled,
	}
	command, known := commands[args[0]]
	if !known {
		return errUsage
	}
	o, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.time)
	defer cancel()
	return command(ctx, o, newSteps())
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
