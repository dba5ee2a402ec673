#include <wapo/results.h>

const char *wapo_strerror(int result)
{
    if (result >= 0)
        return "success";
    switch (result) {
    case WAPO_UNKNOWN_CALL_NUMBER: return "the host does not know this call";
    case WAPO_INVALID_ADDRESS: return "an address is not valid";
    case WAPO_INVALID_PARAMETER: return "an argument is not valid";
    case WAPO_INVALID_ENCODING: return "a text or a number is not valid";
    case WAPO_NO_MEMORY: return "out of memory";
    case WAPO_NOT_FOUND: return "not found";
    case WAPO_UNSUPPORTED_OPERATION: return "not supported here";
    case WAPO_IO_ERROR: return "the connection failed";
    case WAPO_RESOURCE_LIMITED: return "a limit of the program was reached";
    case WAPO_PENDING: return "not yet";
    case WAPO_END_OF_FILE: return "nothing more will come";
    case WAPO_ALREADY_EXISTS: return "it exists already";
    case WAPO_FORBIDDEN: return "forbidden by the node";
    case WAPO_CONDITION_ERROR: return "the lock is taken, or is not ours";
    case WAPO_TIMED_OUT: return "timed out";
    case WAPO_TOO_LARGE: return "too large";
    case WAPO_MALFORMED: return "malformed";
    default: return "an unknown error";
    }
}
