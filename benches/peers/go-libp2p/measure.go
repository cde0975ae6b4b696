package main

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// work is what one thread does: the same operation over and over.
type work interface{ run(times int) }

// prepared is a scenario that can be measured.
type prepared struct {
	// One for each thread.
	works []work
	// Runs beside them all the time; nil in most scenarios.
	beside work
	// Makes what so many operations of each thread use up; nil in most scenarios.
	anew  func(times int)
	close func()
}

// processors is how many threads of Go run at once by default: as many as there are cores, so that
// the collector of garbage has those that no work needs.
var processors = runtime.GOMAXPROCS(0)

// time is how long it takes from when all threads run until the last of them has done its share.
func (p *prepared) time(times int) time.Duration {
	return p.measured(times, func(_ int, w work) { w.run(times) })
}

// latency is about single operations.
type latency struct {
	p50, p99, p999 int64
	// What the clock alone takes, which is in each of the others.
	clock int64
}

func (p *prepared) latency(times int) latency {
	samples := make([][]int64, len(p.works))
	for i := range samples {
		samples[i] = make([]int64, times)
	}
	p.measured(times, func(thread int, w work) {
		take(samples[thread], func() { w.run(1) })
	})
	all := slices.Concat(samples...)
	slices.Sort(all)
	clock := make([]int64, 10_000)
	take(clock, func() {})
	slices.Sort(clock)
	return latency{
		quantile(all, 0.5), quantile(all, 0.99), quantile(all, 0.999), quantile(clock, 0.5),
	}
}

// epoch has the monotonic clock alone read, which is the faster one.
var epoch = time.Now()

// take times an operation as often as there are samples.
func take(samples []int64, operation func()) {
	for i := range samples {
		start := time.Since(epoch)
		operation()
		samples[i] = int64(time.Since(epoch) - start)
	}
}

// quantile is the smallest sample that so large a share of them does not exceed.
func quantile(sorted []int64, share float64) int64 {
	return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)]
}

// allocations are how many and of how many bytes an operation of the first thread makes, with
// nothing beside it.
func (p *prepared) allocations(times int) (count, bytes float64) {
	if p.anew != nil {
		p.anew(times)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.works[0].run(times)
	runtime.ReadMemStats(&after)
	n := float64(times)
	return float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n
}

// measured has all threads do what is measured at once, and says how long it took. Each is a thread
// of the system meanwhile, and has one operation behind it, so that its stack has grown.
func (p *prepared) measured(times int, do func(thread int, w work)) time.Duration {
	threads := len(p.works)
	if p.anew != nil {
		p.anew(times + 1)
	}
	if p.beside != nil {
		threads++
	}
	runtime.GOMAXPROCS(max(processors, threads))
	// The garbage of others is not charged to this one.
	runtime.GC()

	stop := p.startBeside()
	defer stop()
	var running sync.WaitGroup
	var arrived atomic.Int32
	var started atomic.Bool
	var start time.Time
	ends := make([]time.Time, len(p.works))
	for thread, w := range p.works {
		running.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			w.run(1)
			// A barrier that sleeps would wake one long after the other.
			if int(arrived.Add(1)) == len(p.works) {
				start = time.Now()
				started.Store(true)
			}
			for !started.Load() {
			}
			do(thread, w)
			ends[thread] = time.Now()
		})
	}
	running.Wait()
	return slices.MaxFunc(ends, time.Time.Compare).Sub(start)
}

// startBeside lets what runs beside begin, and returns what ends it.
func (p *prepared) startBeside() (stop func()) {
	if p.beside == nil {
		return func() {}
	}
	var running sync.WaitGroup
	var stopped atomic.Bool
	begun := make(chan struct{})
	running.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.beside.run(1)
		close(begun)
		for !stopped.Load() {
			p.beside.run(100)
		}
	})
	<-begun
	return func() {
		stopped.Store(true)
		running.Wait()
	}
}
