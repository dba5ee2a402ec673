"""Modules: compiled once, and kept on disk, named by the module's hash and the settings' fingerprint."""

import ctypes
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Final

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule
from wapo.engine.kept_files import KeptFiles
from wapo.engine.module_types import Export, FunctionType, Import, exports_of, imports_of

__all__ = ["Module", "ModuleCache", "compile_module"]

_CODE: Final = "code"


class Module:
    """A compiled module. ``wasm_hash`` is the SHA-256 of the WebAssembly bytes that it was compiled from."""

    def __init__(self, engine: Engine, pointer: int, wasm_hash: str) -> None:
        self.engine = engine
        self.pointer = pointer
        self.wasm_hash = wasm_hash

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """What the module imports."""
        return imports_of(self.pointer)

    @cached_property
    def exports(self) -> tuple[Export, ...]:
        """What the module exports."""
        return exports_of(self.pointer)

    def function(self, name: str) -> FunctionType | None:
        """The type of the exported function of that name, or None."""
        return next((item.function for item in self.exports if item.name == name), None)

    def serialize(self) -> bytes:
        """The machine code, to be given to the same engine version with the same settings."""
        vector = capi.ByteVec()
        error = capi.released.wasmtime_module_serialize(self.pointer, ctypes.byref(vector))
        if error:
            raise InvalidModule(capi.error_text(error))
        try:
            return ctypes.string_at(vector.data, vector.size)
        finally:
            capi.held.wasm_byte_vec_delete(ctypes.byref(vector))

    def close(self) -> None:
        """Frees the module. Instances that run keep what they need. Idempotent."""
        if self.pointer:
            capi.held.wasmtime_module_delete(self.pointer)
            self.pointer = 0

    def __del__(self) -> None:
        self.close()  # who shares modules (a cache) cannot know who still uses one


def compile_module(engine: Engine, wasm: bytes) -> Module:
    """Compiles a binary module, without the interpreter lock. Takes about 0.5 s a megabyte.

    Raises:
        InvalidModule: not a module, or one that uses a feature which is off. The message is the engine's.
    """
    pointer = ctypes.c_void_p()
    if not wasm.startswith(b"\0asm"):
        raise InvalidModule("not a WebAssembly module: it does not begin with the bytes 00 61 73 6d")
    error = capi.released.wasmtime_module_new(engine.pointer, wasm, len(wasm), ctypes.byref(pointer))
    if error:
        outer, _, cause = capi.error_text(error).partition("\n\nCaused by:\n")
        raise InvalidModule(f"the WebAssembly module is invalid: {(cause or outer).strip()}")
    assert pointer.value is not None
    return Module(engine, pointer.value, hashlib.sha256(wasm).hexdigest())


class ModuleCache:
    """Compiled modules in a directory: machine code (kind ``code``), which the engine maps.

    Attributes:
        files: the directory, for what else is made of modules.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = KeptFiles(directory)

    def get(self, engine: Engine, wasm: bytes) -> Module:
        """The module, from the cache or compiled and then kept.

        Raises:
            InvalidModule: as :func:`compile_module`.
        """
        wasm_hash = hashlib.sha256(wasm).hexdigest()
        name = f"{wasm_hash}-{engine.settings.fingerprint()[:32]}"
        pointer = self._load(engine, name)
        if pointer is not None:
            return Module(engine, pointer, wasm_hash)
        module = compile_module(engine, wasm)
        self.files.put(name, _CODE, module.serialize())
        return module

    def _load(self, engine: Engine, name: str) -> int | None:
        with self.files.opened(name, _CODE) as found:
            if found is None:
                return None
            pointer = ctypes.c_void_p()
            error = capi.released.wasmtime_module_deserialize_file(
                engine.pointer, f"/proc/self/fd/{found[0]}".encode(), ctypes.byref(pointer)
            )
            if error:
                capi.error_text(error)
                return None
            return pointer.value
