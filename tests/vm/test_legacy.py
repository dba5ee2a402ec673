"""Programs of the predecessor, SideVM, as they are (wapo-abi.md section 11)."""

import pytest

from tests.vm.conftest import Authority, Networked
from tests.vm.puppet import BUFFER, Puppet, err, puppet_module
from tests.vm.support import Recorder, run_until, wasm
from wapo.abi.messages import encode_legacy_query_request
from wapo.engine.engine import Engine
from wapo.engine.modules import compile_module
from wapo.scale.primitives import encode_bytes, encode_text
from wapo.vm.dialect import Dialect, dialect_of
from wapo.vm.ends import EndReason
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.local_cache import LocalCache
from wapo.vm.net.network import Network
from wapo.vm.program import ProgramLinker
from wapo.vm.resources.oneshot import Reply, Sent
from wapo.vm.scheduler import Scheduler

SIX = "(param i32 i32 i32 i32 i32 i32) (result i64)"
CALL = "(i32.const 0) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0) (i32.const 0)"


class Cached(Recorder):
    """With a cache of the app."""

    def __init__(self, quota_bytes: int = 1000) -> None:
        super().__init__()
        self.cache = LocalCache(quota_bytes)

    def local_cache(self, guest: Guest) -> LocalCache:
        return self.cache


@pytest.mark.parametrize(
    ("imports", "dialect"),
    [
        ([("env", "sidevm_ocall"), ("env", "sidevm_ocall_fast_return")], Dialect.LEGACY),
        ([("env", "sidevm_ocall_fast_return")], Dialect.LEGACY),
        ([("env", "sidevm_ocall")], Dialect.LEGACY),
        ([("wapo", "ocall"), ("env", "sidevm_ocall")], Dialect.WAPO),
        ([("wapo", "ocall_fast_return")], Dialect.WAPO),
        ([], Dialect.WAPO),
    ],
)
def test_the_dialect_is_told_by_the_imports(engine: Engine, imports: list[tuple[str, str]], dialect: Dialect) -> None:
    text = "".join(f'(import "{module}" "{name}" (func {SIX}))' for module, name in imports)
    module = compile_module(engine, wasm(f"(module {text})"))
    assert dialect_of(module.imports) is dialect
    assert ProgramLinker(engine).link(module).dialect is dialect


@pytest.mark.parametrize(
    ("imports", "poll", "expected"),
    [
        # 203 is gas_remaining for a program of the predecessor alone, whatever its poll function is called
        (f'(import "env" "sidevm_ocall_fast_return" (func $f {SIX}))', "sidevm_poll", "Exited(100)"),
        (f'(import "env" "sidevm_ocall_fast_return" (func $f {SIX}))', "wapo_poll", "Exited(100)"),
        # ... and a timer's number is not found for one that imports anything of ours, through either import
        (
            f'(import "env" "sidevm_ocall_fast_return" (func $f {SIX})) (import "wapo" "ocall" (func {SIX}))',
            "sidevm_poll", "Trap",
        ),
    ],
)  # fmt: skip
async def test_number_203(engine: Engine, imports: str, poll: str, expected: str) -> None:
    body = f'(memory (export "memory") 1) (func (export "{poll}") (result i32) (i32.wrap_i64 (call $f {CALL.format(203, 0)})))'
    program = ProgramLinker(engine).link(compile_module(engine, wasm(f"(module {imports} {body})")))
    guest = program.start(Scheduler(), Recorder(), GuestLimits())
    await run_until(guest, lambda: guest.ended is not None)
    assert str(guest.ended) == expected


async def test_gas_remaining_is_all_of_it(engine: Engine) -> None:
    async with Puppet(engine, legacy=True) as puppet:
        assert await puppet.replay([(203,), (203, 1, 2, 3, 4), (201, 60_000), (203, 0, 5)]) == [100, 100, 0, 100]
        assert await puppet.call(103, 1, 0, 0, 0) == err(11)  # the timer was not armed anew


@pytest.mark.parametrize(
    ("value", "code"), [(1, 1), (2, 2), (7, 7), (125, 125), (126, 126), (-1, -1), (1 << 30, 1 << 30)]
)
async def test_what_its_poll_returns_is_how_it_exits(engine: Engine, value: int, code: int) -> None:
    async with Puppet(engine, legacy=True) as puppet:
        await puppet.replay([], returns=value)
        assert puppet.guest.ended is not None
        assert (puppet.guest.ended.reason, puppet.guest.ended.code) == (EndReason.EXITED, code)


async def test_all_four_channels_exist_once(engine: Engine) -> None:
    """On system and general messages nothing ever comes."""
    async with Puppet(engine, legacy=True) as puppet:
        channels = [(240, number) for number in (1, 2, 3, 4)]
        assert await puppet.replay([*channels, *channels, (240, 0), (240, 5)]) == [4] * 4 + [err(15)] * 4 + [err(3)] * 2
        assert await puppet.replay([(102, 1, 0), (102, 1, 1)]) == [err(11)] * 2


@pytest.mark.parametrize("origin", [None, bytes(range(32))])
async def test_a_query_has_no_path(engine: Engine, origin: bytes | None) -> None:
    answers: list[Reply] = []
    async with Puppet(engine, legacy=True) as puppet:
        await puppet.call(240, 3)
        offer_query(puppet.guest, origin, "/a/path", b"payload", answers.append)
        message = encode_legacy_query_request(origin, b"payload", 1)
        assert len(message) == (33 if origin else 1) + 8 + 4
        assert await puppet.fetch(102, 1, 0) == encode_bytes(message)
        assert await puppet.call(202, 1, *puppet.put(b"reply")) == 0
    assert answers == [Sent(b"reply")]


async def test_the_cache(engine: Engine) -> None:
    """Get, set, lifetime, remove; the 64 bits of a lifetime are put together properly (quirk 1)."""
    services = Cached()
    async with Puppet(engine, legacy=True, services=services) as puppet:
        key, value = (BUFFER + 1000, 3), (BUFFER + 2000, 5)
        puppet.put(b"key", key[0])
        puppet.put(b"value", value[0])
        found = b"\1" + encode_bytes(b"value")
        assert await puppet.fetch(230, *key) == b"\0"
        assert await puppet.call(231, *key, *value) == 0
        assert await puppet.fetch(230, *key) == found
        assert await puppet.call(232, *key, 0, 5) == 0  # the original removed the key here
        assert await puppet.fetch(230, *key) == found
        assert await puppet.call(232, *key, 1, 0) == 0
        assert await puppet.fetch(230, *key) == found
        assert await puppet.call(232, *key, 0, 0) == 0
        assert await puppet.fetch(230, *key) == b"\0"
        assert await puppet.call(231, *key, *value) == 0
        assert await puppet.fetch(233, *key) == found
        assert await puppet.fetch(233, *key) == b"\0"
        assert await puppet.replay([(231, *key, BUFFER, 998), (231, *key, BUFFER, 997), (231, *key, BUFFER, 998)]) == [
            err(10), 0, err(10),
        ]  # fmt: skip


async def test_without_a_cache_its_calls_are_unknown(engine: Engine) -> None:
    async with Puppet(engine, legacy=True) as puppet:
        assert await puppet.replay([(230, 0, 0), (231, 0, 0, 0, 0), (232, 0, 0, 0, 0), (233, 0, 0)]) == [err(1)] * 4


async def test_numbers_of_the_other_dialect(engine: Engine) -> None:
    """The cache is not for Wapo's programs; contracts are for nobody; what Wapo added is for both."""
    async with Puppet(engine, services=Cached()) as puppet:
        assert (
            await puppet.replay([(230, 0, 0), (231, 0, 0, 0, 0), (232, 0, 0, 0, 0), (233, 0, 0), (241,)])
            == [err(1)] * 5
        )
    async with Puppet(engine, legacy=True, services=Cached()) as puppet:
        assert await puppet.replay([(241,), (242,), (204, 0, 0, 0), (253, 0, 5)]) == [err(1), 32, err(7), 0]
        assert puppet.guest.meter.tip == 5


async def test_the_text_of_a_key_has_one_item(engine: Engine, network: Network, authority: Authority) -> None:
    """The predecessor refused more; Wapo takes the first."""
    certificate, key = authority.issue("localhost")
    data = encode_text("127.0.0.1:0") + b"\1\0" + encode_text(certificate)
    for legacy in (False, True):
        async with Puppet(engine, legacy=legacy, services=Networked(network)) as puppet:
            assert await puppet.call(210, *puppet.put(data + encode_text(key))) == 0
            expected = err(3) if legacy else 1
            assert await puppet.call(210, *puppet.put(data + encode_text(key + key))) == expected


async def test_its_last_output_is_kept(engine: Engine) -> None:
    async with Puppet(engine, legacy=True) as puppet:
        for text in (b"first", b"last"):
            assert await puppet.call(243, *puppet.put(text)) == 0
        assert puppet.guest.output == b"last"
        assert await puppet.call(243, BUFFER, 0) == 0
        assert puppet.guest.output == b""


def test_the_puppet_speaks_both(engine: Engine) -> None:
    for legacy, dialect in ((True, Dialect.LEGACY), (False, Dialect.WAPO)):
        assert dialect_of(compile_module(engine, puppet_module(legacy=legacy)).imports) is dialect
