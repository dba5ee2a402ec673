/* A program for tests of the foreground runner: its first argument says what it does. */
#include "raw.h"
#include <wasi/api.h>

static int32_t listener = -1;

__attribute__((export_name("wapo_poll"))) int32_t wapo_poll(void) {
  uint8_t *out;
  raw_slow(0, 112, 0, 0, 0, 0);
  while (fast(110, 0, 0, 0, 0) >= 0) {}
  if (listener < 0) {
    size_t count, size;
    if (__wasi_args_sizes_get(&count, &size)) return 8;
    char **args = malloc(count * sizeof *args), *text = malloc(size);
    if (__wasi_args_get((uint8_t **)args, (uint8_t *)text)) return 8;
    if (!strcmp(args[1], "emit")) { fast(243, PTR("\x00result"), 7, 0, 0); return 1; }
    if (!strcmp(args[1], "log")) { say("a line"); return 1; }
    if (!strcmp(args[1], "seven")) return 7;
    uint8_t request[64], *end = put_text(request, args[1]);
    *end++ = 0;
    int64_t made = fast(210, PTR(request), (int32_t)(end - request), 0, 0);
    if (made < 0) { char line[32]; snprintf(line, sizeof line, "listen: %d", (int)-made); say(line); return 1; }
    listener = (int32_t)made;
  }
  int64_t connection = slow(211, 0, listener, 0, 0, &out);
  if (connection < 0) return 0;
  fast(104, 0, get_i32(out), PTR("hello\n"), 6);
  return 1;
}
