"""Coroutines of asyncio: many things in progress, in one thread.

    schedviz -- python3 examples/coroutines.py [COROUTINES [MILLISECONDS]]

Look for: a thousand coroutines wait a second each and are done after a little more than one, in one thread that is
blocked nearly all the time. The program has a thousand things in progress, the kernel one task: it knows of no coroutine.
One that computes stops all others: see event_loop.js.
"""

import asyncio
import sys
import time


async def fetch(seconds):
    await asyncio.sleep(seconds)
    return seconds


async def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seconds = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 1.0
    begin = time.monotonic()
    waited = sum(await asyncio.gather(*(fetch(seconds) for _ in range(n))))
    print(f"{n} coroutines waited {waited:g} s together, in {time.monotonic() - begin:.2f} s")


asyncio.run(main())
