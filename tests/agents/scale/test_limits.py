"""Types, values and bytes that are made to break the codec end as exceptions, and the machine goes on."""

import pytest

from tests.agents.scale.evaluator import Evaluator, Thrown
from wapo.agents.messages import BurstLimitReached
from wapo.vm.limits import GuestLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_DEEP = "RangeError: the type or the value is nested too deeply"
EMPTY = "Error: too many values that take no bytes"

HOSTILE = {
    "a type that contains itself": ("S.decode(u8(), 'A', 'A={a:A}')", TOO_DEEP),
    "a tuple of itself": ("S.encode([], 'A', 'A=(B,) B=(A,)')", "Error: expect Array, got undefined"),
    "an array of itself": ("S.decode(u8(), 'A', 'A=[A;1]')", TOO_DEEP),
    "a generic that grows": ("S.decode(u8(), 'G<u8>', 'G<T>={a:G<[T]>}')", "RangeError: "),
    "nested bytes": ("S.decode(new Uint8Array(1e6).fill(4), 'T', 'T=[T]')", TOO_DEEP),
    "nested enums": ("S.decode(new Uint8Array(1e6).fill(1), 'E', 'E=<A|B:E>')", TOO_DEEP),
    "nested options": ("S.decode(new Uint8Array(1e6).fill(1), 'O', 'O=Option<O>')", TOO_DEEP),
    "a value that contains itself": ("const a = []; a[0] = a; S.encode(a, 'T', 'T=[T]')", TOO_DEEP),
    "a proxy without end": (
        "const p = new Proxy({}, { get: (_, k) => (k === 'length' ? 1 : p) }); S.encode(p, 'T', 'T=[T]')", TOO_DEEP,
    ),
    "a getter that calls in again": (
        "const g = { get v() { return S.encode(g, '{v:u8}')[0]; } }; S.encode(g, '{v:u8}')",
        "RangeError: Maximum call stack size exceeded",
    ),
    "many empty values": ("S.decode(u8(3, 255, 255, 255, 255), '[()]')", f"{EMPTY} (at [65856])"),
    "an array of empty values": ("S.decode(u8(), '[{};4294967295]')", f"{EMPTY} (at [65536])"),
    "arrays of arrays of empty values": ("S.decode(u8(), '[[[();65535];65535];65535]')", f"{EMPTY} (at [0][1][0])"),
    "tuples that double": (
        "S.decode(u8(), 'P<'.repeat(60) + '()' + '>'.repeat(60), 'P<T>=(T,T)')", EMPTY,
    ),
    "a length without elements": ("S.encode({ length: 4294967295 }, '[()]')", f"{EMPTY} (at [65856])"),
    "a long sequence": ("S.decode(u8(3, 255, 255, 255, 255), '[u32]')", "Error: unexpected end of buffer (at [0])"),
    "a long array": ("S.decode(u8(1), '[u8;4294967295]')", "Error: failed to decode sequence: unexpected end of buffer"),
    "a long array of numbers": ("S.decode(u8(1, 0), '[u16;4294967295]')", "Error: unexpected end of buffer (at [1])"),
    "brackets": ("S.parseTypes('['.repeat(20000))", "RangeError: Maximum call stack size exceeded"),
    "brackets in an expression": ("S.encode(1, '('.repeat(20000))", "RangeError: Maximum call stack size exceeded"),
    "arguments": ("S.parseTypes('A<'.repeat(20000))", "RangeError: Maximum call stack size exceeded"),
    "names of names": (
        "S.encode(1, 'a0', Array.from({ length: 3000 }, (_, i) => `a${i}=a${i + 1}`).join(' '))",
        "Error: type a0 is defined by itself",
    ),
    "a long list of names": (
        "S.encode(1, `<${Array.from({ length: 500 }, (_, i) => `v${i}`).join()}>`)", "Error: expect enum with any variant of v0, v1, v2",
    ),
    "a long path": (
        "let t = 'u8', v; for (let i = 0; i < 300; i++) { t = `{abcdef:${t}}`; v = { abcdef: v }; } S.encode(v, t)",
        "Error: expect u8, got undefined (at ...abcdef.abcdef.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "text"), HOSTILE.values(), ids=HOSTILE)
async def test_what_is_hostile_is_an_exception(js: Evaluator, attack: str, text: str) -> None:
    error, after = await js(f"let e; try {{ {attack}; }} catch (error) {{ e = `${{error}}`; }} [e, S.encode(1, 'u8')]")
    assert error.startswith(text)
    assert len(error) < 1000
    assert after == b"\x01"


async def test_nesting_is_bounded_on_top_of_deep_recursion(js: Evaluator) -> None:
    """JavaScript's own deepest recursion leaves a part of the stack, and not more is used."""
    assert set(
        await js(
            "const errors = new Set(), r = S.parseTypes('T=[T] E=<A|B:E> N={n:Option<N>}'), loop = []; loop[0] = loop;"
            "const bytes = new Uint8Array(1e4).fill(1); let deepest = 0;"
            "const attack = (f) => { try { f(); } catch (e) { errors.add(`${e.name}`); } };"
            "(function dive(n) { try { deepest = n; dive(n + 1); } catch {} if (n > deepest - 50) {"
            "  attack(() => S.encode(loop, 'T', r)); attack(() => S.decode(bytes, 'E', r)); attack(() => S.decode(bytes, 'N', r)); } })(0);"
            "[...errors]"
        )
    ) == {"RangeError"}


async def test_a_thousand_levels_are_fine(js: Evaluator) -> None:
    assert await js(
        "let v = null; for (let i = 0; i < 1000; i++) v = { v: i, n: v }; const r = S.parseTypes('L={v:u32,n:Option<L>}');"
        "const bytes = S.encode(v, 'L', r); let n = 0; for (let d = S.decode(bytes, 'L', r); d; d = d.n) n++; [bytes.length, n]"
    ) == [5000, 1000]


async def test_records_with_empty_fields_are_fine(js: Evaluator) -> None:
    """The bound on values of no size grows with the bytes."""
    assert (
        await js(
            "S.decode(S.encode(new Array(200000).fill({ a: 1 }), '[{a:u8,p:(),q:{}}]'), '[{a:u8,p:(),q:{}}]').length"
        )
        == 200000
    )


async def test_types_that_are_made_up_as_it_goes_do_not_pile_up(js: Evaluator) -> None:
    """A registry keeps what it made of so many expressions; an agent that lives long makes others."""
    limits = GuestLimits(memory_bytes=16 << 20, burst_s=None)
    assert await js(
        "const r = S.parseTypes('G<T>={a:T}'); let sum = 0;"
        "for (let i = 0; i < 6000; i++) sum += S.encode({ a: [] }, `G<[G<[u16;${i}]>]>`, r).length; sum",
        limits,
    ) == 6000  # fmt: skip


async def test_memory_that_a_decoded_value_does_not_fit_is_an_exception(js: Evaluator) -> None:
    limits = GuestLimits(memory_bytes=24 << 20, burst_s=None)
    for attack in ("S.decode(new Uint8Array(4e6), '[{a:u8};4000000]')", "S.encode({ length: 4e9 }, '[Option<u8>]')"):
        with pytest.raises(Thrown, match="InternalError: out of memory"):
            await js(attack, limits)


async def test_work_without_end_is_bounded_by_the_burst(js: Evaluator) -> None:
    """A sequence of 2^30 elements is not too many; computing for that long is."""
    with pytest.raises(BurstLimitReached):
        await js(
            "let v = 0; for (let i = 0; i < 30; i++) v = [v, v]; S.encode(v, 'P<'.repeat(30) + 'u8' + '>'.repeat(30), 'P<T>=(T,T)')",
            GuestLimits(burst_s=0.1),
        )
