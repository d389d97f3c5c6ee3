import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * mongo-java-server, in memory, on 127.0.0.1. Prints "READY port", ends when its standard input does (so it never
 * outlives the tests). The one argument is the port, 0 for any that is free.
 */
public final class Launcher {

    /** The server says wire version 8 of itself; the driver wants 9 or more, and knows 21 as MongoDB 7.0. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(7, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 21;
        }
    }

    /**
     * Two connections that make indexes of one database at the same moment trip over each other here, which MongoDB's do
     * not: so indexes are made while nothing else is done.
     */
    private static final class Backend extends MemoryBackend {
        private final ReadWriteLock lock = new ReentrantReadWriteLock();

        @Override
        public Document handleMessage(MongoMessage message) {
            boolean alone = message.getDocument().containsKey("createIndexes");
            Lock held = alone ? lock.writeLock() : lock.readLock();
            held.lock();
            try {
                return super.handleMessage(message);
            } finally {
                held.unlock();
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        MemoryBackend backend = new Backend();
        backend.version(new Version());
        MongoServer server = new MongoServer(backend);
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("READY " + server.getLocalAddress().getPort());
        System.out.flush();
        while (System.in.read() != -1) {
            // Nothing is said here; only the end counts.
        }
        server.shutdownNow();
        System.exit(0);
    }
}
