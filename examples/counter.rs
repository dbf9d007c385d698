// Scoped threads that add to one shared counter, atomically.
//
//     rustc -O -o counter examples/counter.rs
//     schedviz -- ./counter [THREADS [ADDITIONS]]
//
// Look for: the threads never block; as many run at once as there are cores. But compare -c 1 and -c 2: two cores
// take the counter's cache line from each other, so the work takes as long, or longer. Running is not getting on.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn argument(i: usize, otherwise: u64) -> u64 {
    std::env::args().nth(i).and_then(|word| word.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let (threads, additions) = (argument(1, 4), argument(2, 20_000_000));
    let counter = AtomicU64::new(0);
    thread::scope(|scope| {
        for i in 0..threads {
            thread::Builder::new()
                .name(format!("adder {i}"))
                .spawn_scoped(scope, || {
                    for _ in 0..additions {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                })
                .expect("a thread");
        }
    });
    println!("{} threads counted to {}", threads, counter.into_inner());
}
