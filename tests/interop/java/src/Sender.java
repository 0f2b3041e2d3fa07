import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;

/**
 * A producer that cuts batches where it is told, not when time passes: one {@link #batch} is one record batch in each
 * partition it touches. It reports records once their fate is known.
 */
class Sender implements AutoCloseable {
    final KafkaProducer<String, String> producer;
    private final List<ProducerRecord<String, String>> sent = new ArrayList<>();
    private final List<Future<RecordMetadata>> answers = new ArrayList<>();

    Sender(String bootstrap, Map<String, Object> overrides) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", bootstrap,
            "linger.ms", 60_000,
            "batch.size", 1 << 20,
            "acks", "all"));
        config.putAll(overrides);
        producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    void batch(List<ProducerRecord<String, String>> records) {
        for (ProducerRecord<String, String> record : records) {
            sent.add(record);
            answers.add(producer.send(record));
        }
        producer.flush();
    }

    /** Reports what was sent since the last report. */
    void report(String fate) throws Exception {
        for (int i = 0; i < sent.size(); i++) {
            ProducerRecord<String, String> record = sent.get(i);
            RecordMetadata answer = answers.get(i).get();
            TopicPartition partition = new TopicPartition(answer.topic(), answer.partition());
            Report.record(new Report.Position(partition, answer.offset(), answer.timestamp()),
                record.key(), record.value(), record.headers(), fate);
        }
        sent.clear();
        answers.clear();
    }

    @Override
    public void close() {
        producer.close();
    }
}
