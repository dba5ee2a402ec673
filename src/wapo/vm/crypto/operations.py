"""All operations, and how one is performed: whatever a library says of its input becomes an error code."""

from typing import Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.crypto.derivation import DERIVATION
from wapo.vm.crypto.edwards import EDWARDS
from wapo.vm.crypto.elliptic import ELLIPTIC
from wapo.vm.crypto.request import Operation, Request
from wapo.vm.crypto.rsa import RSA
from wapo.vm.crypto.symmetric import SYMMETRIC

__all__ = ["OPERATIONS", "perform"]

OPERATIONS: Final[dict[int, Operation]] = SYMMETRIC | DERIVATION | ELLIPTIC | EDWARDS | RSA


def perform(request: Request) -> bytes:
    """The result. May be called in any thread.

    Raises:
        OcallFailure: 3 the key or the data is wrong, 8 no such operation, 10 beyond a limit.
    """
    operation = OPERATIONS.get(request.operation)
    if operation is None:
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    try:
        return operation.perform(request)
    except OcallFailure:
        raise
    except Exception as error:  # ValueError mostly, and InvalidTag, InvalidUnwrap, UnsupportedAlgorithm, struct.error
        raise OcallFailure(OcallError.INVALID_PARAMETER) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the library's Rust, which is no Exception
            raise
        raise OcallFailure(OcallError.INVALID_PARAMETER) from error
