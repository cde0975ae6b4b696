// go-libp2p's resource manager, measured at the request of whoever writes to its standard input.
//
// It answers each line with one, `list` with several. What goes wrong with a request is `error WHY`;
// a refusal where room was expected, or the reverse, ends the program.
//
//	list                                     can NAME | cannot NAME WHY, ..., end
//	prepare ID NAME off|default THREADS shared|distinct full|small
//	                                         ready ID | cannot WHY
//	run ID TIMES                             ns TOTAL
//	latency ID TIMES                         percentiles P50 P99 P999 clock NS
//	allocations ID TIMES                     allocs N bytes B
//	drop ID                                  dropped ID
//	bytes NAME COUNT                         bytes N
//	lives ROUTINES TIMES                     ns ONE cpu ONE
//	trims COUNT TIMES                        trim MEDIAN cpu MEDIAN alone P999 MAX beside P999 MAX
//
// The metrics are off, or the default ones of libp2p.New. Small is at most 1,000 of anything. TIMES is
// for each thread or routine. Lives and trims are of the connection manager. Times are in nanoseconds. Allocations are those of one operation, bytes those of
// one thing among so many.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The bounds of what may be asked for.
const (
	maxThreads  = 256
	maxPrepared = 64
	maxTimes    = 1 << 32
	// Of which something is kept each: samples, peers, things.
	maxKept = 1 << 22
	maxLine = 1024
)

// server has what is prepared, by its id.
type server map[string]*prepared

// serve answers until there are no more requests.
func (s server) serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	for lines.Scan() {
		answer, err := s.answer(strings.Fields(lines.Text()))
		if err != nil {
			answer = fmt.Sprintf("error %v", err)
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

var errUsage = errors.New("no such request, see the head of main.go")

func (s server) answer(words []string) (string, error) {
	if len(words) == 0 {
		return "", errUsage
	}
	command, args := words[0], words[1:]
	switch {
	case command == "list" && len(args) == 0:
		return list(), nil
	case command == "prepare" && len(args) == 6:
		return s.prepare(args)
	case command == "bytes" && len(args) == 2:
		return bytes(args[0], args[1])
	case command == "drop" && len(args) == 1:
		return s.drop(args[0])
	case command == "lives" && len(args) == 2:
		return answerLives(args[0], args[1])
	case command == "trims" && len(args) == 2:
		return answerTrims(args[0], args[1])
	case len(args) == 2:
		return s.measure(command, args[0], args[1])
	}
	return "", errUsage
}

func list() string {
	var lines strings.Builder
	for _, scenario := range scenarios {
		if scenario.cannot != "" {
			fmt.Fprintf(&lines, "cannot %s %s\n", scenario.name, scenario.cannot)
		} else {
			fmt.Fprintf(&lines, "can %s\n", scenario.name)
		}
	}
	return lines.String() + "end"
}

func (s server) prepare(args []string) (string, error) {
	id, name, metrics, threads, peers, size := args[0], args[1], args[2], args[3], args[4], args[5]
	if _, taken := s[id]; taken {
		return "", fmt.Errorf("%s is prepared already", id)
	}
	if len(s) == maxPrepared {
		return "", fmt.Errorf("%d are prepared, drop one", maxPrepared)
	}
	scenario, err := find(name)
	if err != nil {
		return "", err
	}
	var of setup
	if of.threads, err = number(threads, maxThreads); err != nil {
		return "", err
	}
	if of.metrics, err = either(metrics, "default", "off"); err != nil {
		return "", err
	}
	if of.shared, err = either(peers, "shared", "distinct"); err != nil {
		return "", err
	}
	if of.small, err = either(size, "small", "full"); err != nil {
		return "", err
	}
	if scenario.cannot != "" {
		return "cannot " + scenario.cannot, nil
	}
	if scenario.prepare == nil {
		return "cannot be timed: ask for its bytes", nil
	}
	p, err := scenario.prepare(of)
	if err != nil {
		return fmt.Sprintf("cannot %v", err), nil
	}
	s[id] = p
	return "ready " + id, nil
}

func (s server) measure(command, id, times string) (string, error) {
	p, known := s[id]
	if !known {
		return "", fmt.Errorf("%s is not prepared", id)
	}
	count, err := number(times, maxTimes)
	if err != nil {
		return "", err
	}
	keeps := p.anew != nil || command == "latency"
	if keeps && count > maxKept/len(p.works) {
		return "", fmt.Errorf("%d times are too many, at most %d", count, maxKept/len(p.works))
	}
	switch command {
	case "run":
		return fmt.Sprintf("ns %d", p.time(count).Nanoseconds()), nil
	case "latency":
		l := p.latency(count)
		return fmt.Sprintf("percentiles %d %d %d clock %d", l.p50, l.p99, l.p999, l.clock), nil
	case "allocations":
		allocs, bytes := p.allocations(count)
		return fmt.Sprintf("allocs %.3f bytes %.3f", allocs, bytes), nil
	}
	return "", errUsage
}

func bytes(name, things string) (string, error) {
	scenario, err := find(name)
	if err != nil {
		return "", err
	}
	if scenario.hold == nil {
		return "", fmt.Errorf("%s is about time, prepare it", name)
	}
	count, err := number(things, maxKept)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("bytes %.1f", bytesOf(scenario.hold, count)), nil
}

func answerLives(routines, times string) (string, error) {
	atOnce, err := number(routines, maxThreads)
	if err != nil {
		return "", err
	}
	count, err := number(times, maxTimes)
	if err != nil {
		return "", err
	}
	return lives(atOnce, count), nil
}

func answerTrims(connections, times string) (string, error) {
	count, err := number(connections, maxKept)
	if err != nil {
		return "", err
	}
	rounds, err := number(times, maxTimes)
	if err != nil {
		return "", err
	}
	return trims(count, rounds), nil
}

func (s server) drop(id string) (string, error) {
	p, known := s[id]
	if !known {
		return "", fmt.Errorf("%s is not prepared", id)
	}
	p.close()
	delete(s, id)
	return "dropped " + id, nil
}

// either is whether a word is the one, not the other.
func either(word, one, other string) (bool, error) {
	if word != one && word != other {
		return false, fmt.Errorf("%s is neither %s nor %s", word, one, other)
	}
	return word == one, nil
}

func number(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s is not a number from 1 to %d", text, most)
	}
	return n, nil
}

func main() {
	if err := make(server).serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
