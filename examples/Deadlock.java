// Two threads take two monitors in opposite order: neither ever gets its second one.
//
//     javac -d . examples/Deadlock.java
//     schedviz -- java -cp . Deadlock [MILLISECONDS]
//
// Look for: "left" and "right" blocked for good. Unlike with deadlock.c there is no alert, and there can be none: a monitor
// is the JVM's own. To the kernel each thread waits in futex(2) on a word that names no owner, as one does that waits for
// work. The JVM knows: jcmd PID Thread.print ends with "Found one Java-level deadlock". After the given time the program
// asks the same of itself, and ends with status 3.
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;

public class Deadlock {
    static final CountDownLatch bothHold = new CountDownLatch(2);

    static Thread philosopher(String name, Object first, Object second) {
        return new Thread(() -> {
            synchronized (first) {
                bothHold.countDown();
                try {
                    bothHold.await();
                } catch (InterruptedException e) {
                    return;
                }
                synchronized (second) {
                    System.out.println(name + " eats");
                }
            }
        }, name);
    }

    public static void main(String[] args) throws InterruptedException {
        Object fork = new Object(), knife = new Object();
        philosopher("left", fork, knife).start();
        philosopher("right", knife, fork).start();
        Thread.sleep(args.length > 0 ? Long.parseLong(args[0]) : 5000);
        long[] stuck = ManagementFactory.getThreadMXBean().findMonitorDeadlockedThreads();
        System.out.printf("threads in a deadlock: %d%n", stuck == null ? 0 : stuck.length);
        Runtime.getRuntime().halt(3);
    }
}
