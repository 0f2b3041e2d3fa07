import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** Says on stdout, one JSON object a line, what was written; `made_logs.rs` reads it. */
final class Report {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Report() { }

    /** One record that the log holds. `fate` is plain, committed, aborted or open. */
    static void record(Position position, String key, String value, Headers headers, String fate) {
        ObjectNode line = line("record", position.partition());
        line.put("offset", position.offset());
        line.put("timestamp", position.timestamp());
        line.put("key", key);
        if (value == null) {
            line.putNull("value_crc32c");
        } else {
            line.put("value_crc32c", crc32c(value));
        }
        var list = line.putArray("headers");
        for (Header header : headers) {
            list.addArray().add(header.key()).add(text(header.value()));
        }
        line.put("fate", fate);
        System.out.println(line);
    }

    /** Where a partition's log starts, is stable and ends. */
    static void ends(TopicPartition partition, long start, long stable, long end) {
        ObjectNode line = line("ends", partition);
        line.put("log_start_offset", start);
        line.put("last_stable_offset", stable);
        line.put("log_end_offset", end);
        System.out.println(line);
    }

    /** Where a record stands. */
    record Position(TopicPartition partition, long offset, long timestamp) { }

    private static ObjectNode line(String type, TopicPartition partition) {
        ObjectNode line = JSON.createObjectNode();
        line.put("type", type);
        line.put("topic", partition.topic());
        line.put("partition", partition.partition());
        return line;
    }

    private static long crc32c(String value) {
        CRC32C crc = new CRC32C();
        crc.update(value.getBytes(StandardCharsets.UTF_8));
        return crc.getValue();
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
