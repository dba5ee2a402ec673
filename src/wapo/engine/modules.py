"""Modules: compiled once, and kept on disk.

A cache entry is machine code that will run inside this process, so a file is believed only if its keyed digest
matches: a damaged, foreign or planted file is compiled anew. The key is a file of mode 0600 beside the entries.
Entries are named by the module's hash and the settings' fingerprint, and appear atomically.
"""

import contextlib
import ctypes
import hashlib
import hmac
import os
import secrets
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Final

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule
from wapo.engine.module_types import Export, FunctionType, Import, exports_of, imports_of

__all__ = ["Module", "ModuleCache", "compile_module"]

_MAGIC: Final = b"wapo-module-1\n"
_DIGEST_BYTES: Final = 32


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
    """Compiled modules in a directory.

    An entry is two files: ``<name>.code``, which the engine maps, and ``<name>.mac``, a magic and the HMAC-SHA256
    of magic, name and code. Safe for several processes at once: files appear by rename, and a pair of two writers
    that does not match is compiled anew.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key = self._load_key()
        except OSError:  # a full or read-only disk: nothing there is believed, and nothing is kept
            self._key = secrets.token_bytes(_DIGEST_BYTES)

    def _load_key(self) -> bytes:
        path = self.directory / "key"
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                key = path.read_bytes()
                if len(key) == _DIGEST_BYTES:
                    return key
                path.unlink(missing_ok=True)  # cut short by a full disk: without it every entry is foreign
            temporary = self._write_temporary(secrets.token_bytes(_DIGEST_BYTES))
            try:
                os.link(temporary, path)  # fails if another process was first, and then its key is the key
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_bytes()

    def _write_temporary(self, data: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=".tmp-")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # what came of it would only take room that is wanted elsewhere
            Path(name).unlink()
            raise
        return Path(name)

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
        code = module.serialize()
        with contextlib.suppress(OSError):  # a full or read-only disk costs time at the next start, nothing else
            digest = self._write_temporary(_MAGIC + self._digest(name, code))
            try:
                self._write_temporary(code).replace(self.directory / f"{name}.code")
                digest.replace(self.directory / f"{name}.mac")
            finally:
                digest.unlink(missing_ok=True)
        return module

    def _digest(self, name: str, code: bytes) -> bytes:
        return hmac.digest(self._key, _MAGIC + name.encode() + b"\0" + code, "sha256")

    def _load(self, engine: Engine, name: str) -> int | None:
        try:
            expected = (self.directory / f"{name}.mac").read_bytes()
            descriptor = os.open(self.directory / f"{name}.code", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with open(descriptor, "rb", closefd=False) as file:
                code = file.read()
            if not hmac.compare_digest(expected, _MAGIC + self._digest(name, code)):
                return None
            pointer = ctypes.c_void_p()
            error = capi.released.wasmtime_module_deserialize_file(
                engine.pointer, f"/proc/self/fd/{descriptor}".encode(), ctypes.byref(pointer)
            )
            if error:
                capi.error_text(error)
                return None
            return pointer.value
        finally:
            os.close(descriptor)
