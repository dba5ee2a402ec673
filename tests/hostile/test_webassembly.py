"""Modules that attack the interpreter of WebAssembly in JavaScript: they end as exceptions or at a limit, never as a crash."""

from contextlib import suppress

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agents.webassembly import Unfinished, assemble, literal, run
from tests.conftest import SiteFactory
from tests.hostile.neighbours import attack, handler
from wapo.agents.profile import JavaScriptProfile

ENDLESS = {
    "a loop": "call(wat`(module (func (export \"f\") (loop br 0)))`)",
    "a tail call": "call(wat`(module (func $f (export \"f\") (return_call $f)))`)",
    "an imported function": "call(wat`(module (import \"m\" \"f\" (func)) (func (export \"f\") (loop (call 0) (br 0))))`)",
    "filling": """call(wat`(module (memory 512)
      (func (export "f") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 33554432)) (br 0))))`)""",
    "copying": """call(wat`(module (memory 512)
      (func (export "f") (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 33554431)) (br 0))))`)""",
    "a table": """call(wat`(module (table 1000000 externref)
      (func (export "f") (loop (table.fill (i32.const 0) (ref.null extern) (i32.const 1000000)) (br 0))))`)""",
    "references": """call(wat`(module (import "m" "f" (func (result externref)))
      (func (export "f") (loop (drop (call 0)) (br 0))))`)""",
    "throwing": """call(wat`(module (import "m" "f" (func $f (result externref))) (tag $t (param externref)) (func (export "f")
      (loop $l (block $h (result externref) (try_table (catch $t $h) (throw $t (call $f))) unreachable) (drop) (br $l))))`)""",
    "a start function": "call(wat`(module (func $f (loop br 0)) (start $f))`)",
    "the argument of a call": "call(wat`(module (func (export \"f\") (param i32)))`, { valueOf() { for (;;); } })",
}  # fmt: skip

CALL = """
const call = (bytes, value) => new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { f: () => ({}) } }).exports.f(value);
"""


async def test_a_module_computes_for_no_longer_than_a_burst(open_site: SiteFactory) -> None:
    """Promise: WebAssembly in JavaScript is interrupted like JavaScript, and others go on meanwhile."""
    agents = {name: handler(f"{CALL} {assemble(body)}") for name, body in ENDLESS.items()}
    async with open_site(burst_s=0.15, time_s=30) as site:
        answers = await attack(site, agents)
    assert {name: answer.headers.get("x-wapo-error") for name, answer in answers.items()} == dict.fromkeys(
        ENDLESS, "burst_limit"
    )


def test_deep_recursion_is_an_exception(profile: JavaScriptProfile) -> None:
    """Promise: too deep a recursion is an error that can be caught, again and again; what there was before still works."""
    results = run(
        profile,
        """
        const deep = {
          direct: () => wasm.exports.direct(0),
          indirect: () => wasm.exports.indirect(),
          'through JavaScript': () => wasm.exports.through(),
          'through an argument': () => convert(),
          'many locals': () => wasm.exports.wide(),
          'many results': () => many.exports.f(),
        };
        const convert = () => wasm.exports.take({ valueOf: convert });
        const imports = { m: { f: () => wasm.exports.through() } };
        const wasm = new WebAssembly.Instance(new WebAssembly.Module(wat`(module (import "m" "f" (func))
          (table 1 funcref) (elem (i32.const 0) $indirect)
          (func $direct (export "direct") (param i32) (result i32) (i32.add (call $direct (local.get 0)) (i32.const 1)))
          (func $indirect (export "indirect") (call_indirect (i32.const 0)))
          (func (export "through") (call 0))
          (func (export "take") (param i32))
          (func $wide (export "wide") (local i64 i64 i64 i64 i64 i64 i64 i64) (call $wide) (call $wide))
          (func (export "good") (result i32) (i32.const 42)))`), imports);
        const many = new WebAssembly.Instance(new WebAssembly.Module(MANY), { m: { f: () => many.exports.f() } });
        const results = {};
        for (let round = 0; round < 3; round++) {
          for (const name in deep) {
            try { deep[name](); results[name] = 'nothing'; } catch (error) { results[name] = error.name; }
            if (wasm.exports.good() !== 42) results[name] = 'broken';
          }
        }
        scriptOutput = JSON.stringify(results);
        """.replace("MANY", literal(wasmtime.wat2wasm(
            f'(module (import "m" "f" (func (result {"i32 " * 1000}))) (func (export "f") (result {"i32 " * 1000}) (call 0)))'
        ))),
    )  # fmt: skip
    assert results == dict.fromkeys(results, "RangeError")
    assert len(results) == 6


def test_what_asks_for_too_much_gets_an_exception(profile: JavaScriptProfile) -> None:
    results = run(
        profile,
        """
        const attempt = (body) => { try { return String(body()); } catch (error) { return error.name; } };
        const grow = new WebAssembly.Instance(new WebAssembly.Module(wat`(module (memory (export "m") 1)
          (table 1 externref) (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
          (func (export "table") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0)))
          (func (export "load") (param i32) (result i64) (i64.load offset=4294967295 (local.get 0)))
          (func (export "store") (param i32) (i64.store offset=65529 (local.get 0) (i64.const 1)))
          (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0) (local.get 1))))`)).exports;
        scriptOutput = JSON.stringify([
          attempt(() => new WebAssembly.Memory({ initial: 32767 })),
          attempt(() => new WebAssembly.Memory({ initial: 65536 })),
          attempt(() => new WebAssembly.Table({ element: 'externref', initial: 10000000 })),
          attempt(() => new WebAssembly.Instance(new WebAssembly.Module(wat`(module (memory 65536))`))),
          attempt(() => new WebAssembly.Instance(new WebAssembly.Module(wat`(module (table 4294967295 funcref))`))),
          attempt(() => grow.m.grow(65535)),
          ...[65535, 32766, 32767, -1, 2 ** 31].map((n) => attempt(() => grow.memory(n))),
          ...[-1, 2 ** 31, 9999999].map((n) => attempt(() => grow.table(n))),
          ...[0, -1, 1].map((n) => attempt(() => grow.load(n))),
          ...[0, -1, 2 ** 31].map((n) => attempt(() => grow.store(n))),
          ...[[0, -1], [-1, -1], [65536, 1], [65537, 0]].map((p) => attempt(() => grow.fill(...p))),
          attempt(() => grow.fill(65536, 0)),
          attempt(() => grow.memory(2)),
        ]);
        """,
    )
    assert results == [
        *["RangeError"] * 6, *["-1"] * 5, *["-1"] * 3, *["RuntimeError"] * 3, *["RuntimeError"] * 3,
        *["RuntimeError"] * 4, "undefined", "1",
    ]  # fmt: skip


def section(number: int, body: bytes) -> bytes:
    return bytes([number]) + leb(len(body)) + body


def leb(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


HEADER = b"\0asm\1\0\0\0"
HUGE = leb(0xFFFFFFFF)
NO_BODY = section(1, b"\1\x60\0\0") + section(3, b"\1\0")


def test_lengths_that_lie_are_found(profile: JavaScriptProfile) -> None:
    """Each number of things that a module announces is the largest that there is."""
    modules = [
        *(HEADER + bytes([number]) + HUGE for number in range(14)),
        *(HEADER + section(number, HUGE) for number in range(1, 13)),
        HEADER + section(1, b"\1\x60" + HUGE),
        HEADER + section(2, b"\1" + HUGE),
        HEADER + section(9, b"\1\1\0" + HUGE),
        HEADER + section(11, b"\1\1" + HUGE),
        HEADER + section(0, HUGE),
        HEADER + NO_BODY + section(10, b"\1" + HUGE),
        HEADER + NO_BODY + section(10, b"\1" + leb(7) + b"\1" + HUGE + b"\x7f"),
        HEADER + NO_BODY + section(10, b"\1" + leb(9) + b"\0\x41\0\x0e" + HUGE),
        HEADER + NO_BODY + section(10, b"\1" + leb(9) + b"\xff\xff\xff\xff\x0f\1\x7f\1\x7f"),
        HEADER + NO_BODY + section(10, b"\1" + leb(100002) + b"\0" + b"\x02\x40" * 50000 + b"\x0b"),
        HEADER + NO_BODY + section(10, b"\1" + leb(140002) + b"\0" + b"\x41\0" * 70000 + b"\x0b"),
        HEADER + NO_BODY + section(10, b"\1" + leb(5) + b"\0\xfc" + b"\xff\xff\xff"),
    ]
    found = run(
        profile, f"scriptOutput = JSON.stringify([{','.join(map(literal, modules))}].map(WebAssembly.validate))"
    )
    assert found == [False] * len(modules)


SOUND = bytes(
    wasmtime.wat2wasm("""(module (import "m" "f" (func (param externref i64) (result f64)))
  (memory (export "m") 1 2) (table (export "t") 3 funcref) (global (export "g") (mut externref) (ref.null extern))
  (type $t (func (param i32) (result i32))) (elem (i32.const 0) $x $x) (data "abc") (start $s)
  (func $x (export "x") (param i32) (result i32) (block (block (br_table 0 1 0 (local.get 0)))
    (drop (call 0 (global.get 0) (i64.const 5)))) (if (result i32) (local.get 0) (then (i32.const 1)) (else (memory.size))))
  (func $s (local i32 f32) (local.set 0 (call_indirect (type $t) (i32.const 1) (i32.const 0)))
    (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop 0) (table.set (i32.const 1) (ref.func $x))))""")
)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.one_of(
    st.binary(max_size=60).map(lambda tail: HEADER + tail),
    st.tuples(st.integers(8, len(SOUND)), st.binary(max_size=6), st.integers(0, 6)).map(
        lambda cut: SOUND[: cut[0]] + cut[1] + SOUND[cut[0] + cut[2] :]
    ),
), min_size=20, max_size=60))  # fmt: skip
def test_malformed_bytes_are_refused_and_strange_ones_run(profile: JavaScriptProfile, modules: list[bytes]) -> None:
    """Whatever the bytes: a module or a CompileError; whatever the module: results or an exception; then all is well."""
    source = f"""
        const results = [];
        for (const bytes of [{",".join(map(literal, modules))}]) {{
          const valid = WebAssembly.validate(bytes);
          try {{
            const module = new WebAssembly.Module(bytes);
            results.push(valid ? '' : 'compiled what is not valid');
            const {{ exports }} = new WebAssembly.Instance(module, {{ m: {{ f: () => 1 }} }});
            for (const name in exports) if (typeof exports[name] === 'function') exports[name](1, 2, 3);
          }} catch (error) {{
            if (valid !== !(error instanceof WebAssembly.CompileError)) results.push(String(error));
          }}
        }}
        const {{ sum }} = new WebAssembly.Instance(new WebAssembly.Module(wat`(module (func (export "sum") (result i32)
          (i32.add (i32.const 40) (i32.const 2))))`)).exports;
        scriptOutput = JSON.stringify([sum(), results.filter((text) => text)]);
        """
    with suppress(Unfinished):  # a block may have become a loop
        assert run(profile, source, burst_s=2) == [42, []]
