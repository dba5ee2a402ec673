"""What programs ask of their node, through the library: identity, secrets, stored data, blobs, locks, log, digests."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from Crypto.Hash import keccak

from tests.sdk.support import GUESTS, Host, Started
from tests.vm.support import Recorder
from wapo.abi.results import OcallError, OcallFailure
from wapo.engine.suspension import Suspension
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.resources.oneshot import Closed, Reply, Sent


class Node(Recorder):
    """A node that has a key, data and locks, and takes its time over what is on a disk."""

    def __init__(self) -> None:
        super().__init__()
        self.record: bytes | None = None
        self.locked: set[str] = set()

    def app_address(self, guest: Guest) -> bytes:
        return bytes(range(32))

    def derive_secret(self, guest: Guest, path: bytes) -> bytes:
        return hashlib.sha512(path).digest()

    def worker_public_key(self) -> bytes:
        return b"k" * 32

    def sign(self, guest: Guest, data: bytes) -> Suspension:
        return Suspension.of(hashlib.sha512(b"signed" + data).digest() if data else b"")

    def quote(self, guest: Guest, data: bytes) -> Suspension:
        return Suspension.of(b"quote of " + data if data else None)

    def gas_consumed(self, guest: Guest) -> tuple[int, bytes]:
        return 2**40, (3).to_bytes(8, "little") + bytes(31) + b"\x05" + b"\x06" + bytes(31)

    def blob(self, guest: Guest, name: str) -> Suspension:
        failures = {"sha256:00": OcallError.NOT_FOUND, "sha256:01": OcallError.IO_ERROR}
        if name in failures:
            return self._later(error=OcallFailure(failures[name]))
        return self._later(b"content of " + name.encode())

    def read_boot_data(self, guest: Guest) -> Suspension:
        return self._later(self.record)

    def write_boot_data(self, guest: Guest, record: bytes) -> Suspension:
        self.record = record
        return self._later(None)

    def try_lock(self, guest: Guest, name: str) -> bool:
        return name not in self.locked and not self.locked.add(name)  # type: ignore[func-returns-value]

    def unlock(self, guest: Guest, name: str) -> bool:
        return name in self.locked and not self.locked.remove(name)  # type: ignore[func-returns-value]

    @staticmethod
    def _later(result: bytes | None = None, error: Exception | None = None) -> Suspension:
        suspension = Suspension()
        asyncio.get_running_loop().call_later(0.001, lambda: suspension.complete(result, error=error))
        return suspension


async def ask(started: Started, path: str, payload: bytes = b"", origin: bytes | None = None) -> str:
    """The answer to a query."""
    await started.until(lambda: started.guest.settled or started.guest.ended)
    replies: list[Reply] = []
    offer_query(started.guest, origin, path, payload, replies.append)
    await started.until(lambda: replies)
    assert isinstance(replies[0], Sent), f"{replies} {started.lines}"
    return replies[0].data.decode()


@pytest.fixture
async def program(host: Host) -> AsyncIterator[Started]:
    """A program that asks what it is asked to."""
    services = Node()
    async with host.start(
        GUESTS / "node.c", "--name", "first", "--count=9", "--name=a name", env={"NAME": "value"}, services=services
    ) as started:
        started.node = services  # type: ignore[attr-defined]
        yield started
        assert await ask(started, "length") == "0 0"
        offer_query(started.guest, None, "end", b"", lambda _reply: None)
        await started.succeeds()


async def test_identity_and_secrets(program: Started) -> None:
    assert await ask(program, "address") == bytes(range(32)).hex()
    assert await ask(program, "key") == (b"k" * 32).hex()
    assert await ask(program, "derive", b"a/path") == hashlib.sha512(b"a/path").hexdigest()
    assert await ask(program, "derive", b"x" * 257) == "an argument is not valid"


async def test_signatures_and_quotes_are_there_or_not(program: Started) -> None:
    assert await ask(program, "sign", b"data") == hashlib.sha512(b"signeddata").hexdigest()
    assert await ask(program, "sign") == "0"
    assert await ask(program, "quote", b"data") == "1 13 quote of data"
    assert await ask(program, "quote") == "0 0"


async def test_boot_data(program: Started) -> None:
    assert await ask(program, "read") == "0 0"
    assert await ask(program, "write", b"some data") == "success"
    assert await ask(program, "read") == "1 9 some data"
    assert await ask(program, "write") == "success"
    assert await ask(program, "read") == "1 0 "
    assert await ask(program, "write", b"x" * 65537) == "an argument is not valid"
    assert await ask(program, "write", b"x" * 65536) == "success"


async def test_blobs(program: Started) -> None:
    assert await ask(program, "blob", b"sha256:ab") == "0 20 content of sha256:ab"
    assert await ask(program, "blob", b"sha256:00") == f"{-OcallError.NOT_FOUND} 0"
    assert await ask(program, "blob", b"sha256:01") == f"{-OcallError.IO_ERROR} 0"


async def test_locks(program: Started) -> None:
    assert [await ask(program, *step) for step in (
        ("lock", b"a"), ("lock", b"b"), ("lock", b"a"), ("unlock", b"a"), ("unlock", b"a"), ("lock", b"a"),
    )] == ["success", "success", "the lock is taken, or is not ours", "success", "the lock is taken, or is not ours", "success"]  # fmt: skip
    assert await ask(program, "lock", b"x" * 65) == "the lock is taken, or is not ours"


async def test_tips_and_gas(program: Started) -> None:
    """A tip is 64 bits wide, in two halves."""
    assert await ask(program, "tip", str(0x1122334455667788).encode()) == "success"
    assert program.guest.meter.tip == 0x1122334455667788
    assert await ask(program, "gas") == f"{2**40} 3 05 06"


async def test_output_log_and_randomness(program: Started) -> None:
    await ask(program, "output", b"the\0result")
    assert program.guest.output == b"the\0result"
    await ask(program, "log", "Grüße".encode())
    await ask(program, "log", b"bad \xff bytes")
    await ask(program, "log", b"x" * 5000)
    assert program.node.lines == [(2, "Grüße"), (2, "bad ? bytes"), (2, "x" * 5000)]  # type: ignore[attr-defined]
    await ask(program, "random")


@pytest.mark.parametrize("size", [0, 5, 1 << 20, (1 << 20) + 1, 3 << 20])
async def test_digests_of_any_length(program: Started, size: int) -> None:
    data = b"1" * size
    for number, name in enumerate(("sha1", "sha256", "sha384", "sha512"), 1):
        assert await ask(program, f"hash{number}", str(size).encode()) == hashlib.new(name, data).hexdigest()
    assert await ask(program, "hash5", str(size).encode()) == keccak.new(data=data, digest_bits=256).hexdigest()
    assert await ask(program, "hash7", str(size).encode()) == hashlib.blake2b(data, digest_size=32).hexdigest()
    assert await ask(program, "hash0", str(size).encode()) == "an argument is not valid"


async def test_options_and_environment(program: Started) -> None:
    """The last one counts, in either spelling."""
    assert await ask(program, "option") == "a name 9 value"


async def test_queries_say_who_asks(program: Started) -> None:
    assert await ask(program, "origin") == "nobody"
    assert await ask(program, "origin", b"x", bytes(range(32))) == bytes(range(32)).hex()
    assert await ask(program, "length", b"a\0b") == "1 3"


async def test_a_query_that_is_dropped_is_closed_once(program: Started) -> None:
    await program.until(lambda: program.guest.settled)
    replies: list[Reply] = []
    offer_query(program.guest, None, "drop", b"", replies.append)
    await program.until(lambda: replies)
    assert replies == [Closed()]


async def test_an_option_that_is_no_number_is_logged(host: Host) -> None:
    async with host.start(GUESTS / "node.c", "--count", "eleven", "--names", "x", "--name", services=Node()) as started:
        assert await ask(started, "option") == "none -7 none"
        assert started.lines == ["--count is not a number from -10 to 10: eleven"]
