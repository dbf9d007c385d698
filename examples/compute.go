// Goroutines that compute: many of them (M) on as many kernel threads as there are cores (N).
//
//	go build -o compute examples/compute.go
//	schedviz -- ./compute [GOROUTINES [ROUNDS]]
//
// Look for: eight goroutines, but only as many busy threads as cores were chosen, and parallelism near that number. Go's
// own scheduler changes goroutines within the threads, where neither the kernel nor schedviz sees it. With -c 1 there is
// one busy thread, in slices of 10 ms: then a thread of the runtime (sysmon) wakes, and has the goroutine give way.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
)

func argument(i, otherwise int) int {
	if i < len(os.Args) {
		if n, err := strconv.Atoi(os.Args[i]); err == nil && n > 0 {
			return n
		}
	}
	return otherwise
}

// compute is some arithmetic that no compiler can leave out: a linear congruential generator.
func compute(rounds int, x uint64) uint64 {
	for i := 0; i < rounds; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

func main() {
	goroutines, rounds := argument(1, 8), argument(2, 200_000_000)
	results := make([]uint64, goroutines)
	var all sync.WaitGroup
	for i := range results {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			results[i] = compute(rounds, uint64(i))
		}(i)
	}
	all.Wait()
	var sum uint64
	for _, result := range results {
		sum += result
	}
	fmt.Printf("%d goroutines on %d cores: %x\n", goroutines, runtime.GOMAXPROCS(0), sum)
}
