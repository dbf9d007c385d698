// A fixed pool of threads to which more jobs come than it can do: the queue grows.
//
//     javac -d . examples/Pool.java
//     schedviz -- java -cp . Pool [THREADS [JOBS [EVERY_MS [EACH_MS]]]]
//
// Look for: the threads pool-1-thread-1 and -2 among some twenty of the JVM's own (compilers C1 and C2, the garbage
// collector, ...). The jobs sleep, so the cores are idle and yet jobs wait: more threads would help, more cores would not.
// 10 jobs a second of 0.3 s each need three threads; the fourth drains the queue. The kernel keeps 15 bytes of a name:
// from the tenth thread on they are all called pool-1-thread-1.
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;

public class Pool {
    static int argument(String[] args, int i, int otherwise) {
        return i < args.length ? Integer.parseInt(args[i]) : otherwise;
    }

    static void job(int ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] args) throws InterruptedException {
        int threads = argument(args, 0, 2), jobs = argument(args, 1, 15);
        int every = argument(args, 2, 100), each = argument(args, 3, 300);
        var pool = (ThreadPoolExecutor) Executors.newFixedThreadPool(threads);
        for (int i = 0; i < jobs; i++) {
            pool.execute(() -> job(each));
            Thread.sleep(every);
        }
        int waiting = pool.getQueue().size();
        pool.shutdownNow();
        System.out.printf("%d jobs came to %d threads; %d were still in the queue%n", jobs, threads, waiting);
    }
}
