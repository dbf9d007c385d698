"""Five Python threads that compute: one lock, the GIL, lets one of them run at a time.

    schedviz -- python3 examples/gil.py [THREADS [ROUNDS [SWITCH_INTERVAL_MS]]]

Look for: five threads are in progress, but parallelism is 1 on any number of cores; processes.py does the same work in
less time. Who wants the lock waits for the switch interval (5 ms when nothing is said), then asks for it, and the holder
gives it away. So a thread runs for 5 ms and blocks: a voluntary switch, the kernel takes nothing. Between these slices
are three times as many of 10 to 20 microseconds: threads that wake to ask. Try an interval of 50.
"""

import sys
import threading


def compute(rounds):
    total = 0
    for i in range(rounds):
        total += i * i
    return total


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000
    if len(sys.argv) > 3:
        sys.setswitchinterval(float(sys.argv[3]) / 1000)
    threads = [threading.Thread(target=compute, args=(rounds,)) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{n} threads, switch interval {sys.getswitchinterval() * 1000:g} ms: {n * rounds} rounds")


if __name__ == "__main__":
    main()
