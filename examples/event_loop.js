// An event loop that is blocked by computing: nothing else happens meanwhile, not even a timer.
//
//     schedviz -- node examples/event_loop.js [JOBS [ROUNDS]]
//
// Look for: one thread does it all, the eight jobs one after the other; parallelism is 1 on any number of cores. A timer
// that is due every 10 ms does not come before the last job is done. cluster.js does the same jobs in several processes.
const compute = (rounds) => {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (Math.imul(x, 1103515245) + 12345) | 0;
  return x;
};

const [jobs, rounds] = [8, 100e6].map((n, i) => Number(process.argv[2 + i]) || n);
let last = Date.now();
let latest = 0;
let done = 0;

const timer = setInterval(() => {
  latest = Math.max(latest, Date.now() - last);
  last = Date.now();
}, 10);

const job = () => {
  compute(rounds);
  if (++done < jobs) return;
  setTimeout(() => {
    clearInterval(timer);
    console.log(`${jobs} jobs; the timer of 10 ms was away for up to ${latest} ms`);
  }, 20);
};

for (let i = 0; i < jobs; i++) setTimeout(job, 1);
