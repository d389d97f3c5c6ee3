import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

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

    public static void main(String[] arguments) throws Exception {
        MemoryBackend backend = new MemoryBackend();
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
