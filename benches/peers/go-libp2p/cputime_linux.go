package main

import (
	"syscall"
	"time"
)

// Of whom cpuTime is.
const (
	wholeProcess = syscall.RUSAGE_SELF
	thisThread   = syscall.RUSAGE_THREAD
)

// cpuTime is what processors did for this process, or for this thread.
func cpuTime(of int) time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(of, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
