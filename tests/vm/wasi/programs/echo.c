/* Says what it was started with, and repeats what it reads, with the end of the line as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wasi/api.h>

extern char **environ;

__attribute__((export_name("wapo_poll"))) int wapo_poll(void)
{
    size_t count, size;
    if (__wasi_args_sizes_get(&count, &size))
        abort();
    char **args = malloc((count + 1) * sizeof *args), *text = malloc(size + 1);
    if (__wasi_args_get((uint8_t **)args, (uint8_t *)text))
        abort();
    for (size_t i = 0; i < count; i++)
        printf("arg %s\n", args[i]);
    const char *greeting = getenv("GREETING");
    printf("env %s\n", greeting ? greeting : "(none)");
    printf("terminals %d %d %d\n", isatty(0), isatty(1), isatty(2));
    char line[256];
    while (fgets(line, sizeof line, stdin))
        printf("in %s", line);
    fprintf(stderr, "end of input%s", ferror(stdin) ? " by an error" : "");
    fflush(stdout);
    return 1;
}
