"""What the engine raises. Messages are for the log of the guest's owner, so they name the guest's fault."""

from wapo.errors import GuestError, HostError

__all__ = ["EngineUnusable", "GuestExited", "GuestTrapped", "InvalidModule", "OutOfMappings", "UnknownImport"]


class EngineUnusable(HostError):
    """The wasmtime wheel is not the one that this package was written for."""

    code = "engine_unusable"


class InvalidModule(GuestError):
    """The bytes are not a WebAssembly module that this engine accepts."""

    code = "invalid_module"
    status = 400


class UnknownImport(GuestError):
    """The module imports a function that the host does not have, or has with another type."""

    code = "unknown_import"
    status = 400


class GuestTrapped(GuestError):
    """The guest executed an instruction that traps, or a host function ended it.

    ``trap_code`` is wasmtime's number of the trap (``wasm.h``), or None when the host ended it.
    """

    code = "guest_trapped"

    def __init__(self, message: str, trap_code: int | None = None) -> None:
        super().__init__(message)
        self.trap_code = trap_code


class GuestExited(GuestError):
    """The guest called ``proc_exit``."""

    code = "guest_exited"

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the program exited with code {exit_code}")
        self.exit_code = exit_code


class OutOfMappings(HostError):
    """The kernel refuses another memory mapping (``vm.max_map_count``), or there is no memory left for one."""

    code = "out_of_mappings"
    status = 503
