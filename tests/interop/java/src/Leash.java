import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/**
 * Runs a main class on a leash: the JVM halts when stdin ends, so that no broker and no tool outlives the test that
 * started it, however that test ended. `Leash CLASS ARGS...`.
 */
public final class Leash {
    private Leash() { }

    public static void main(String[] args) throws Throwable {
        Thread leash = new Thread(Leash::haltAtEnd, "leash");
        leash.setDaemon(true);
        leash.start();
        try {
            String[] rest = Arrays.copyOfRange(args, 1, args.length);
            Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object) rest);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static void haltAtEnd() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            System.err.println("the leash broke: " + e);
        }
        Runtime.getRuntime().halt(1);
    }
}
