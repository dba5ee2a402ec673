#include "ocall.h"

const char *ocall_error_text(int error)
{
    switch (error) {
    case ERROR_INVALID_PARAMETER: return "an argument is not valid";
    case ERROR_NOT_FOUND: return "there is no such resource";
    case ERROR_UNSUPPORTED: return "this is not available here";
    case ERROR_IO: return "the connection failed";
    case ERROR_LIMITED: return "a limit of this program was reached";
    case ERROR_END_OF_FILE: return "there is nothing more";
    case ERROR_EXISTS: return "this has been done already";
    case ERROR_FORBIDDEN: return "this is not allowed here";
    default: return "the host refused the call";
    }
}
