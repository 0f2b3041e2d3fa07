import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.metadata.properties.MetaProperties;
import org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler;
import org.apache.kafka.storage.internals.checkpoint.LeaderEpochCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;

import java.io.File;
import java.util.List;
import java.util.stream.Stream;

/**
 * Reads the small files of a log directory with Kafka's own classes and prints what Kafka understood, one JSON array a
 * file: kafka-dump-log leaves these files out.
 */
public final class DumpCheckpoints {
    private static final ObjectMapper JSON = new ObjectMapper();

    private DumpCheckpoints() { }

    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            System.out.println(JSON.writeValueAsString(read(new File(arg))));
        }
    }

    private static List<String> read(File file) throws Exception {
        LogDirFailureChannel failures = new LogDirFailureChannel(1);
        return switch (file.getName()) {
            case "leader-epoch-checkpoint" -> new LeaderEpochCheckpointFile(file, failures).read().stream()
                .map(entry -> entry.epoch() + " " + entry.startOffset()).toList();
            case "recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint",
                 "cleaner-offset-checkpoint" -> new OffsetCheckpointFile(file, failures).read().entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue()).sorted().toList();
            case "partition.metadata" -> Stream.of(new PartitionMetadataFile(file, failures).read())
                .map(metadata -> metadata.version() + " " + metadata.topicId()).toList();
            case "meta.properties" ->
                List.of(new MetaProperties.Builder(Utils.loadProps(file.getPath())).build().toString());
            case CleanShutdownFileHandler.CLEAN_SHUTDOWN_FILE_NAME ->
                List.of(String.valueOf(new CleanShutdownFileHandler(file.getParent()).read()));
            default -> throw new IllegalArgumentException("no class of Kafka is known here for " + file);
        };
    }
}
