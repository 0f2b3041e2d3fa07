import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A topic that Kafka's cleaner has been over: superseded keys and aborted records gone, tombstones and transaction
 * markers kept with a delete horizon, the last batch of a superseded producer kept empty. Reported is what a consumer
 * then reads.
 */
final class CompactedTopic {
    private static final String TOPIC = "compacted";
    private static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);
    private static final int KEYS = 10;
    private static final long CLEANED_WITHIN_MS = 120_000;

    private final MakeLogs make;

    private CompactedTopic(MakeLogs make) {
        this.make = make;
    }

    static void make(MakeLogs make) throws Exception {
        make.topic(TOPIC, 1, Map.of(
            "cleanup.policy", "compact",
            "min.cleanable.dirty.ratio", "0.01",
            "delete.retention.ms", "86400000",
            "internal.segment.bytes", "8192",
            "index.interval.bytes", "1024"));
        CompactedTopic compacted = new CompactedTopic(make);
        if (make.round() == 0) {
            compacted.writeAndAwaitCleaned();
            // From here on nothing is dirty enough: the later rounds leave a dirty tail behind the clean part.
            make.setTopicConfig(TOPIC, "min.cleanable.dirty.ratio", "1.0");
        } else {
            compacted.writeTail();
        }
    }

    /** Two passes: a marker gets its delete horizon only in the pass that finds the records of its transaction gone. */
    private void writeAndAwaitCleaned() throws Exception {
        String bootstrap = make.bootstrap();
        try (Sender first = new Sender(bootstrap, Map.of("compression.type", "lz4"));
             Sender superseded = new Sender(bootstrap, Map.of());
             Sender last = new Sender(bootstrap, Map.of());
             TransactionalSender commits = make.transactional("compacted-commits");
             TransactionalSender aborts = make.transactional("compacted-aborts")) {
            for (int i = 0; i < 8; i++) {
                first.batch(keys(0, KEYS));
            }
            superseded.batch(keys(0, 1));
            commits.begin();
            aborts.begin();
            commits.batch(keys(0, 5));
            aborts.batch(keys(5, KEYS));
            commits.commit();
            aborts.abort();
            last.batch(keys(1, KEYS - 1));
            last.batch(List.of(make.keyed(TOPIC, "key-0", make.value(50)), make.keyed(TOPIC, "key-9", null)));
            awaitCleaned(roll(last));
            last.batch(keys(1, 3));
            reportAll(awaitCleaned(roll(last)));
        }
    }

    /** Starts a new segment: two records of 5,000 bytes cannot share one of 8,192. Returns the offset of the second. */
    private long roll(Sender sender) {
        sender.batch(List.of(make.keyed(TOPIC, "filler", make.value(5_000))));
        sender.batch(List.of(make.keyed(TOPIC, "filler", make.value(5_000))));
        List<ConsumerRecord<String, String>> all = read();
        return all.get(all.size() - 1).offset();
    }

    private void writeTail() throws Exception {
        try (Sender sender = new Sender(make.bootstrap(), Map.of())) {
            sender.batch(keys(0, KEYS));
            sender.batch(keys(0, KEYS));
            sender.report("plain");
        }
    }

    private List<ProducerRecord<String, String>> keys(int from, int to) {
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int key = from; key < to; key++) {
            records.add(make.keyed(TOPIC, "key-" + key, make.value(200)));
        }
        return records;
    }

    private List<ConsumerRecord<String, String>> awaitCleaned(long activeSegment) throws Exception {
        long deadline = System.currentTimeMillis() + CLEANED_WITHIN_MS;
        List<ConsumerRecord<String, String>> left = read();
        while (!cleaned(left, activeSegment)) {
            if (System.currentTimeMillis() > deadline) {
                throw new IllegalStateException("not cleaned within " + CLEANED_WITHIN_MS + " ms: " + left);
            }
            Thread.sleep(50);
            left = read();
        }
        return left;
    }

    private static void reportAll(List<ConsumerRecord<String, String>> records) {
        for (ConsumerRecord<String, String> record : records) {
            var position = new Report.Position(PARTITION, record.offset(), record.timestamp());
            Report.record(position, record.key(), record.value(), record.headers(), "plain");
        }
    }

    /** Cleaned is a log without a key twice in front of its active segment. */
    private static boolean cleaned(List<ConsumerRecord<String, String>> records, long activeSegment) {
        Set<String> keys = new HashSet<>();
        return records.stream().filter(r -> r.offset() < activeSegment).allMatch(r -> keys.add(r.key()));
    }

    /** All records that are in the log, those of aborted transactions too. */
    private List<ConsumerRecord<String, String>> read() {
        Map<String, Object> config =
            Map.of("bootstrap.servers", make.bootstrap(), "isolation.level", "read_uncommitted");
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(PARTITION));
            consumer.seekToBeginning(List.of(PARTITION));
            long end = consumer.endOffsets(List.of(PARTITION)).get(PARTITION);
            List<ConsumerRecord<String, String>> records = new ArrayList<>();
            while (consumer.position(PARTITION) < end) {
                consumer.poll(Duration.ofSeconds(1)).forEach(records::add);
            }
            return records;
        }
    }
}
