import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * One member of a group: `GroupMember BOOTSTRAP GROUP SUBSCRIPTION KEY=VALUE...`, where a subscription that begins with
 * `^` is a regular expression. It commits after every poll. It prints `assigned PARTITION...` when that has changed,
 * `read PARTITION FIRST LAST` for what it has read, `refused WHY` for a commit, and `failed WHY` at its end if it is not
 * one it was asked for. The line `close` on stdin lets it leave; the end of stdin halts it.
 */
public final class GroupMember {
    private static volatile boolean closing = false;

    private GroupMember() { }

    public static void main(String[] args) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", args[0],
            "group.id", args[1],
            "auto.offset.reset", "earliest",
            "enable.auto.commit", "false",
            "metadata.max.age.ms", "1000"));
        for (int i = 3; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            config.put(pair[0], pair[1]);
        }
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            Thread ear = new Thread(() -> listen(consumer), "ear");
            ear.setDaemon(true);
            ear.start();
            subscribe(consumer, args[2], "consumer".equals(config.get("group.protocol")));
            run(consumer);
        } catch (WakeupException e) {
            say("left");
        } catch (KafkaException e) {
            say("failed " + e.getClass().getSimpleName());
        }
    }

    private static void subscribe(KafkaConsumer<String, String> consumer, String subscription, boolean onBroker) {
        if (!subscription.startsWith("^")) {
            consumer.subscribe(List.of(subscription));
        } else if (onBroker) {
            consumer.subscribe(new SubscriptionPattern(subscription));
        } else {
            consumer.subscribe(Pattern.compile(subscription));
        }
    }

    private static void run(KafkaConsumer<String, String> consumer) {
        String assigned = "";
        while (!closing) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
            String now = partitions(consumer);
            if (!now.equals(assigned)) {
                assigned = now;
                say("assigned" + assigned);
            }
            for (TopicPartition partition : records.partitions()) {
                List<ConsumerRecord<String, String>> read = records.records(partition);
                say("read " + partition + " " + read.get(0).offset() + " " + read.get(read.size() - 1).offset());
            }
            if (!records.isEmpty()) {
                commit(consumer);
            }
        }
    }

    /** A member that is about to rebalance may be refused: what it read, the next one reads again. */
    private static void commit(KafkaConsumer<String, String> consumer) {
        try {
            consumer.commitSync();
        } catch (CommitFailedException | RebalanceInProgressException e) {
            say("refused " + e.getClass().getSimpleName());
        }
    }

    private static String partitions(KafkaConsumer<String, String> consumer) {
        TreeSet<String> partitions = new TreeSet<>();
        consumer.assignment().forEach(partition -> partitions.add(" " + partition));
        return String.join("", partitions);
    }

    private static void listen(KafkaConsumer<String, String> consumer) {
        BufferedReader stdin = new BufferedReader(new InputStreamReader(System.in));
        try {
            while (true) {
                String line = stdin.readLine();
                if (line == null) {
                    Runtime.getRuntime().halt(1);
                } else if (line.equals("close")) {
                    closing = true;
                    consumer.wakeup();
                }
            }
        } catch (IOException e) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
