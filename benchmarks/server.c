/* The benchmark's server: one thread, epoll, keep-alive; answers POST /v1/products with one fixed product.
 *
 *   server DELAY_MS BODY
 *
 * BODY is the JSON of the answer, given so that both servers say the same bytes.
 * Prints its port on one line and ends when its standard input does. Every answer is held back by delay_ms.
 * GET /count says what was asked so far, in JSON, and counts itself nowhere.
 * server.py speaks the same contract for machines without a C compiler.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM 16384 /* of one request, head and body */
#define EVENTS 512

typedef struct {
    char in[ROOM];
    size_t used;
    unsigned life; /* tells a late answer that its connection has gone */
    int open;
} Connection;

typedef struct {
    int64_t due_us;
    int fd;
    unsigned life;
} Waiting;

static Connection **connections;
static int highest_fd;
static unsigned lives;
static Waiting *queue; /* a ring: with one fixed delay the answers fall due in order */
static size_t queue_head, queue_used, queue_room = 1024;
static int poller;
static int64_t delay_us;
static unsigned long long creates, others, accepted, open_now;
static char answer[4096];
static size_t answer_size;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void hang_up(int fd) {
    connections[fd]->open = 0;
    open_now--;
    close(fd);
}

static void say(int fd, const char *text, size_t size) {
    /* Answers are about 1 KB and one at a time: the socket's buffer holds them unless the peer is gone. */
    if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) hang_up(fd);
}

static void answer_later(int fd) {
    if (queue_used == queue_room) {
        Waiting *bigger = malloc(2 * queue_room * sizeof *bigger);
        if (!bigger) exit(1);
        for (size_t i = 0; i < queue_used; i++) bigger[i] = queue[(queue_head + i) % queue_room];
        free(queue);
        queue = bigger;
        queue_head = 0;
        queue_room *= 2;
    }
    queue[(queue_head + queue_used++) % queue_room] =
        (Waiting){now_us() + delay_us, fd, connections[fd]->life};
}

static void answer_due(void) {
    int64_t now = now_us();
    while (queue_used && queue[queue_head].due_us <= now) {
        Waiting w = queue[queue_head];
        queue_head = (queue_head + 1) % queue_room;
        queue_used--;
        if (connections[w.fd]->open && connections[w.fd]->life == w.life) say(w.fd, answer, answer_size);
    }
}

static void say_status(int fd, const char *status, const char *body) {
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        status, strlen(body), body);
    say(fd, text, (size_t)size);
}

static void say_count(int fd) {
    char body[256];
    snprintf(body, sizeof body, "{\"creates\": %llu, \"others\": %llu, \"accepted\": %llu, \"open\": %llu}",
             creates, others, accepted, open_now);
    say_status(fd, "200 OK", body);
}

/* The number of bytes of the first whole request in c->in, 0 if it is not all there, -1 if it cannot be. */
static long request_size(Connection *c) {
    char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
    if (!end) return c->used < ROOM ? 0 : -1;
    long head = end + 4 - c->in, body = 0;
    for (char *line = memchr(c->in, '\n', head); line && line < end; line = memchr(line, '\n', end + 4 - line)) {
        line++;
        if (!strncasecmp(line, "content-length:", 15)) body = strtol(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding:", 18)) return -1;
    }
    if (body < 0 || head + body > ROOM) return -1;
    return (long)c->used >= head + body ? head + body : 0;
}

static void serve(int fd) {
    Connection *c = connections[fd];
    ssize_t got = recv(fd, c->in + c->used, ROOM - c->used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        hang_up(fd);
        return;
    }
    c->used += got;
    while (c->open && c->used) {
        long size = request_size(c);
        if (size == 0) return;
        if (size < 0) {
            others++;
            say_status(fd, "400 Bad Request", "{\"error\": {\"message\": \"a short request with Content-Length\"}}");
            if (c->open) hang_up(fd);
            return;
        }
        if (!strncmp(c->in, "POST /v1/products ", 18)) {
            creates++;
            if (delay_us) answer_later(fd);
            else say(fd, answer, answer_size);
        } else if (!strncmp(c->in, "GET /count ", 11)) {
            say_count(fd);
        } else {
            others++;
            say_status(fd, "404 Not Found", "{\"error\": {\"message\": \"only POST /v1/products and GET /count\"}}");
        }
        c->used -= size;
        memmove(c->in, c->in + size, c->used);
    }
}

static void welcome(int listener) {
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= highest_fd) {
            close(fd);
            continue;
        }
        if (!connections[fd] && !(connections[fd] = malloc(sizeof(Connection)))) exit(1);
        connections[fd]->used = 0;
        connections[fd]->open = 1;
        connections[fd]->life = ++lives;
        accepted++;
        open_now++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on_loopback(void) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 65535)) {
        perror("listen");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: server DELAY_MS BODY\n");
        return 2;
    }
    delay_us = atoll(argv[1]) * 1000;
    answer_size = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Request-Id: req_benchmark\r\nContent-Length: %zu\r\n\r\n%s",
                                   strlen(argv[2]), argv[2]);
    if (answer_size >= sizeof answer) return 2;

    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    highest_fd = limit.rlim_max > 1000000 ? 1000000 : (int)limit.rlim_max;
    connections = calloc(highest_fd, sizeof *connections);
    queue = malloc(queue_room * sizeof *queue);
    if (!connections || !queue) return 1;

    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_loopback();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event = (struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO};
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);

    for (;;) {
        int wait_ms = -1;
        if (queue_used) {
            int64_t left = queue[queue_head].due_us - now_us();
            wait_ms = left > 0 ? (int)((left + 999) / 1000) : 0;
        }
        int ready = epoll_wait(poller, events, EVENTS, wait_ms);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) return 0;
            if (fd == listener) welcome(listener);
            else if (connections[fd]->open) serve(fd);
        }
        if (queue_used) answer_due();
    }
}
