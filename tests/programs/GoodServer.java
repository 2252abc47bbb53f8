// A CHAT/1.0 server in one file of Java, two threads a client, written from the assignment alone.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

public class GoodServer {
    static final String VERSION = "CHAT/1.0";
    static final int LONGEST_LINE = 16 * 1024;
    static final int LONGEST_BACKLOG = 100_000;
    static final byte[] LAST = new byte[0];

    static final Map<String, Client> members = new HashMap<>();

    public static void main(String[] arguments) throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 512)) {
            Runtime.getRuntime().addShutdownHook(new Thread(GoodServer::sayFarewell));
            System.out.println("Waiting for clients at port " + listener.getLocalPort());
            while (true) {
                new Client(listener.accept()).start();
            }
        }
    }

    static void sayFarewell() {
        synchronized (members) {
            for (Client member : members.values()) {
                member.say(bytes("DISCONNECT " + VERSION));
                member.finish();
            }
            for (Client member : members.values()) {
                try {
                    member.writer.join(1000);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static class Client {
        final Socket socket;
        final BlockingQueue<byte[]> outbox = new LinkedBlockingQueue<>();
        final Thread writer = new Thread(null, this::write, "writer", 256 * 1024);
        String name;

        Client(Socket socket) throws IOException {
            this.socket = socket;
            socket.setTcpNoDelay(true);
        }

        void start() {
            writer.setDaemon(true);
            writer.start();
            Thread reader = new Thread(null, this::read, "reader", 256 * 1024);
            reader.setDaemon(true);
            reader.start();
        }

        void say(byte[] line) {
            if (outbox.size() > LONGEST_BACKLOG) {
                cut(); // it does not read
                return;
            }
            byte[] message = new byte[line.length + 1];
            System.arraycopy(line, 0, message, 0, line.length);
            message[line.length] = '\n';
            outbox.add(message);
        }

        void finish() {
            outbox.add(LAST);
        }

        void cut() {
            try {
                socket.close();
            } catch (IOException e) {
                // It is gone anyway.
            }
        }

        void write() {
            try {
                for (byte[] message = outbox.take(); message != LAST; message = outbox.take()) {
                    socket.getOutputStream().write(message);
                }
                socket.shutdownOutput();
            } catch (IOException | InterruptedException e) {
                cut();
            }
        }

        void read() {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            byte[] segment = new byte[8192];
            boolean stays = true;
            try {
                InputStream in = socket.getInputStream();
                for (int length = in.read(segment); length > 0 && line.size() <= LONGEST_LINE; length = in.read(segment)) {
                    for (int i = 0; i < length; i++) {
                        if (segment[i] != '\n') {
                            line.write(segment[i]);
                        } else if (stays) {
                            stays = hear(withoutEnd(line.toByteArray()));
                            line.reset();
                        }
                    }
                }
            } catch (IOException e) {
                // Reset: it is gone as well.
            }
            leave();
            if (line.size() > LONGEST_LINE) {
                cut();
            }
        }

        byte[] withoutEnd(byte[] line) {
            boolean isCrLf = line.length > 0 && line[line.length - 1] == '\r';
            return isCrLf ? java.util.Arrays.copyOf(line, line.length - 1) : line;
        }

        /** Whether it stays. */
        boolean hear(byte[] line) {
            String text = new String(line, StandardCharsets.UTF_8);
            synchronized (members) {
                if (name == null) {
                    return register(text);
                }
                if (text.equals("DISCONNECT " + name + " " + VERSION)) {
                    leave();
                    return false;
                }
                if (text.startsWith("@" + name + ": ")) {
                    for (Client member : members.values()) {
                        if (member != this) {
                            member.say(line);
                        }
                    }
                }
                return true;
            }
        }

        boolean register(String text) {
            String[] words = text.split(" ", -1);
            boolean isWellFormed = words.length == 3 && words[0].equals("REGISTER") && words[2].equals(VERSION);
            if (!isWellFormed || !words[1].matches("[^\\s\\p{Cc}]{1,64}")) {
                say(bytes("400 Invalid registration"));
                finish();
                return false;
            }
            if (members.containsKey(words[1])) {
                say(bytes("401 Client already registered"));
                finish();
                return false;
            }
            say(bytes("200 Registration successful"));
            name = words[1];
            members.put(name, this);
            return true;
        }

        void leave() {
            synchronized (members) {
                if (name != null) {
                    members.remove(name, this);
                }
                name = null;
            }
            finish();
        }
    }
}
