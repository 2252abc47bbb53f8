/* A CHAT/1.0 server on poll, in C, written from the assignment alone. It never flushes what it prints. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CLIENTS 1000
#define LONGEST_LINE (16 * 1024)
#define LARGEST_BACKLOG (16u * 1024 * 1024)

struct client {
    int socket;
    char name[65];
    int registered, leaving;
    char in[LONGEST_LINE + 1];
    size_t in_length;
    char *out;
    size_t out_length, out_room;
};

static struct client *clients[MOST_CLIENTS];
static int count;
static volatile sig_atomic_t ending;

static void note_signal(int number)
{
    (void)number;
    ending = 1;
}

static void write_out(struct client *client)
{
    while (client->out_length > 0) {
        ssize_t written = send(client->socket, client->out, client->out_length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            if (errno != EAGAIN && errno != EINTR)
                client->out_length = 0; /* its end is read */
            return;
        }
        client->out_length -= (size_t)written;
        memmove(client->out, client->out + written, client->out_length);
    }
    if (client->leaving)
        shutdown(client->socket, SHUT_WR);
}

static void say(struct client *client, const char *line, size_t length)
{
    if (client->leaving)
        return;
    size_t needed = client->out_length + length + 1;
    if (needed > LARGEST_BACKLOG) { /* it does not read */
        shutdown(client->socket, SHUT_RDWR);
        return;
    }
    if (needed > client->out_room) {
        client->out_room = 2 * needed;
        client->out = realloc(client->out, client->out_room);
        if (!client->out)
            abort();
    }
    memcpy(client->out + client->out_length, line, length);
    client->out[needed - 1] = '\n';
    client->out_length = needed;
    /* A little more may come: all is written when all was read. */
    if (client->out_length > 65536)
        write_out(client);
}

static struct client *member(const char *name)
{
    for (int i = 0; i < count; i++)
        if (clients[i]->registered && strcmp(clients[i]->name, name) == 0)
            return clients[i];
    return NULL;
}

static void dismiss(struct client *client)
{
    client->registered = 0;
    client->leaving = 1;
}

static void refuse(struct client *client, const char *answer)
{
    say(client, answer, strlen(answer));
    dismiss(client);
}

static void enlist(struct client *client, const char *line, size_t length)
{
    char name[65];
    int end = 0;
    if (memchr(line, 0, length) || sscanf(line, "REGISTER %64[^ ] CHAT/1.0%n", name, &end) != 1 ||
        (size_t)end != length || strncmp(line + 9, name, strlen(name)) != 0 || line[9 + strlen(name)] != ' ' ||
        strcspn(name, "\t\r\v\f") != strlen(name) || strlen(name) + 18 != length)
        refuse(client, "400 Invalid registration");
    else if (member(name))
        refuse(client, "401 Client already registered");
    else {
        strcpy(client->name, name);
        client->registered = 1;
        say(client, "200 Registration successful", 27);
    }
}

/* `line` ends with a NUL that is no part of it. */
static void hear(struct client *client, const char *line, size_t length)
{
    char farewell[100], prefix[100];
    if (client->leaving)
        return;
    if (!client->registered) {
        enlist(client, line, length);
        return;
    }
    snprintf(farewell, sizeof farewell, "DISCONNECT %s CHAT/1.0", client->name);
    snprintf(prefix, sizeof prefix, "@%s: ", client->name);
    if (length == strlen(farewell) && memcmp(line, farewell, length) == 0)
        dismiss(client);
    else if (length >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0)
        for (int i = 0; i < count; i++)
            if (clients[i]->registered && clients[i] != client)
                say(clients[i], line, length);
}

/* Whether it is still there. */
static int read_from(struct client *client)
{
    ssize_t length =
        recv(client->socket, client->in + client->in_length, LONGEST_LINE - client->in_length, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (length <= 0)
        return 0;
    client->in_length += (size_t)length;
    char *from = client->in, *end;
    size_t left = client->in_length;
    while ((end = memchr(from, '\n', left))) {
        size_t line = (size_t)(end - from);
        left -= line + 1;
        if (line > 0 && from[line - 1] == '\r')
            line--;
        from[line] = 0;
        hear(client, from, line);
        from = end + 1;
    }
    memmove(client->in, from, left);
    client->in_length = left;
    return left < LONGEST_LINE;
}

static void drop(int at)
{
    close(clients[at]->socket);
    free(clients[at]->out);
    free(clients[at]);
    clients[at] = clients[--count];
}

static void greet(int listener)
{
    int socket;
    while (count < MOST_CLIENTS && (socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        if (!client)
            abort();
        client->socket = socket;
        clients[count++] = client;
    }
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 512) ||
        getsockname(listener, (struct sockaddr *)&address, &size)) {
        perror("good_server");
        return 1;
    }
    printf("Waiting for clients at port %d\n", ntohs(address.sin_port));

    sigset_t blocked, none;
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    while (!ending) {
        static struct pollfd polled[MOST_CLIENTS + 1];
        int polled_count = count;
        for (int i = 0; i < count; i++) {
            polled[i] = (struct pollfd){.fd = clients[i]->socket, .events = POLLIN};
            if (clients[i]->out_length > 0)
                polled[i].events |= POLLOUT;
        }
        polled[count] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (ppoll(polled, (nfds_t)count + 1, NULL, &none) < 0)
            continue;
        for (int i = polled_count - 1; i >= 0; i--) {
            if (polled[i].revents & (POLLIN | POLLHUP | POLLERR) && !read_from(clients[i]))
                drop(i);
        }
        if (polled[polled_count].revents)
            greet(listener);
        for (int i = 0; i < count; i++)
            write_out(clients[i]);
    }
    for (int i = 0; i < count; i++) {
        if (clients[i]->registered)
            say(clients[i], "DISCONNECT CHAT/1.0", 19);
        clients[i]->leaving = 1;
        write_out(clients[i]);
    }
    return 0;
}
