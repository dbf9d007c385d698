// Goroutines that sleep: five of them for a second each, and one that waits for all.
//
//	go build -o sleep examples/sleep.go
//	schedviz -c 1 -- ./sleep [GOROUTINES [MILLISECONDS]]
//
// Look for: it is done in one second, on one core: they sleep at the same time. And the goroutines are nowhere to be seen:
// one that sleeps is an entry in the runtime's list of timers, not a thread. Ask for 10000: there are as few threads.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func argument(i, otherwise int) int {
	if i < len(os.Args) {
		if n, err := strconv.Atoi(os.Args[i]); err == nil && n > 0 {
			return n
		}
	}
	return otherwise
}

func main() {
	goroutines := argument(1, 5)
	pause := time.Duration(argument(2, 1000)) * time.Millisecond
	begin := time.Now()
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			time.Sleep(pause)
		}()
	}
	all.Wait()
	fmt.Printf("%d goroutines slept %v each: %v in all\n", goroutines, pause, time.Since(begin).Round(time.Millisecond))
}
