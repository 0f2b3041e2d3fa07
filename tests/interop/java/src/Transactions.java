import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What applications do with transactions: {@code Transactions bootstrap scenario}. It fails with the first promise that
 * is not kept. {@code fill topic partitions count} makes a topic of numbers, and
 * {@code read topic partitions} prints the committed records of one.
 */
public final class Transactions {
    private static final long LIMIT_MS = 60_000;

    private final String bootstrap;
    private final Admin admin;

    private Transactions(String bootstrap, Admin admin) {
        this.bootstrap = bootstrap;
        this.admin = admin;
    }

    public static void main(String[] args) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            Transactions it = new Transactions(args[0], admin);
            switch (args[1]) {
                case "all-or-nothing" -> it.allOrNothing();
                case "fence" -> it.fence();
                case "timeout" -> it.timeout();
                case "copy" -> it.copy();
                case "fill" -> it.fill(args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
                case "read" -> {
                    int partitions = Integer.parseInt(args[3]);
                    it.read(args[2], partitions, "read_committed").forEach(System.out::println);
                }
                default -> throw new IllegalArgumentException(args[1]);
            }
        }
    }

    /** Transactions over two partitions, every other one aborted. */
    private void allOrNothing() throws Exception {
        create("ledger", 2);
        List<String> committed = new ArrayList<>();
        int sent = 0;
        try (KafkaProducer<String, String> producer = producer("ledger-writer", 60_000)) {
            producer.initTransactions();
            for (int round = 0; round < 20; round++) {
                producer.beginTransaction();
                for (int part = 0; part < 2; part++) {
                    String value = round + "/" + part;
                    producer.send(new ProducerRecord<>("ledger", part, null, value));
                    sent++;
                    if (round % 2 == 0) {
                        committed.add(value);
                    }
                }
                if (round % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.flush();
                    producer.abortTransaction();
                }
            }
        }
        expect(sorted(committed), sorted(read("ledger", 2, "read_committed")), "committed records");
        expect(sent, read("ledger", 2, "read_uncommitted").size(), "all records");
    }

    /** A second producer takes the transactional id while the first is in a transaction. */
    private void fence() throws Exception {
        create("fenced", 1);
        try (KafkaProducer<String, String> first = producer("fenced-writer", 60_000);
             KafkaProducer<String, String> second = producer("fenced-writer", 60_000)) {
            first.initTransactions();
            first.beginTransaction();
            first.send(new ProducerRecord<>("fenced", "of the zombie"));
            first.flush();
            second.initTransactions();
            second.beginTransaction();
            second.send(new ProducerRecord<>("fenced", "of its successor"));
            second.commitTransaction();
            try {
                first.send(new ProducerRecord<>("fenced", "too late"));
                first.commitTransaction();
                throw new AssertionError("the zombie has committed");
            } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                System.out.println("fenced: " + fenced.getMessage());
            } catch (KafkaException abortable) {
                // What was sent has met the new epoch in the partition first.
                if (!(abortable.getCause() instanceof InvalidProducerEpochException)) {
                    throw abortable;
                }
            }
        }
        expect(List.of("of its successor"), read("fenced", 1, "read_committed"), "records");
    }

    /** A producer that says nothing more: its transaction is aborted for it. */
    private void timeout() throws Exception {
        create("late", 1);
        try (KafkaProducer<String, String> producer = producer("late-writer", 3_000)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("late", "never"));
            producer.flush();
            await("late-writer", TransactionState.COMPLETE_ABORT);
            try {
                producer.commitTransaction();
                throw new AssertionError("what was aborted is committed");
            } catch (InvalidTxnStateException | ProducerFencedException told) {
                System.out.println("told: " + told.getMessage());
            }
        }
        expect(List.of(), read("late", 1, "read_committed"), "records");
        try (KafkaProducer<String, String> producer = producer("late-writer", 60_000)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("late", "in time"));
            producer.commitTransaction();
        }
        expect(List.of("in time"), read("late", 1, "read_committed"), "records");
    }

    /** Records go from one topic to another, their offsets with them; every third try is given up. */
    private void copy() throws Exception {
        int count = 300;
        fill("in", 2, count);
        create("out", 2);
        int copied = 0;
        int round = 0;
        try (KafkaConsumer<String, String> consumer = consumer("copier", "read_committed");
             KafkaProducer<String, String> producer = producer("copier", 60_000)) {
            consumer.subscribe(List.of("in"));
            producer.initTransactions();
            long deadline = System.currentTimeMillis() + 2 * LIMIT_MS;
            while (copied < count) {
                check(System.currentTimeMillis() < deadline, "copied " + copied + " of " + count);
                List<ConsumerRecord<String, String>> polled = new ArrayList<>();
                consumer.poll(Duration.ofMillis(200)).forEach(polled::add);
                if (polled.isEmpty()) {
                    continue;
                }
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                Map<TopicPartition, Long> from = new HashMap<>();
                for (ConsumerRecord<String, String> record : polled) {
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    from.putIfAbsent(partition, record.offset());
                    offsets.put(partition, new OffsetAndMetadata(record.offset() + 1));
                    producer.send(new ProducerRecord<>("out", record.partition(), null, record.value()));
                }
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                if (round++ % 3 == 2) {
                    producer.abortTransaction();
                    from.forEach(consumer::seek);
                } else {
                    producer.commitTransaction();
                    copied += polled.size();
                }
            }
            Set<TopicPartition> partitions = Set.of(new TopicPartition("in", 0), new TopicPartition("in", 1));
            for (OffsetAndMetadata offset : consumer.committed(partitions).values()) {
                expect((long) count / 2, offset.offset(), "committed offset");
            }
        }
        List<String> numbers = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            numbers.add(Integer.toString(number));
        }
        expect(sorted(numbers), sorted(read("out", 2, "read_committed")), "copies");
    }

    private void fill(String topic, int partitions, int count) throws Exception {
        create(topic, partitions);
        try (KafkaProducer<String, String> producer = producer(null, 0)) {
            for (int number = 0; number < count; number++) {
                producer.send(new ProducerRecord<>(topic, number % partitions, null, Integer.toString(number)));
            }
        }
    }

    private void create(String topic, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }

    private KafkaProducer<String, String> producer(String transactionalId, int timeoutMs) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("linger.ms", 0);
        if (transactionalId != null) {
            config.put("transactional.id", transactionalId);
            config.put("transaction.timeout.ms", timeoutMs);
        }
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private KafkaConsumer<String, String> consumer(String group, String isolation) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("isolation.level", isolation);
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", false);
        config.put("max.poll.records", 40);
        if (group != null) {
            config.put("group.id", group);
        }
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    /** Everything up to the end that this isolation level sees. */
    private List<String> read(String topic, int count, String isolation) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            partitions.add(new TopicPartition(topic, number));
        }
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(null, isolation)) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.currentTimeMillis() + LIMIT_MS;
            while (partitions.stream().anyMatch(it -> consumer.position(it) < ends.get(it))) {
                check(System.currentTimeMillis() < deadline, topic + " is not read to its end " + ends);
                consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(record.value()));
            }
        }
        return values;
    }

    private void await(String transactionalId, TransactionState state) throws Exception {
        long deadline = System.currentTimeMillis() + LIMIT_MS;
        while (describe(transactionalId) != state) {
            check(System.currentTimeMillis() < deadline, transactionalId + " is not " + state);
            Thread.sleep(50);
        }
    }

    private TransactionState describe(String transactionalId) throws Exception {
        return admin.describeTransactions(List.of(transactionalId)).description(transactionalId).get().state();
    }

    private static List<String> sorted(List<String> values) {
        return values.stream().sorted().toList();
    }

    private static void expect(Object expected, Object found, String what) {
        check(expected.equals(found), what + ": " + found + " instead of " + expected);
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
