/* A plain WASI command, for tests of the foreground runner. Compiled with a main of its own: see command(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int put(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (!file) { perror(path); return 5; }
  fputs(text, file);
  return fclose(file) ? 6 : 0;
}

static int show(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) { perror(path); return 4; }
  for (int c; (c = fgetc(file)) != EOF;) putchar(c);
  return fclose(file) ? 6 : 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "args")) {
    for (int i = 0; i < argc; i++) puts(argv[i]);
    for (char **one = environ; *one; one++) puts(*one);
    return 0;
  }
  if (!strcmp(what, "exit")) return atoi(argv[2]);
  if (!strcmp(what, "abort")) abort();
  if (!strcmp(what, "spin")) for (;;) __asm__ volatile("");
  if (!strcmp(what, "yes")) for (;;) puts("y");
  if (!strcmp(what, "copy")) { for (int c; (c = getchar()) != EOF;) putchar(c); return 0; }
  if (!strcmp(what, "bytes")) { fwrite("\xff\0partial", 1, 9, stdout); fputs("complaint", stderr); return 0; }
  if (!strcmp(what, "many")) { for (int i = atoi(argv[2]); i; i--) puts("0123456789012345678"); return 0; }
  if (!strcmp(what, "show")) return show(argv[2]);
  if (!strcmp(what, "put")) return put(argv[2], argv[3]);
  return 3;
}
