"""Five Python processes that compute: each has an interpreter of its own, so they run in parallel.

    schedviz -- python3 examples/processes.py [PROCESSES [ROUNDS]]

Look for: as many run at once as there are cores. gil.py does the same work in threads, and takes as long as on one core.
The parent is blocked nearly all the time: it waits for its children.
"""

import multiprocessing
import sys


def compute(rounds):
    total = 0
    for i in range(rounds):
        total += i * i
    return total


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000
    processes = [multiprocessing.Process(target=compute, args=(rounds,), name=f"worker {i}") for i in range(n)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(f"{n} processes: {n * rounds} rounds")


if __name__ == "__main__":
    main()
