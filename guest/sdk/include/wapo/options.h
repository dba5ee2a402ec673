/* The program's arguments. Environment variables: getenv. */
#ifndef WAPO_OPTIONS_H
#define WAPO_OPTIONS_H

/* The number of arguments, the program's name (number 0) included; *arguments is theirs, for good. */
int wapo_arguments(char ***arguments);

/* The value of an option, given as `--name value` or `--name=value`; the last one counts. `fallback` if it is not
 * there. */
const char *wapo_option(const char *name, const char *fallback);

/* The same for a decimal number from `least` to `most`; anything else is logged, and is the fallback. */
long wapo_option_number(const char *name, long fallback, long least, long most);

#endif
