"""What we have changed in the JavaScript engine (guest/sources.toml)."""

import asyncio
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits


def run(profile: JavaScriptProfile, source: str, *arguments: str, burst_s: float = 10.0) -> str:
    async def main() -> str:
        async with HttpClient(EgressPolicy()) as client:
            outcome = await run_script(
                profile, client, source.encode(), name="script.js", arguments=arguments, environment={},
                limits=GuestLimits(burst_s=burst_s, time_s=30), log=lambda _level, _text: None,
            )  # fmt: skip
        assert outcome.failure is None
        return outcome.output.decode()

    return asyncio.run(main())


@pytest.mark.parametrize("key", ["i", "-i", "i / 3", "i * 65536", "String(i)", "BigInt(i)", "objects[i]", "Symbol()"])
def test_keys_of_no_kind_collide(profile: JavaScriptProfile, key: str) -> None:
    """In one chain, so many keys would take minutes."""
    source = f"""
      const objects = Array.from({{ length: 200000 }}, () => ({{}})), map = new Map();
      for (let i = 0; i < 200000; i++) map.set({key}, i);
      scriptOutput = String(map.size);
    """
    assert run(profile, source) == "200000"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=200))
def test_json_numbers_are_read_exactly(profile: JavaScriptProfile, numbers: list[float]) -> None:
    """Python writes the shortest text of a double, so reading it has one right result."""
    source = "scriptOutput = Array.from(new Uint8Array(Float64Array.from(JSON.parse(scriptArgs[0])).buffer)).join()"
    text = run(profile, source, json.dumps(numbers))
    assert bytes(map(int, filter(None, text.split(",")))) == struct.pack(f"<{len(numbers)}d", *numbers)


HARD = ["0.1e-5", "1e400", "-1e400", "1e-400", "-0", "0.0e99", "123456789012345678901234567890", "4.9e-324", "2.4e-324",
        "9007199254740993", "1.7976931348623158e308", "0." + "0" * 400 + "1e401", "1" + "0" * 400 + "e-400"]  # fmt: skip


def test_json_numbers_of_unusual_forms(profile: JavaScriptProfile) -> None:
    """They mean what they mean in a program."""
    source = "scriptOutput = String(JSON.parse(scriptArgs[0]).every((x, i) => Object.is(x, eval(scriptArgs[i + 1]))))"
    assert run(profile, source, f"[{','.join(HARD)}]", *HARD) == "true"


#: What has a text, has none, or must be done by the general algorithm. Each is evaluated on its own.
WRITTEN = [
    "{}", "[]", "[[], {}, [{}]]", "null", "'text'", "-0", "({ a: -0, b: NaN, c: -Infinity, d: 1e21, e: 5e-324 })",
    "[undefined, () => 1, Symbol(), null]", "({ a: undefined, b: () => 1, [Symbol()]: 1, c: 1 })", "[, 1, , 2, ,]",
    "Object.assign([1, 2], { length: 4 })", "Object.assign([1], { toJSON: () => 'mine' })", "Object.assign([1], { x: 1 })",
    "({ b: 1, 2: 2, a: 3, 1: 4, '01': 5, 4294967295: 6 })", "({ get a() { return 1; }, b: 2 })", "({ a: { toJSON: (key) => key } })",
    "({ toJSON: 1, a: 2 })", "Object.defineProperty({ a: 1 }, 'b', { value: 2 })", "({ __proto__: null, a: 1 })", "({ __proto__: { b: 2 }, a: 1 })",
    "({ __proto__: { toJSON() { return 'inherited'; } }, a: 1 })", "[new Date(0), new Map([[1, 2]]), new Set([1]), /x/, new Error('x')]",
    "[new String('a'), new Number(1), new Boolean(false), Object('b')]", "new Proxy({ a: 1, b: [2] }, {})", "new Proxy([1, 2], {})",
    "new (class A { a = 1; #b = 2; get c() { return 3; } })()", "new (class extends class { a = 1; toJSON() { return 'up'; } } { b = 2; })()",
    "Object.create({ toJSON: 1 }, { a: { value: 1, enumerable: true } })", "Object.create([], { a: { value: 1, enumerable: true } })",
    "Object.create(new Proxy({}, { get: (_, name) => (name === 'toJSON' ? () => 'trap' : undefined) }))", "Object.create(Object.create(null))", "(() => { const o = { a: 1, b: 2, c: 3 }; delete o.b; o.d = 4; return o; })()",
    "new Uint8Array([1, 2])", "(function () { return arguments; })(1, 2)", "JSON.parse('{\"__proto__\": 1, \"a\": [1.5, true]}')",
    "'\"\\\\/\\b\\f\\n\\r\\t\\v\\0\\x1f\\x7f\\xa0\\xff'", "['\\ud800', '\\udc00a', '\\ud83d\\ude00', '\\u2028', 'ä'.repeat(300), 'x'.repeat(999) + '\"']",
    "({ 'quo\"te': 1, '\\ud800': 2, 'ключ': 3, '': 4 })", "Array.from({ length: 99 }).reduce((inner) => [inner], 'deep')",
    "Array.from({ length: 300 }).reduce((inner) => ({ inner }), 'deep')", "['a' + 'b'.repeat(9000), 'c'.repeat(9000) + 'd'.repeat(9000)]",
    "[1n]", "({ a: { b: 10n } })", "(() => { const o = {}; o.o = [o]; return o; })()", "globalThis.Math", "Object.freeze([1, Object.freeze({ a: 1 })])",
]  # fmt: skip


@pytest.mark.parametrize("before", ["", "Object.prototype.toJSON = function (key) { return [key, typeof this]; };",
                                    "Array.prototype.toJSON = () => 'array';",
                                    "Array.prototype.__proto__ = { __proto__: Object.prototype, toJSON: () => 'far' };"])  # fmt: skip
def test_json_is_written_as_by_the_general_algorithm(profile: JavaScriptProfile, before: str) -> None:
    """Which is what a replacer asks for."""
    source = """
      const of = (write) => { try { return write(); } catch (error) { return `${error.name}: ${error.message}`; } };
      const same = (text) => of(() => JSON.stringify(eval(`(${text})`))) === of(() => JSON.stringify(eval(`(${text})`), (_, x) => x));
      const texts = scriptArgs.filter((text) => !same(text));
      scriptOutput = texts.join('\\n');
    """
    assert run(profile, before + source, *WRITTEN) == ""


def test_writing_json_runs_out_of_memory_as_anything_else(profile: JavaScriptProfile) -> None:
    source = """
      const piece = 'x'.repeat(1 << 20), many = Array.from({ length: 400 }, () => piece);
      try { JSON.stringify(many); } catch (error) { scriptOutput = String(error === null || error instanceof Error); }
    """
    assert run(profile, source) == "true"


@settings(deadline=None, max_examples=30)
@given(
    st.text(alphabet="aab\u00e9\u4e00", max_size=40),
    st.text(alphabet="aab\u00e9\u4e00", max_size=3),
    st.integers(-3, 45),
)
def test_index_of_finds_what_it_found(profile: JavaScriptProfile, text: str, word: str, start: int) -> None:
    """In strings of bytes and of 16-bit units, from wherever (https://tc39.es/ecma262/#sec-string.prototype.indexof)."""
    source = "scriptOutput = JSON.stringify([scriptArgs[0].indexOf(scriptArgs[1], scriptArgs[2]), scriptArgs[0].indexOf(scriptArgs[1])])"
    expected = [text.find(word, min(max(start, 0), len(text))), text.find(word)]
    assert json.loads(run(profile, source, text, word, str(start))) == expected
