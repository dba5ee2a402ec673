/* Results: what every function that can fail returns.
 *
 * A result is an int. Zero or more is success, and often a number: of bytes, or of a resource. Less than zero is one of
 * these: the codes of the ABI, negated, and what this library adds.
 */
#ifndef WAPO_RESULTS_H
#define WAPO_RESULTS_H

enum wapo_error {
    WAPO_OK = 0,
    WAPO_UNKNOWN_CALL_NUMBER = -1,
    WAPO_INVALID_ADDRESS = -2,
    WAPO_INVALID_PARAMETER = -3,
    WAPO_INVALID_ENCODING = -4,
    WAPO_NO_MEMORY = -5,             /* malloc has nothing left */
    WAPO_NOT_FOUND = -7,             /* no such resource, or nothing there */
    WAPO_UNSUPPORTED_OPERATION = -8, /* not with this kind of resource, or not on this node */
    WAPO_IO_ERROR = -9,              /* the connection failed, or was refused */
    WAPO_RESOURCE_LIMITED = -10,     /* a limit of the program was reached */
    WAPO_PENDING = -11,              /* not yet: what WAPO_AWAIT waits for to go away */
    WAPO_END_OF_FILE = -12,          /* nothing more will come */
    WAPO_ALREADY_EXISTS = -15,
    WAPO_FORBIDDEN = -17,            /* by the node's policy */
    WAPO_CONDITION_ERROR = -18,      /* the lock is taken, or is not ours */

    WAPO_TIMED_OUT = -256, /* WAPO_AWAIT_TIMEOUT */
    WAPO_TOO_LARGE = -257, /* does not fit the room that was given */
    WAPO_MALFORMED = -258, /* bytes that are not what they should be */
};

/* A short sentence for a result, for people. Static storage; every number has one. */
const char *wapo_strerror(int result);

#endif
