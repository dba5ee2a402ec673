"""The functions of Wapo.SCALE, registries and codecs (wapojs-scale.md 1 and 7)."""

import pytest

from tests.agents.scale.evaluator import Evaluator

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_where_it_is(js: Evaluator) -> None:
    assert await js(
        "[Object.keys(S), S === SCALE, ScaleCodec.scl === S, Object.keys(globalThis).includes('SCALE')]"
    ) == [
        ["parseTypes", "appendTypes", "builtinTypes", "encode", "encodeAll", "decode", "decodeAll", "codec"],
        True, True, False,
    ]  # fmt: skip
    assert await js("const { encode, parseTypes } = SCALE; encode(1, 'A', parseTypes('A=u16'))") == b"\x01\0"


async def test_several_values_at_once(js: Evaluator) -> None:
    assert await js(
        "const types = 'Age = u32  Person = { name: str, age: Age }', list = ['u8', 'str', 'Person'];"
        "const bytes = S.encodeAll([1, 'foo', {name:'Tom', age:10n}], list, types); [bytes, S.decodeAll(bytes, list, types)]"
    ) == [bytes.fromhex("01 0c 66 6f 6f 0c 54 6f 6d 0a 00 00 00"), [1, "foo", {"name": "Tom", "age": 10}]]


async def test_values_that_are_too_many_or_missing(js: Evaluator) -> None:
    assert await js("S.encodeAll([1, 2, 3], ['u8'])") == b"\x01"
    assert await js("S.encodeAll([1], ['u8', 'Option<u8>', '()'])") == b"\x01\0"
    assert await js("S.encodeAll(null, [])") == b""
    assert await js("S.decodeAll(u8(), [])") == []
    assert await js.error("S.encodeAll([1], ['u8', 'u16'])") == "Error: expect u16, got undefined (at [1])"
    assert await js.error("S.decodeAll(u8(1), ['u8', 'u8'])") == "Error: unexpected end of buffer (at [1])"


async def test_a_list_of_types_is_whatever_has_values(js: Evaluator) -> None:
    assert await js("S.encodeAll([1, 2], new Set(['u8', 'u16']))") == b"\x01\x02\0"
    assert await js("S.encodeAll([1, 2], new Map([['a', 'u8'], ['b', 'u16']]))") == b"\x01\x02\0"
    assert await js("S.decodeAll(u8(1, 2, 0), new Set(['u8', 'u16']))") == [1, 2]
    for value, name in {"'u8'": "string", "{}": "object", "undefined": "undefined", "null": "null"}.items():
        assert await js.error(f"S.encodeAll([1], {value})") == f"Error: expect list, got {name}"


async def test_a_number_is_an_index(js: Evaluator) -> None:
    """Built-in names have none."""
    for number in ("1", "1.9", "1n", "true", "'1'"):
        assert await js(f"S.encode(1, {number}, 'u8 u16')") == b"\x01\0"
    for number in ("0", "NaN", "-0.5", "Infinity", "false"):
        assert await js(f"S.encode(1, {number}, 'u8 u16')") == b"\x01"
    assert await js.error("S.encode(1, 0)") == "Error: unknown type id 0"
    assert await js.error("S.encode(1, -1, 'u8')") == "Error: expect u32, got number"
    assert await js.error("S.encode(1, 2n ** 32n, 'u8')") == "Error: expect u32, got bigint"
    for value, name in {"undefined": "undefined", "null": "null", "{}": "object", "['u8']": "object"}.items():
        assert await js.error(f"S.encode(1, {value})") == f"Error: expect string, got {name}"


async def test_a_registry_is_opaque(js: Evaluator) -> None:
    assert await js("const r = S.parseTypes('a=u8'); [`${r}`, Reflect.ownKeys(r).length, JSON.stringify(r)]") == [
        "[object TypeRegistry]", 0, "{}",
    ]  # fmt: skip
    assert await js("S.encode(1, 'a', S.parseTypes('a=u16'))") == b"\x01\0"


async def test_what_is_no_registry_is_refused(js: Evaluator) -> None:
    for value, name in {
        "1": "number",
        "{}": "object",
        "u8(1)": "Uint8Array",
        "Object.create(S.parseTypes(''))": "TypeRegistry",
    }.items():
        assert await js.error(f"S.encode(1, 'u8', {value})") == f"Error: expect TypeRegistry, got {name}"
    assert await js("S.encode(1, 'u8', null)") == b"\x01"
    assert await js.error("S.encode(1, 'u8', ';')") == "Error: invalid syntax at 0..1: here->`;`"


async def test_parse_types_checks_its_arguments(js: Evaluator) -> None:
    assert await js.error("S.parseTypes()") == "Error: expect string, got undefined"
    assert await js.error("S.parseTypes('', { no_std: 1 })") == "Error: expect bool, got number"
    assert (
        await js(
            "[undefined, null, {}, { no_std: null }].map((o) => S.encode('a', 'String', S.parseTypes('', o)).length)"
        )
        == [2] * 4
    )


async def test_without_built_in_names_primitives_are_left(js: Evaluator) -> None:
    setup = "const r = S.parseTypes('', { no_std: true });"
    assert await js(f"{setup} S.encode([1], '[u8]', r)") == b"\x04\x01"
    assert await js.error(f"{setup} S.encode([1], 'Vec<u8>', r)") == "Error: unknown type Vec"


async def test_built_in_types_are_a_text_of_definitions(js: Evaluator) -> None:
    assert await js(
        "const r = S.parseTypes(S.builtinTypes(), { no_std: true });"
        "S.encode([{ Ok: 'a' }, { Err: null }], 'Vec<Result<String,Option<H160>>>', r)"
    ) == bytes.fromhex("08 00 04 61 01 00")


async def test_definitions_are_added_for_all_who_hold_the_registry(js: Evaluator) -> None:
    assert await js(
        "const r = S.parseTypes('a=b b=u8'), c = S.codec('[a]', r); const before = c.encode([1]);"
        "[before, S.appendTypes(r, 'b=u16 u32'), c.encode([1]), S.encode(1, 3, r)]"
    ) == [b"\x04\x01", None, b"\x04\x01\0", b"\x01\0\0\0"]


async def test_a_text_that_is_invalid_adds_nothing(js: Evaluator) -> None:
    assert (
        await js("const r = S.parseTypes('a=u8'); try { S.appendTypes(r, 'a=u16 ;;'); } catch {} S.encode(1, 'a', r)")
        == b"\x01"
    )
    assert (await js.error("S.appendTypes('a=u8', ';')")).startswith("Error: invalid syntax")


async def test_nothing_is_added_to_a_text(js: Evaluator) -> None:
    assert await js("[S.appendTypes('a=u8', 'a=u16'), S.encode(1, 'a', 'a=u8')]") == [None, b"\x01"]
    assert await js("[S.appendTypes(undefined, 'a=u16'), S.appendTypes(null, '')]") == [None, None]
    assert await js.error("S.appendTypes(undefined, 'a=u16'); S.encode(1, 'a')") == "Error: unknown type a"
    assert await js.error("S.appendTypes({}, 'a=u16')") == "Error: expect TypeRegistry, got object"


async def test_texts_are_parsed_anew_or_the_same(js: Evaluator) -> None:
    """More texts than are kept."""
    assert (
        await js(
            "let sum = 0; for (let k = 0; k < 3; k++) for (let i = 0; i < 50; i++) sum += S.encode(1, 'a', `a=u8 b=[u8;${i}]`)[0]; sum"
        )
        == 150
    )


async def test_a_codec(js: Evaluator) -> None:
    setup = "const c = S.codec('{a:T}', 'T=u16');"
    assert await js(f"{setup} [c.encode({{a: 1}}), c.decode(u8(1, 0)), Object.keys(c), c.ty, c.registry, c.isArray]") == [
        b"\x01\0", {"a": 1}, ["ty", "registry", "isArray"], "{a:T}", "T=u16", False,
    ]  # fmt: skip
    assert await js("const c = S.codec(['u8', 'str']); [c.encode([1, 'a']), c.decode(u8(1, 4, 97)), c.isArray]") == [
        b"\x01\x04a", [1, "a"], True,
    ]  # fmt: skip
    assert await js(f"{setup} [Object.getPrototypeOf(c) === ScaleCodec, c.scl === S]") == [True, True]
    assert await js(f"{setup} c.ty = 'u8'; c.encode(3)") == b"\x03"
    assert await js("S.codec(1, 'u8 u16').encode(1)") == b"\x01\0"
    assert (await js.error(f"{setup} const {{ encode }} = c; encode({{a: 1}})")).startswith("TypeError: ")


#: wapojs-scale.md 7: a text for the older parser means the same, apart from options.
OLDER = "#u8;@2[3](4,5)<foo:6:7,bar::9>"


async def test_the_older_syntax(js: Evaluator) -> None:
    assert await js(f"S.encode({{bar: null}}, 4, '{OLDER}')") == b"\x09"
    older = "const r = S.parseTypes('#u8\\n#str\\n[1]\\n[0;2]\\n(0,1)\\n<Ok:4,Err:1:5>\\n{foo:5,bar:0}\\n@7\\n#u32');"
    assert await js(
        f"{older} [S.encode(['a'], 2, r), S.encode([1, 2], 3, r), S.encode({{foo: {{Err: 'e'}}, bar: 1}}, 6, r),"
        "S.decode(u8(0, 5, 4, 97, 2), 6, r), S.encodeAll([1, 'b'], [0, 1], r)]"
    ) == [
        b"\x04\x04a", b"\x01\x02", b"\x05\x04e\x01", {"foo": {"Ok": [5, "a"]}, "bar": 2}, b"\x01\x04b",
    ]  # fmt: skip


async def test_replaced_built_ins_change_nothing(js: Evaluator) -> None:
    """User code may replace what it likes on the global object."""
    assert await js(
        "globalThis.Map = globalThis.Error = globalThis.Symbol = globalThis.Number = null;"
        "S.encode([1, 2n ** 100n], '(a,u128)', S.parseTypes('a=[u8;0] a=u8'))"
    ) == b"\x01" + (1 << 100).to_bytes(16, "little")
