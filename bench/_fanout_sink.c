/* The viewers of the bench `fanout`: opens many WebSockets from several loopback addresses, reads what comes, counts.
 *
 * Built at run time, so that who reads is cheaper than who writes. One command a line on standard input, one answer a
 * line on standard output; times are CLOCK_MONOTONIC in ns.
 *
 *   open FILE HOST PORT SOURCES AT_ONCE   a socket per line of FILE (path TAB text TAB text ...): the texts are sent
 *                                         after the upgrade. Sockets with texts are open once a message has a
 *                                         "resumeToken", others after the upgrade. -> open COUNT BEGAN ENDED FAILED
 *   reset                                 forget what was counted                     -> ok
 *   await FRAMES SECONDS                  until so many messages but pings have come  -> got FRAMES LAST
 *   stats                                 -> {"frames":, "bytes":, "pings":, "closed":, "cpu":, "last":}
 *   seqs                                  -> [[seq, receipts, last], ...] of all messages with a seq
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 20000
#define SEQS 65536
#define CHUNK (256 * 1024)

enum { UNUSED, CONNECTING, UPGRADING, ENTERING, OPEN, CLOSED };

struct conn {
  int fd, state;
  char *line;            /* path and texts, as in the file */
  unsigned char *rest;   /* the beginning of a frame whose end has not come */
  size_t held;
};

static struct conn conns[MOST];
static int number, opened, failed, flying, next_to_open, at_once, sources, port, opening, closed_count;
static char host[64];
static uint64_t frames, bytes, pings, last, began, ended;
static uint64_t seq_count[SEQS], seq_last[SEQS];
static int seq_number[SEQS];
static uint64_t awaited, await_until;
static int ep;
static unsigned char chunk[CHUNK];

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void finish(struct conn *c, int state) {
  if (c->state < OPEN) {
    flying--;
    if (state == OPEN) { opened++; ended = now_ns(); } else failed++;
  } else if (state == CLOSED) closed_count++;
  c->state = state;
  if (state == CLOSED) { close(c->fd); free(c->rest); c->rest = NULL; c->held = 0; }
}

/* Small messages on sockets that hardly send: what does not fit is an error. */
static void send_all(struct conn *c, const void *data, size_t size) {
  if (send(c->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) finish(c, CLOSED);
}

static void send_frame(struct conn *c, int opcode, const char *text, size_t size) {
  static unsigned char out[70000];
  size_t head = 2;
  if (size > 65000) return;
  out[0] = 0x80 | opcode;
  if (size < 126) out[1] = 0x80 | size;
  else { out[1] = 0x80 | 126; out[2] = size >> 8; out[3] = size & 255; head = 4; }
  memset(out + head, 0, 4);   /* a mask of zeros leaves the payload as it is */
  memcpy(out + head + 4, text, size);
  send_all(c, out, head + 4 + size);
}

static void begin(struct conn *c, int index) {
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  c->state = CONNECTING;
  flying++;
  if (c->fd < 0) { perror("socket"); finish(c, CLOSED); return; }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef IP_BIND_ADDRESS_NO_PORT
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
#endif
  from.sin_addr.s_addr = htonl(0x7f000002u + index % sources);
  inet_pton(AF_INET, host, &to.sin_addr);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0 ||
      (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
    perror("connect");
    finish(c, CLOSED);
    return;
  }
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &event);
}

static void upgrade(struct conn *c) {
  char request[4096];
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  size_t path = strcspn(c->line, "\t");
  int size = snprintf(request, sizeof request,
                      "GET %.*s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                      (int)path, c->line, host, port);
  epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &event);
  c->state = UPGRADING;
  send_all(c, request, size);
}

static void enter(struct conn *c) {
  char *text = c->line + strcspn(c->line, "\t");
  if (!*text) { finish(c, OPEN); return; }
  c->state = ENTERING;
  while (*text == '\t') {
    size_t size = strcspn(++text, "\t");
    send_frame(c, 1, text, size);
    if (c->state == CLOSED) return;
    text += size;
  }
}

static void note_seq(const unsigned char *payload, size_t size, uint64_t at) {
  const char *found = memmem(payload, size, "\"seq\":", 6);
  if (!found) return;
  int seq = atoi(found + 6), slot = seq & (SEQS - 1);
  seq_number[slot] = seq;
  seq_count[slot]++;
  seq_last[slot] = at;
}

static void heard(struct conn *c, int opcode, const unsigned char *payload, size_t size, uint64_t at) {
  if (opcode == 9) { send_frame(c, 10, (const char *)payload, size); pings++; return; }
  if (opcode == 8) { finish(c, CLOSED); return; }
  if (opcode != 1) return;
  if (c->state == OPEN && memmem(payload, size < 48 ? size : 48, "party:ping", 10)) {
    pings++;
    send_frame(c, 1, "{\"type\":\"party:pong\"}", 21);
    return;
  }
  frames++;
  last = at;
  if (c->state == ENTERING) {
    if (memmem(payload, size, "resumeToken", 11)) finish(c, OPEN);
    else if (memmem(payload, size, "party:error", 11)) {
      fprintf(stderr, "sink: %.*s\n", (int)(size < 400 ? size : 400), payload);
      finish(c, CLOSED);
    }
    return;
  }
  note_seq(payload, size, at);
}

static void parse(struct conn *c, const unsigned char *data, size_t size, uint64_t at) {
  unsigned char *joined = NULL;
  size_t place = 0;
  if (c->held) {
    joined = malloc(c->held + size);
    memcpy(joined, c->rest, c->held);
    memcpy(joined + c->held, data, size);
    size += c->held;
    data = joined;
    free(c->rest);
    c->rest = NULL;
    c->held = 0;
  }
  if (c->state == UPGRADING) {
    const unsigned char *end = memmem(data, size, "\r\n\r\n", 4);
    if (end) {
      if (size < 12 || memcmp(data + 9, "101", 3)) {
        fprintf(stderr, "sink: %.*s\n", 60, data);
        finish(c, CLOSED);
      } else enter(c);
      place = end + 4 - data;
    }
  }
  while (c->state >= ENTERING && c->state != CLOSED && size - place >= 2) {
    size_t head = 2, length = data[place + 1] & 127;
    if (length == 126) {
      if (size - place < 4) break;
      length = data[place + 2] << 8 | data[place + 3];
      head = 4;
    } else if (length == 127) {
      if (size - place < 10) break;
      length = 0;
      for (int i = 0; i < 8; i++) length = length << 8 | data[place + 2 + i];
      head = 10;
    }
    if (size - place < head + length) break;
    heard(c, data[place] & 15, data + place + head, length, at);
    place += head + length;
  }
  if (c->state != CLOSED && place < size) {
    c->held = size - place;
    c->rest = malloc(c->held);
    memcpy(c->rest, data + place, c->held);
  }
  free(joined);
}

static void ready(struct conn *c) {
  if (c->state == CLOSED) return;   /* closed by an earlier event of the same turn */
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) { fprintf(stderr, "sink: connect: %s\n", strerror(error)); finish(c, CLOSED); return; }
    upgrade(c);
    return;
  }
  ssize_t got = recv(c->fd, chunk, sizeof chunk, 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    finish(c, CLOSED);
    return;
  }
  bytes += got;
  parse(c, chunk, got, now_ns());
}

static void read_file(const char *name) {
  FILE *file = fopen(name, "r");
  char *line = NULL;
  size_t size = 0;
  ssize_t got;
  if (!file) { perror(name); exit(1); }
  while (number < MOST && (got = getline(&line, &size, file)) > 0) {
    if (line[got - 1] == '\n') line[got - 1] = 0;
    memset(&conns[number], 0, sizeof conns[number]);
    conns[number++].line = strdup(line);
  }
  free(line);
  fclose(file);
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void say_seqs(void) {
  const char *comma = "";
  printf("[");
  for (int i = 0; i < SEQS; i++)
    if (seq_count[i]) {
      printf("%s[%d,%llu,%llu]", comma, seq_number[i], (unsigned long long)seq_count[i], (unsigned long long)seq_last[i]);
      comma = ",";
    }
  printf("]\n");
}

static void obey(char *line) {
  char name[512];
  double seconds;
  unsigned long long wanted;
  if (sscanf(line, "open %511s %63s %d %d %d", name, host, &port, &sources, &at_once) == 5) {
    next_to_open = number;
    read_file(name);
    opened = failed = 0;
    opening = 1;
    began = ended = now_ns();
  } else if (sscanf(line, "await %llu %lf", &wanted, &seconds) == 2) {
    awaited = wanted;
    await_until = now_ns() + (uint64_t)(seconds * 1e9);
  } else if (!strncmp(line, "reset", 5)) {
    frames = bytes = pings = last = 0;
    memset(seq_count, 0, sizeof seq_count);
    printf("ok\n");
  } else if (!strncmp(line, "stats", 5)) {
    printf("{\"frames\":%llu,\"bytes\":%llu,\"pings\":%llu,\"closed\":%d,\"cpu\":%.4f,\"last\":%llu}\n",
           (unsigned long long)frames, (unsigned long long)bytes, (unsigned long long)pings, closed_count, cpu(),
           (unsigned long long)last);
  } else if (!strncmp(line, "seqs", 4)) say_seqs();
  else printf("what?\n");
  fflush(stdout);
}

static void go_on(void) {
  while (opening && flying < at_once && next_to_open < number) {
    begin(&conns[next_to_open], next_to_open);
    next_to_open++;
  }
  if (opening && !flying && next_to_open == number) {
    opening = 0;
    printf("open %d %llu %llu %d\n", opened, (unsigned long long)began, (unsigned long long)ended, failed);
    fflush(stdout);
  }
  if (await_until && (frames >= awaited || now_ns() > await_until)) {
    await_until = 0;
    printf("got %llu %llu\n", (unsigned long long)frames, (unsigned long long)last);
    fflush(stdout);
  }
}

int main(void) {
  static char said[4096];
  size_t held = 0;
  struct epoll_event events[512], in = {.events = EPOLLIN, .data.ptr = NULL};
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  ep = epoll_create1(0);
  epoll_ctl(ep, EPOLL_CTL_ADD, 0, &in);
  for (;;) {
    int count = epoll_wait(ep, events, 512, opening || await_until ? 10 : -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr) { ready(events[i].data.ptr); continue; }
      ssize_t got = read(0, said + held, sizeof said - 1 - held);
      if (got <= 0) return 0;
      held += got;
      said[held] = 0;
      char *end;
      while ((end = memchr(said, '\n', held))) {
        *end = 0;
        obey(said);
        held -= end + 1 - said;
        memmove(said, end + 1, held + 1);
      }
    }
    go_on();
  }
}
