import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.ProducerIdAndEpoch;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Map;

/**
 * A transaction that one process begins and another ends, with nothing but the stored producer id and epoch, as Flink's
 * sink does after it has recovered from a checkpoint: {@code begin} prints them and stops without a word to the broker,
 * {@code commit id epoch} and {@code abort id epoch} go on. The client has no method for that, so its fields are set.
 */
public final class StoredTransaction {
    private StoredTransaction() { }

    /** The arguments: bootstrap, topic, transactional id, what to do, and with what. */
    public static void main(String[] args) throws Exception {
        // On a busy machine it may take minutes until somebody comes for it.
        Map<String, Object> config =
            Map.of("bootstrap.servers", args[0], "transactional.id", args[2], "transaction.timeout.ms", 600_000);
        var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        Object manager = get(producer, "transactionManager");
        if (args[3].equals("begin")) {
            producer.initTransactions();
            producer.beginTransaction();
            long offset = producer.send(new ProducerRecord<>(args[1], "stored")).get().offset();
            ProducerIdAndEpoch stored = (ProducerIdAndEpoch) get(manager, "producerIdAndEpoch");
            System.out.println(stored.producerId + " " + stored.epoch + " " + offset);
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
        synchronized (manager) {
            transitionTo(manager, "INITIALIZING");
            var stored = new ProducerIdAndEpoch(Long.parseLong(args[4]), Short.parseShort(args[5]));
            field(manager, "producerIdAndEpoch").set(manager, stored);
            transitionTo(manager, "READY");
            transitionTo(manager, "IN_TRANSACTION");
            field(manager, "transactionStarted").set(manager, true);
        }
        if (args[3].equals("commit")) {
            producer.commitTransaction();
        } else {
            producer.abortTransaction();
        }
        producer.close();
    }

    private static void transitionTo(Object manager, String name) throws Exception {
        for (Method method : manager.getClass().getDeclaredMethods()) {
            if (method.getName().equals("transitionTo") && method.getParameterCount() == 1) {
                method.setAccessible(true);
                for (Object state : method.getParameterTypes()[0].getEnumConstants()) {
                    if (state.toString().equals(name)) {
                        method.invoke(manager, state);
                        return;
                    }
                }
            }
        }
        throw new IllegalStateException("the client has no state " + name);
    }

    private static Object get(Object object, String name) throws Exception {
        return field(object, name).get(object);
    }

    private static Field field(Object object, String name) throws Exception {
        Field field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
