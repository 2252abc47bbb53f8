/* A CHAT/1.0 client on poll, in C, written from the assignment alone. */

#define _GNU_SOURCE
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONGEST_LINE (64 * 1024)

static int server = -1;
static int registered;
static const char *name;
static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void end(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    exit(status);
}

static void say(const char *format, ...)
{
    static char line[LONGEST_LINE + 200];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    line[length++] = '\n';
    /* A server that is gone is noticed where it is read from. */
    (void)!send(server, line, (size_t)length, MSG_NOSIGNAL);
}

static void leave(void)
{
    if (registered)
        say("DISCONNECT %s CHAT/1.0", name);
    end(0, "Goodbye.");
}

/* Makes `line` such that nothing in it moves the cursor; U+0085 is no control sequence's beginning. */
static void disarm(char *line)
{
    for (unsigned char *at = (unsigned char *)line; *at; at++) {
        int is_c1 = at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F && at[1] != 0x85;
        if (is_c1)
            at[0] = at[1] = '?';
        else if (*at < 32 || *at == 127)
            *at = '?';
    }
}

static void hear(char *line)
{
    if (!registered) {
        if (strncmp(line, "200", 3) != 0 || (line[3] && line[3] != ' ')) {
            disarm(line);
            end(1, "The server refuses the registration: %s", line);
        }
        registered = 1;
        puts("You are registered.");
    } else if (strcmp(line, "DISCONNECT CHAT/1.0") == 0) {
        end(0, "The server is shutting down.");
    } else {
        disarm(line);
        puts(line);
    }
}

static void type(char *line)
{
    if (*line)
        say("@%s: %s", name, line);
}

/* Reads on, and takes all whole lines; 0 at the end. */
static int take_lines(int from, char *buffer, size_t *length, void (*take)(char *))
{
    ssize_t more = read(from, buffer + *length, LONGEST_LINE - *length);
    if (more <= 0)
        return 0;
    *length += (size_t)more;
    char *start = buffer, *stop;
    while ((stop = memchr(start, '\n', *length - (size_t)(start - buffer)))) {
        *stop = 0;
        if (stop > start && stop[-1] == '\r')
            stop[-1] = 0;
        take(start);
        start = stop + 1;
    }
    *length -= (size_t)(start - buffer);
    memmove(buffer, start, *length);
    if (*length == LONGEST_LINE)
        end(1, "That is a line without end.");
    return 1;
}

static void connect_to(const char *address)
{
    char host[256], port[6], rest[2];
    struct addrinfo *found, wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int parts = sscanf(address, "chat://%255[^/:@ ]:%5[0-9]%1s", host, port, rest);
    if (parts != 2 || atoi(port) < 1 || atoi(port) > 65535)
        end(2, "%s is not an address: it must be chat://host:port", address);
    int failure = getaddrinfo(host, port, &wanted, &found);
    if (failure)
        end(1, "There is no %s: %s", host, gai_strerror(failure));
    for (struct addrinfo *at = found; at && server < 0; at = at->ai_next) {
        server = socket(at->ai_family, at->ai_socktype, 0);
        if (connect(server, at->ai_addr, at->ai_addrlen)) {
            close(server);
            server = -1;
        }
    }
    freeaddrinfo(found);
    if (server < 0)
        end(1, "Nobody answers at %s", address);
}

int main(int count, char **arguments)
{
    static char received[LONGEST_LINE], typed[LONGEST_LINE];
    size_t received_length = 0, typed_length = 0;
    if (count != 3)
        end(2, "Usage: good_client NAME chat://HOST:PORT");
    name = arguments[1];
    connect_to(arguments[2]);

    sigset_t blocked, none;
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    say("REGISTER %s CHAT/1.0", name);
    while (!interrupted) {
        struct pollfd polled[] = {{.fd = server, .events = POLLIN},
                                  {.fd = registered ? STDIN_FILENO : -1, .events = POLLIN}};
        if (ppoll(polled, 2, NULL, &none) < 0)
            continue;
        if (polled[0].revents && !take_lines(server, received, &received_length, hear))
            end(1, "The connection to the server is lost.");
        if (polled[1].revents && !take_lines(STDIN_FILENO, typed, &typed_length, type))
            break;
    }
    leave();
}
