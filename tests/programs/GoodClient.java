// A CHAT/1.0 client in one file of Java, written from the assignment alone.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class GoodClient {
    static final String VERSION = "CHAT/1.0";
    static final int LONGEST_LINE = 64 * 1024;
    static final Pattern ADDRESS = Pattern.compile("chat://([^/:@\\s]+):([0-9]{1,5})/?");

    static final PrintStream screen = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    static String name;
    static Socket socket;
    static volatile boolean isRegistered;

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            end(2, "Usage: GoodClient NAME chat://HOST:PORT");
        }
        name = arguments[0];
        Matcher place = ADDRESS.matcher(arguments[1]);
        if (!place.matches() || Integer.parseInt(place.group(2)) < 1 || Integer.parseInt(place.group(2)) > 65535) {
            end(2, arguments[1] + " is not an address: it must be chat://host:port");
        }
        try {
            socket = new Socket(place.group(1), Integer.parseInt(place.group(2)));
        } catch (IOException e) {
            end(1, "Nobody answers at " + arguments[1] + ": " + e.getMessage());
        }
        Runtime.getRuntime().addShutdownHook(new Thread(GoodClient::sayFarewell));
        say(("REGISTER " + name + " " + VERSION).getBytes(StandardCharsets.UTF_8));
        receive();
    }

    /** From whatever thread. The hook has nothing to say any more where the conversation is over. */
    static void end(int status, String notice) {
        isRegistered = false;
        screen.println(notice);
        System.exit(status);
    }

    static void sayFarewell() {
        if (isRegistered) {
            say(("DISCONNECT " + name + " " + VERSION).getBytes(StandardCharsets.UTF_8));
            screen.println("Goodbye.");
        }
    }

    static synchronized void say(byte[] line) {
        byte[] message = java.util.Arrays.copyOf(line, line.length + 1);
        message[line.length] = '\n';
        try {
            socket.getOutputStream().write(message);
        } catch (IOException e) {
            // Noticed where it is read from.
        }
    }

    static void receive() {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        byte[] segment = new byte[8192];
        try {
            InputStream in = socket.getInputStream();
            for (int length = in.read(segment); length > 0; length = in.read(segment)) {
                for (int i = 0; i < length; i++) {
                    if (segment[i] == '\n') {
                        hear(line.toString(StandardCharsets.UTF_8).replaceAll("\r\\z", ""));
                        line.reset();
                    } else {
                        line.write(segment[i]);
                    }
                }
                if (line.size() > LONGEST_LINE) {
                    end(1, "The server sends a line without end.");
                }
            }
        } catch (IOException e) {
            // As good as closed.
        }
        end(1, "The connection to the server is lost.");
    }

    static void hear(String line) {
        if (!isRegistered) {
            if (!line.split(" ", -1)[0].equals("200")) {
                end(1, "The server refuses the registration: " + harmless(line));
            }
            isRegistered = true;
            screen.println("You are registered.");
            Thread keyboard = new Thread(GoodClient::type);
            keyboard.setDaemon(true);
            keyboard.start();
        } else if (line.equals("DISCONNECT " + VERSION)) {
            end(0, "The server is shutting down.");
        } else {
            screen.println(harmless(line));
        }
    }

    static String harmless(String text) {
        return text.replaceAll("[\\p{Cc}&&[^\u0085]]", "?");
    }

    /** Bytes, since what is typed is sent as it is, whatever the locale. */
    static void type() {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        line.writeBytes(("@" + name + ": ").getBytes(StandardCharsets.UTF_8));
        int prefix = line.size();
        try {
            for (int key = System.in.read(); key >= 0; key = System.in.read()) {
                if (key != '\n') {
                    line.write(key);
                    continue;
                }
                if (line.size() > prefix) {
                    say(line.toByteArray());
                }
                line.reset();
                line.writeBytes(("@" + name + ": ").getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            // As good as the end of input.
        }
        System.exit(0);
    }
}
