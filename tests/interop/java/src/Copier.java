import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Moves records from the topic {@code in} to the topic {@code out}, their offsets in the same transactions, as one of a
 * group: {@code Copier bootstrap transactionalId}. After an error it begins anew with what is committed. It ends when all
 * of {@code in} is, and says after each transaction how many records it had.
 */
public final class Copier {
    private final Map<String, Object> config;
    private final String transactionalId;

    private Copier(String bootstrap, String transactionalId) {
        this.config = Map.of("bootstrap.servers", bootstrap);
        this.transactionalId = transactionalId;
    }

    public static void main(String[] args) {
        Copier copier = new Copier(args[0], args[1]);
        boolean isDone = false;
        while (!isDone) {
            try {
                isDone = copier.run();
            } catch (KafkaException failure) {
                System.err.println(failure);
            }
        }
    }

    private boolean run() {
        var consumer = consumer();
        var producer = producer();
        try {
            producer.initTransactions();
            consumer.subscribe(List.of("in"));
            while (true) {
                ConsumerRecords<String, String> polled = consumer.poll(Duration.ofMillis(200));
                if (!polled.isEmpty()) {
                    copy(polled, consumer, producer);
                    System.out.println(polled.count());
                } else if (isAllCommitted(consumer)) {
                    return true;
                }
            }
        } finally {
            producer.close(Duration.ZERO);
            consumer.close();
        }
    }

    private static void copy(
            ConsumerRecords<String, String> polled,
            KafkaConsumer<String, String> consumer,
            KafkaProducer<String, String> producer) {
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> record : polled) {
            producer.send(new ProducerRecord<>("out", record.partition(), null, record.value()));
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            offsets.put(partition, new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
    }

    private static boolean isAllCommitted(KafkaConsumer<String, String> consumer) {
        var partitions = consumer.partitionsFor("in").stream()
            .map(it -> new TopicPartition(it.topic(), it.partition()))
            .collect(Collectors.toSet());
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(partitions);
        return partitions.stream().allMatch(it -> {
            OffsetAndMetadata offset = committed.get(it);
            return offset != null && offset.offset() >= ends.get(it);
        });
    }

    private KafkaConsumer<String, String> consumer() {
        Map<String, Object> own = new HashMap<>(config);
        own.put("group.id", "copiers");
        own.put("isolation.level", "read_committed");
        own.put("auto.offset.reset", "earliest");
        own.put("enable.auto.commit", false);
        own.put("max.poll.records", 20);
        own.put("session.timeout.ms", 6_000);
        own.put("heartbeat.interval.ms", 500);
        return new KafkaConsumer<>(own, new StringDeserializer(), new StringDeserializer());
    }

    private KafkaProducer<String, String> producer() {
        Map<String, Object> own = new HashMap<>(config);
        own.put("transactional.id", transactionalId);
        own.put("transaction.timeout.ms", 10_000);
        own.put("linger.ms", 0);
        return new KafkaProducer<>(own, new StringSerializer(), new StringSerializer());
    }
}
