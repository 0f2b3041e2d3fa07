import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Fills a broker with a log of every shape that Kafka writes, and reports each record that the logs then hold.
 * The same rounds make the same records: `MakeLogs BOOTSTRAP ROUND`, where round 0 makes the topics and each later
 * round appends a little more to all of them.
 */
public final class MakeLogs {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    /** Small segments and dense indexes: `internal.segment.bytes` is below the least that `segment.bytes` allows. */
    private static final Map<String, String> SMALL =
        Map.of("internal.segment.bytes", "16384", "index.interval.bytes", "1024");
    private static final int BATCHES_OF_FIRST_ROUND = 24;
    private static final int BATCHES_OF_LATER_ROUNDS = 4;

    private final String bootstrap;
    private final Admin admin;
    private final int round;
    private final Random random;
    private final Map<String, Integer> topics = new TreeMap<>();
    private int made;

    private MakeLogs(String bootstrap, int round) {
        this.bootstrap = bootstrap;
        this.round = round;
        this.random = new Random(round);
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    public static void main(String[] args) throws Exception {
        new MakeLogs(args[0], Integer.parseInt(args[1])).run();
        System.out.flush();
        // No close: a producer that is closed aborts the transaction which is to stay open.
        Runtime.getRuntime().halt(0);
    }

    private void run() throws Exception {
        dropped();
        for (String codec : CODECS) {
            codec(codec);
        }
        idempotent();
        transactional();
        appendTime();
        deletedRecords();
        topic("empty", 1, Map.of());
        CompactedTopic.make(this);
        reportEnds();
    }

    /** A topic that was deleted: its directory stays for a minute under a name that ends in `-delete`. */
    private void dropped() throws Exception {
        if (round > 0) {
            return;
        }
        admin.createTopics(List.of(new NewTopic("dropped", 1, (short) 1))).all().get();
        try (Sender sender = new Sender(bootstrap, Map.of())) {
            sender.batch(records("dropped", 0, 5));
        }
        admin.deleteTopics(List.of("dropped")).all().get();
    }

    /** Several segments without any producer id, batches of 1 to 12 records. */
    private void codec(String codec) throws Exception {
        String topic = topic("codec-" + codec, 1, SMALL);
        try (Sender sender = new Sender(bootstrap, Map.of("compression.type", codec, "enable.idempotence", false))) {
            for (int batch = 0; batch < batches(); batch++) {
                sender.batch(records(topic, 0, batch % 12 + 1));
            }
            sender.report("plain");
        }
    }

    /** Two producers that take turns; the second is idle after one batch. Their records are of now. */
    private void idempotent() throws Exception {
        String topic = topic("idempotent", 1, SMALL);
        try (Sender busy = new Sender(bootstrap, Map.of()); Sender idle = new Sender(bootstrap, Map.of())) {
            for (int batch = 0; batch < batches(); batch++) {
                busy.batch(records(topic, 0, 5));
                if (batch == 1) {
                    idle.batch(records(topic, 0, 5));
                }
            }
            busy.report("plain");
            idle.report("plain");
        }
    }

    /** Commits and aborts that overlap in both partitions; one of round 0 is left open in front of others. */
    private void transactional() throws Exception {
        String topic = topic("transactional", 2, SMALL);
        int transactions = round == 0 ? 6 : 1;
        try (TransactionalSender commits = transactional("commits");
             TransactionalSender aborts = transactional("aborts");
             Sender plain = new Sender(bootstrap, Map.of())) {
            for (int i = 0; i < transactions; i++) {
                commits.begin();
                aborts.begin();
                commits.batch(bothPartitions(topic, 3));
                aborts.batch(bothPartitions(topic, 2));
                plain.batch(bothPartitions(topic, 1));
                commits.batch(records(topic, 0, 4));
                if (round == 0 && i == 3) {
                    leaveOpen(topic);
                }
                commits.commit();
                commits.report("committed");
                aborts.batch(records(topic, 1, 2));
                aborts.abort();
                aborts.report("aborted");
            }
            plain.report("plain");
        }
    }

    private void leaveOpen(String topic) throws Exception {
        TransactionalSender open = transactional("open");
        open.begin();
        open.batch(bothPartitions(topic, 2));
        open.report("open");
    }

    private void appendTime() throws Exception {
        String topic = topic("append-time", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        try (Sender sender = new Sender(bootstrap, Map.of("compression.type", "zstd"))) {
            for (int batch = 0; batch < batches(); batch++) {
                sender.batch(records(topic, 0, 3));
            }
            sender.report("plain");
        }
    }

    /** A log that starts inside a batch of 10, some segments after its first. */
    private void deletedRecords() throws Exception {
        String topic = topic("deleted-records", 1, SMALL);
        try (Sender sender = new Sender(bootstrap, Map.of())) {
            for (int batch = 0; batch < batches(); batch++) {
                sender.batch(records(topic, 0, 10));
            }
            sender.report("plain");
        }
        if (round < 2) {
            // Not in the last round: the broker is killed after it, perhaps before it has noted the new start.
            RecordsToDelete delete = RecordsToDelete.beforeOffset(123 + 50 * round);
            admin.deleteRecords(Map.of(new TopicPartition(topic, 0), delete)).all().get();
        }
    }

    private void reportEnds() throws Exception {
        for (var topic : topics.entrySet()) {
            for (int partition = 0; partition < topic.getValue(); partition++) {
                TopicPartition tp = new TopicPartition(topic.getKey(), partition);
                Report.ends(tp, offset(tp, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED),
                    offset(tp, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED),
                    offset(tp, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED));
            }
        }
    }

    private long offset(TopicPartition partition, OffsetSpec spec, IsolationLevel isolation) throws Exception {
        return admin.listOffsets(Map.of(partition, spec), new ListOffsetsOptions(isolation))
            .partitionResult(partition).get().offset();
    }

    /** Makes the topic in the first round and remembers it for the report in all of them. */
    String topic(String name, int partitions, Map<String, String> configs) throws Exception {
        if (round == 0) {
            NewTopic topic = new NewTopic(name, partitions, (short) 1).configs(configs);
            admin.createTopics(List.of(topic)).all().get();
        }
        topics.put(name, partitions);
        return name;
    }

    void setTopicConfig(String topic, String name, String value) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
    }

    TransactionalSender transactional(String id) {
        return new TransactionalSender(bootstrap, admin, id);
    }

    String bootstrap() {
        return bootstrap;
    }

    int round() {
        return round;
    }

    private int batches() {
        return round == 0 ? BATCHES_OF_FIRST_ROUND : BATCHES_OF_LATER_ROUNDS;
    }

    private List<ProducerRecord<String, String>> bothPartitions(String topic, int count) {
        List<ProducerRecord<String, String>> all = records(topic, 0, count);
        all.addAll(records(topic, 1, count));
        return all;
    }

    /** Among them null keys, null values, a header name twice, a header without a value, and time that steps back. */
    private List<ProducerRecord<String, String>> records(String topic, int partition, int count) {
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = made % 5 == 4 ? null : "key-" + made;
            String value = made % 9 == 8 ? null : value(100 + random.nextInt(500));
            // A producer whose last record is a day old is forgotten when its log is opened: these two stay.
            Long time = topic.equals("idempotent") ? System.currentTimeMillis() : timestamp();
            var record = new ProducerRecord<>(topic, partition, time, key, value);
            if (made % 4 == 3) {
                record.headers().add("twice", bytes("1")).add("none", null).add("twice", bytes("2"));
            }
            records.add(record);
            made++;
        }
        return records;
    }

    ProducerRecord<String, String> keyed(String topic, String key, String value) {
        var record = new ProducerRecord<>(topic, 0, timestamp(), key, value);
        made++;
        return record;
    }

    /** Printable, so that kafka-dump-log shows it on one line; half of it repeats, so that every codec has work. */
    String value(int length) {
        StringBuilder value = new StringBuilder(length);
        while (value.length() < length / 2) {
            value.append((char) ('a' + random.nextInt(26)));
        }
        value.append(String.join("", Collections.nCopies(length - value.length(), "x")));
        return value.toString();
    }

    private Long timestamp() {
        long stepBack = made % 7 == 6 ? 500 : 0;
        return 1_700_000_000_000L + round * 10_000_000L + made * 10L - stepBack;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
