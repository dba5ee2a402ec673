/* An app for tests of the node: queries by path, HTTP requests by path. Arguments: "no-query", "no-http", "late MS",
 * "exit-after MS", "exit-at-start", "trap-at-start". */
#include "raw.h"
#include <stdbool.h>

static int32_t queries = -1, requests = -1, late = -1, leaving = -1;
static bool started, finished;
static char **args;
static size_t arg_count;

static bool has_arg(const char *name, long *value) {
  for (size_t i = 1; i < arg_count; i++) {
    if (strcmp(args[i], name)) continue;
    if (value && i + 1 < arg_count) *value = atol(args[i + 1]);
    return true;
  }
  return false;
}

__attribute__((import_module("wasi_snapshot_preview1"), import_name("args_sizes_get"))) int32_t args_sizes(int32_t, int32_t);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("args_get"))) int32_t args_fill(int32_t, int32_t);

static void read_args(void) {
  size_t size;
  args_sizes(PTR(&arg_count), PTR(&size));
  args = malloc(arg_count * sizeof *args);
  char *text = malloc(size + 1);
  args_fill(PTR(args), PTR(text));
}

static void listen_now(void) {
  uint8_t *out;
  if (!has_arg("no-query", NULL) && slow(240, 3, 0, 0, 0, &out) >= 0) queries = get_i32(out);
  if (!has_arg("no-http", NULL) && slow(240, 4, 0, 0, 0, &out) >= 0) requests = get_i32(out);
}

static void reply(int32_t tx, const void *data, size_t length) {
  fast(202, tx, PTR(data), (int32_t)length, 0);
  fast(101, tx, 0, 0, 0);
}
static void refuse(int32_t tx, const char *text) {
  fast(204, tx, PTR(text), (int32_t)strlen(text), 0);
  fast(101, tx, 0, 0, 0);
}
static void reply_number(int32_t tx, int64_t number) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)number);
  reply(tx, text, strlen(text));
}

static int hanging = -1;
static void *volatile kept; /* so that the compiler does not think an allocation away */

static void query(const uint8_t *m) {
  const uint8_t *origin = NULL;
  if (*m++) { origin = m; m += 32; }
  uint32_t n = compact(&m);
  char path[256] = {0};
  memcpy(path, m, n < 255 ? n : 255);
  m += n;
  uint32_t size = compact(&m);
  const uint8_t *payload = m;
  int32_t tx = get_i32(m + size);
  uint8_t *out = NULL;
  if (!strcmp(path, "/echo")) reply(tx, payload, size);
  else if (!strcmp(path, "/origin")) reply(tx, origin ? origin : payload, origin ? 32 : 0);
  else if (!strcmp(path, "/args")) {
    char text[4096] = {0};
    for (size_t i = 0; i < arg_count; i++) { strcat(text, args[i]); strcat(text, "\n"); }
    reply(tx, text, strlen(text));
  } else if (!strcmp(path, "/env")) {
    char *name = strndup((const char *)payload, size), *value = getenv(name);
    reply(tx, value ? value : "", value ? strlen(value) : 0);
  } else if (!strcmp(path, "/refuse")) { char *text = strndup((const char *)payload, size); refuse(tx, text); }
  else if (!strcmp(path, "/drop")) fast(101, tx, 0, 0, 0);
  else if (!strcmp(path, "/hang")) hanging = tx;
  else if (!strcmp(path, "/release")) { reply(hanging, "late", 4); reply(tx, "", 0); }
  else if (!strcmp(path, "/stop")) { reply(tx, "bye", 3); finished = true; }
  else if (!strcmp(path, "/end")) finished = true;
  else if (!strcmp(path, "/exit")) { reply(tx, "", 0); exit(3); }
  else if (!strcmp(path, "/trap")) __builtin_trap();
  else if (!strcmp(path, "/spin")) { for (;;) __asm__ volatile(""); }
  else if (!strcmp(path, "/grow")) {
    uint32_t wanted;
    memcpy(&wanted, payload, 4);
    kept = malloc(wanted);
    reply_number(tx, kept != NULL);
  }
  else if (!strcmp(path, "/log")) { char *text = strndup((const char *)payload, size); say(text); reply(tx, "", 0); }
  else if (!strcmp(path, "/address")) { slow(242, 0, 0, 0, 0, &out); reply(tx, out, 32); }
  else if (!strcmp(path, "/pubkey")) { slow(251, 0, 0, 0, 0, &out); reply(tx, out, 32); }
  else if (!strcmp(path, "/secret")) { slow(255, PTR(payload), (int32_t)size, 0, 0, &out); reply(tx, out, 64); }
  else if (!strcmp(path, "/sign")) { int64_t k = slow(250, PTR(payload), (int32_t)size, 0, 0, &out); reply(tx, out, (size_t)k); }
  else if (!strcmp(path, "/quote")) { int64_t k = slow(252, PTR(payload), (int32_t)size, 0, 0, &out); reply(tx, out, (size_t)k); }
  else if (!strcmp(path, "/gas")) { slow(254, 0, 0, 0, 0, &out); reply(tx, out, 80); }
  else if (!strcmp(path, "/tip")) { fast(253, 0, 5, 0, 0); reply(tx, "", 0); }
  else if (!strcmp(path, "/blob")) {
    int64_t k = slow(244, PTR(payload), (int32_t)size, 0, 0, &out);
    if (k < 0) reply_number(tx, k); else reply(tx, out, (size_t)k);
  } else if (!strcmp(path, "/boot")) {
    int64_t k = slow(260, 0, 0, 0, 0, &out);
    if (k < 0) reply_number(tx, k); else reply(tx, out, (size_t)k);
  } else if (!strcmp(path, "/boot-set")) reply_number(tx, slow(261, PTR(payload), (int32_t)size, 0, 0, &out));
  else if (!strcmp(path, "/lock")) reply_number(tx, fast(262, PTR(payload), (int32_t)size, 0, 0));
  else if (!strcmp(path, "/unlock")) reply_number(tx, fast(263, PTR(payload), (int32_t)size, 0, 0));
  else refuse(tx, "no such path");
  free(out);
}

/* One request at a time is enough for tests: what it does now, and the bytes that are under way. */
static struct { int32_t tx, io; int what; uint8_t data[8192]; int32_t at, have, total; bool headed, ended; } http;
enum { NONE, ECHO, SLURP, COUNT, HANG, EARLY, SWITCH, GONE, FLOOD };

static void head(int status, const char *const *headers) {
  uint8_t buffer[2048], *p = buffer;
  *p++ = (uint8_t)status; *p++ = (uint8_t)(status >> 8);
  uint32_t n = 0;
  while (headers[2 * n]) n++;
  p = put_compact(p, n);
  for (uint32_t i = 0; i < 2 * n; i++) p = put_text(p, headers[i]);
  fast(202, http.tx, PTR(buffer), (int32_t)(p - buffer), 0);
  fast(101, http.tx, 0, 0, 0);
  http.headed = true;
}
static void done(void) { fast(101, http.io, 0, 0, 0); http.what = NONE; }

static void request(const uint8_t *m) {
  uint32_t n = compact(&m);
  const char *method = strndup((const char *)m, n);
  m += n;
  n = compact(&m);
  const char *url = strndup((const char *)m, n);
  m += n;
  static char seen[6000];
  snprintf(seen, sizeof seen, "%s %s\n", method, url);
  uint32_t count = compact(&m);
  while (count--) {
    n = compact(&m); snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s: ", (int)n, m); m += n;
    n = compact(&m); snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s\n", (int)n, m); m += n;
  }
  memset(&http, 0, sizeof http);
  http.tx = get_i32(m);
  http.io = get_i32(m + 4);
  const char *path = strchr(url + 7, '/');
  static const char *const plain[] = {"Content-Type", "text/plain", "set-cookie", "a=b", "x-twice", "1", "x-twice", "2", 0};
  if (!strncmp(path, "/seen", 5)) { head(200, plain); http.what = COUNT; http.have = (int32_t)strlen(seen); memcpy(http.data, seen, (size_t)http.have); }
  else if (!strcmp(path, "/echo")) { head(201, plain); http.what = ECHO; }
  else if (!strcmp(path, "/slurp")) http.what = SLURP;
  else if (!strcmp(path, "/early")) { head(200, plain); http.what = EARLY; http.have = 5; memcpy(http.data, "early", 5); }
  else if (!strcmp(path, "/hang")) http.what = HANG;
  else if (!strcmp(path, "/flood")) { head(200, plain); http.what = FLOOD; http.have = sizeof http.data; }
  else if (!strcmp(path, "/gone")) { head(200, plain); http.what = GONE; }
  else if (!strcmp(path, "/refuse")) { refuse(http.tx, "not today"); done(); }
  else if (!strcmp(path, "/close")) { fast(101, http.tx, 0, 0, 0); done(); }
  else if (!strcmp(path, "/garbage")) { reply(http.tx, "x", 1); done(); }
  else if (!strcmp(path, "/split")) { static const char *const bad[] = {"x-a", "b\r\nx-c: d", 0}; head(200, bad); done(); }
  else if (!strcmp(path, "/status/999")) { head(999, plain); done(); }
  else if (!strcmp(path, "/short")) { static const char *const h[] = {"content-length", "10", 0}; head(200, h); http.what = EARLY; http.have = 5; memcpy(http.data, "short", 5); }
  else if (!strcmp(path, "/long")) { static const char *const h[] = {"content-length", "2", 0}; head(200, h); http.what = EARLY; http.have = 4; memcpy(http.data, "long", 4); }
  else if (!strcmp(path, "/switch")) { static const char *const up[] = {"Upgrade", "lines", "connection", "upgrade", "x-more", "yes", 0}; head(101, up); http.what = SWITCH; }
  else if (!strcmp(path, "/switch-split")) { static const char *const up[] = {"Upgrade", "lines\r\nx-c: d", 0}; head(101, up); http.what = SWITCH; }
  else if (!strcmp(path, "/forge")) {
    static const char *const h[] = {"X-Phactory-Signature", "00", "x-wapo-signature", "00", "Server", "me", "x-request-id", "7",
      "Service-Worker-Allowed", "/", "clear-site-data", "*", "x-content-type-options", "x",
      "access-control-allow-origin", "https://a.example", "content-length", "0", 0};
    head(200, h); done();
  }
  else if (!strcmp(path, "/headers")) { /* as many as an answer can have, all of them empty */
    uint32_t size = 30u << 20, n = (size - 7) / 2;
    uint8_t *big = calloc(size, 1);
    big[0] = 200;
    put_compact(big + 2, n);
    reply(http.tx, big, size - 1);
    free(big);
    done();
  }
  else { head(404, plain); done(); }
}

static void serve(void) {
  for (;;) {
    if (http.what == NONE || http.what == HANG) return;
    if (http.at < http.have) {
      int64_t n = fast(104, 0, http.io, PTR(http.data + http.at), http.have - http.at);
      if (n == -PENDING) return;
      if (n < 0) { say("the client is gone"); done(); return; }
      http.at += (int32_t)n;
      if (http.what == EARLY && http.at == http.have) { done(); return; }
      continue;
    }
    if (http.what == COUNT) { done(); return; }
    if (http.what == FLOOD) { http.at = 0; continue; }
    http.at = http.have = 0;
    int64_t n = fast(103, 0, http.io, PTR(http.data), sizeof http.data);
    if (n == -PENDING) return;
    if (n <= 0) {
      if (http.what == GONE) say("the read has ended");
      if (http.what == SLURP && !http.headed) {
        static const char *const none[] = {0};
        head(200, none);
        snprintf((char *)http.data, sizeof http.data, "%d bytes", http.total);
        http.have = (int32_t)strlen((char *)http.data);
        http.what = EARLY;
        continue;
      }
      done();
      return;
    }
    http.total += (int32_t)n;
    if (http.what == ECHO || http.what == SWITCH) http.have = (int32_t)n;
  }
}

__attribute__((export_name("wapo_poll"))) int32_t wapo_poll(void) {
  uint8_t *out;
  raw_slow(0, 112, 0, 0, 0, 0);
  /* Without a task that is ready there is nothing to try again: waiting anew would release the old wakers, whose
   * messages would have this polled once more, for ever. */
  bool ready = false;
  while (fast(110, 0, 0, 0, 0) >= 0) ready = true;
  if (!ready) return 0;
  if (!started) {
    started = true;
    read_args();
    long ms = 0;
    if (has_arg("exit-at-start", NULL)) return 1;
    if (has_arg("trap-at-start", NULL)) __builtin_trap();
    if (has_arg("exit-after", &ms)) leaving = (int32_t)fast(201, (int32_t)ms, 0, 0, 0);
    if (has_arg("late", &ms)) late = (int32_t)fast(201, (int32_t)ms, 0, 0, 0);
    else listen_now();
    say("started");
  }
  if (late >= 0 && fast(103, 0, late, PTR(&late), 0) == 0) { fast(101, late, 0, 0, 0); late = -1; listen_now(); }
  if (leaving >= 0 && fast(103, 0, leaving, PTR(&leaving), 0) == 0) return 1;
  while (queries >= 0) {
    int64_t n = slow(102, 0, queries, 0, 0, &out);
    if (n < 0) break;
    const uint8_t *m = out;
    compact(&m);
    query(m);
    free(out);
    if (finished) return 1;
  }
  /* The channel is read again after each request that has ended: only an empty read leaves a waker behind. */
  for (serve(); requests >= 0 && http.what == NONE; serve()) {
    int64_t n = slow(102, 0, requests, 0, 0, &out);
    if (n < 0) break;
    const uint8_t *m = out;
    compact(&m);
    request(m);
    free(out);
  }
  return 0;
}
