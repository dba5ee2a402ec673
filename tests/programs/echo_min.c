/* echo_min.c - task 0 answers queries, task 1 logs three timer ticks */
#include "wapo_min.h"
static uint8_t buf[1 << 16];
static int32_t queries = -1, timer = -1, ticks;

static void say(const char *s) { fast(220, 3, PTR(s), (int32_t)strlen(s), 0); }

static int poll_main(void) {                       /* 1 = program finished */
  if (queries < 0) {
    if (slow(240, 3, 0, 0, 0, buf, sizeof buf).err) __builtin_trap();
    queries = get_i32(buf);                        /* resource id of the query channel */
    fast(109, 1, 0, 0, 0);                         /* "spawn" task 1 */
  }
  for (;;) {
    wret w = slow(102, 0, queries, 0, 0, buf, sizeof buf);   /* waker id = task id */
    if (w.err == E_PENDING) return 0;
    if (w.err) return 1;                           /* EOF: host is going away */
    const uint8_t *p = buf;
    get_compact(&p);                               /* outer Vec<u8> length */
    if (*p++) p += 32;                             /* origin: Option<[u8;32]> */
    uint32_t npath = get_compact(&p); const uint8_t *path = p; p += npath;
    uint32_t nload = get_compact(&p); const uint8_t *load = p; p += nload;
    int32_t tx = get_i32(p);
    fast(202, tx, PTR(load), (int32_t)nload, 0);   /* reply */
    fast(101, tx, 0, 0, 0);                        /* then free the slot */
    if (npath == 5 && !memcmp(path, "/stop", 5)) return 1;
  }
}
static void poll_ticker(void) {
  if (ticks >= 3) return;                          /* finished task: ignore stray wake-ups */
  if (timer < 0) timer = fast(201, 10, 0, 0, 0).val;
  while (fast(103, 1, timer, PTR(buf), 0).err == 0) {
    if (++ticks == 3) { say("3 ticks"); fast(101, timer, 0, 0, 0); return; }
    fast(203, timer, 10, 0, 0);                    /* re-arm */
  }
}
__attribute__((export_name("wapo_poll"))) int32_t wapo_poll(void) {
  wapo_slow(cur_task, 112, 0, 0, 0, 0);            /* MUST drain; ids are not needed here */
  wret t = fast(110, 0, 0, 0, 0);                  /* next ready task */
  if (t.err) return 0;                             /* NotFound: nothing to do */
  cur_task = t.val;
  if (cur_task == 0) return poll_main();
  if (cur_task == 1) poll_ticker();
  return 0;
}
