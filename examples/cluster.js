// Workers of Node's cluster module: processes, each with an event loop of its own.
//
//     schedviz -- node examples/cluster.js [WORKERS [JOBS [ROUNDS]]]
//
// Look for: each worker's main thread computes, as many at once as there are cores; event_loop.js does the same jobs in one
// thread. Each process has six or more other threads (V8's helpers), which are blocked nearly all the time: fold them.
const cluster = require('node:cluster');

const compute = (rounds) => {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (Math.imul(x, 1103515245) + 12345) | 0;
  return x;
};

if (cluster.isPrimary) {
  const [workers, jobs, rounds] = [2, 8, 100e6].map((n, i) => Number(process.argv[2 + i]) || n);
  const begin = Date.now();
  let handed = 0;
  let done = 0;
  for (let i = 0; i < workers; i++) cluster.fork();
  const next = (worker) => (handed < jobs ? (handed++, worker.send(rounds)) : worker.disconnect());
  cluster.on('online', next);
  cluster.on('message', (worker) => {
    next(worker);
    if (++done === jobs) console.log(`${workers} workers did ${jobs} jobs in ${Date.now() - begin} ms`);
  });
} else {
  process.on('message', (rounds) => process.send(compute(rounds)));
}
