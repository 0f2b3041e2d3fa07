import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;

import java.util.List;
import java.util.Map;

/** A sender of transactions whose commit and abort return when the markers are in the logs. */
final class TransactionalSender extends Sender {
    private static final long MARKED_WITHIN_MS = 120_000;

    private final Admin admin;
    private final String id;

    /** The timeout is the longest that a broker allows, so that no transaction is aborted by time. */
    TransactionalSender(String bootstrap, Admin admin, String id) {
        super(bootstrap, Map.of("transactional.id", id, "transaction.timeout.ms", 900_000));
        this.admin = admin;
        this.id = id;
        producer.initTransactions();
    }

    void begin() {
        producer.beginTransaction();
    }

    void commit() throws Exception {
        producer.commitTransaction();
        awaitMarkers(TransactionState.COMPLETE_COMMIT);
    }

    void abort() throws Exception {
        producer.abortTransaction();
        awaitMarkers(TransactionState.COMPLETE_ABORT);
    }

    /** The producer is answered before the markers are written: what is sent next would race with them for offsets. */
    private void awaitMarkers(TransactionState complete) throws Exception {
        long deadline = System.currentTimeMillis() + MARKED_WITHIN_MS;
        while (admin.describeTransactions(List.of(id)).description(id).get().state() != complete) {
            if (System.currentTimeMillis() > deadline) {
                throw new IllegalStateException(id + " has no markers after " + MARKED_WITHIN_MS + " ms");
            }
            Thread.sleep(5);
        }
    }
}
