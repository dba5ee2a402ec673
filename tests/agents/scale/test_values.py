"""Which value is which bytes (wapojs-scale.md 4 and 6), in a real agent."""

import pytest

from tests.agents.scale.evaluator import Evaluator

pytestmark = pytest.mark.asyncio(loop_scope="module")

POSITIONAL = "#u8\\n#str\\n(0,1)\\n<Ok:0,Err:1>\\n[0]\\n[1]\\n[0;2]\\n{foo:0,bar:1}"
NAMED = "Age = u32  Person = { name: str, age: Age }"
GENERIC = "Opt<T> = <_None|_Some:T>  Res<T> = <Ok:T|Err:str>  Rec<A> = { t: Opt<str>, f: Res<()>, b: { n: A }, z: {} }"
ENUM = "<A,B:u16,C::9,D:str:20>"
TOM = "{name:'Tom', age:9, cards:{foo:'fooz', bar:42}}"
BIG = 2**128 - 1

#: Type, value, bytes, and what they are decoded to (None: the same); type definitions.
EXAMPLES = [
    # 6.1 Primitives
    ("u32", "1", "01 00 00 00", None, ""),
    ("u32", "4294967295", "ff ff ff ff", "4294967295n", ""),
    ("i8", "-128", "80", None, ""),
    ("i16", "-2", "fe ff", None, ""),
    ("u64", "1099511627776n", "00 00 00 00 00 01 00 00", None, ""),
    ("u128", "10n**27n", "00 00 00 e8 3c 80 d0 9f 3c 2e 3b 03 00 00 00 00", None, ""),
    ("u128", "9", "09" + "00" * 15, "9n", ""),
    ("bool", "true", "01", None, ""),
    ("bool", "false", "00", None, ""),
    ("str", "'Hello world!'", "30 48 65 6c 6c 6f 20 77 6f 72 6c 64 21", None, ""),
    ("str", "'é'", "08 c3 a9", None, ""),
    ("u8", "1.9", "01", "1", ""),
    # 6.2 Compact
    *(("@u128", str(value), data, f"{value}n", "") for value, data in {
        0: "00", 1: "04", 63: "fc", 64: "01 01", 100: "91 01", 16383: "fd ff", 16384: "02 00 01 00",
        70000: "c2 45 04 00", 1073741823: "fe ff ff ff", 1073741824: "03 00 00 00 40", 2**32: "07 00 00 00 00 01",
    }.items()),
    ("@u128", f"{2**64 - 1}n", "13" + "ff" * 8, None, ""),
    ("@u128", f"{BIG}n", "33" + "ff" * 16, None, ""),
    ("[@u32]", "[1, 100, 70000]", "0c 04 91 01 c2 45 04 00", None, ""),
    # 6.3 Sequences, arrays, tuples, structs
    ("[u16]", "[1, 2, 300]", "0c 01 00 02 00 2c 01", None, ""),
    ("[u8]", "u8(1,2,3)", "0c 01 02 03", None, ""),
    ("[u8]", "[1,2,3]", "0c 01 02 03", "u8(1,2,3)", ""),
    ("[u8]", "'0x010203'", "0c 01 02 03", "u8(1,2,3)", ""),
    ("[u8]", "'0XaBcD'", "08 ab cd", "u8(0xab,0xcd)", ""),
    ("[u8]", "'abc'", "0c 61 62 63", "u8(97,98,99)", ""),
    ("[u8]", "new Uint8Array(100).fill(7)", "91 01" + "07" * 100, None, ""),
    ("[u8;3]", "u8(1,2,3)", "01 02 03", None, ""),
    ("[u16;2]", "[1, 2]", "01 00 02 00", None, ""),
    ("(u8,str,bool)", "[1, 'hi', true]", "01 08 68 69 01", None, ""),
    ("{name:str,age:u32,cards:{foo:str,bar:u8}}", TOM, "0c 54 6f 6d 09 00 00 00 10 66 6f 6f 7a 2a", None, ""),
    ("()", "undefined", "", "[]", ""),
    ("@()", "'anything'", "", "[]", ""),
    ("{}", "null", "", "({})", ""),
    ("AccountId", "'0x' + '1'.repeat(64)", "11" * 32, "new Uint8Array(32).fill(17)", ""),
    ("Person", "{name:'Tom', age:9}", "0c 54 6f 6d 09 00 00 00", None, NAMED),
    (2, "[1, 'hello']", "01 14 68 65 6c 6c 6f", None, POSITIONAL),
    (3, "{Ok: 9}", "00 09", None, POSITIONAL),
    (5, "['foo','bar','baz']", "0c 0c 66 6f 6f 0c 62 61 72 0c 62 61 7a", None, POSITIONAL),
    (7, "{foo:1, bar:'baz'}", "01 0c 62 61 7a", None, POSITIONAL),
    # 6.4 Options and enums
    ("Option<u32>", "null", "00", None, ""),
    ("Option<u32>", "undefined", "00", "null", ""),
    ("Option<u32>", "5", "01 05 00 00 00", None, ""),
    ("Option<bool>", "true", "01 01", None, ""),
    ("Option<Option<u8>>", "7", "01 01 07", None, ""),
    ("Option<Option<u8>>", "null", "00", None, ""),
    ("Vec<Option<u8>>", "[1, null, 3]", "0c 01 01 00 01 03", None, ""),
    (ENUM, "{A: null}", "00", None, ""),
    (ENUM, "{B: 5}", "01 05 00", None, ""),
    (ENUM, "{C: null}", "09", None, ""),
    (ENUM, "{D: 'x'}", "14 04 78", None, ""),
    (ENUM, "{x: 1, B: 5}", "01 05 00", "{B: 5}", ""),
    # 6.5 Generics
    ("Pair<u8,Vec<str>>", "{l:1, r:['a','b']}", "01 08 04 61 04 62", None, "Pair<A,B> = { l: A, r: B }"),
    ("Rec<u16>", "{t:'a', f:{Ok:null}, b:{n:7}}", "01 04 61 00 07 00", "{t:'a', f:{Ok:[]}, b:{n:7}, z:{}}", GENERIC),
    ("Rec<str>", "{f:{Err:'x'}, b:{n:'y'}}", "00 01 04 78 04 79", "{t:null, f:{Err:'x'}, b:{n:'y'}, z:{}}", GENERIC),
    # The generic record of the original's examples (wapojs-api.md 5.8)
    ("Rec<u32>", "{t:'U32 name', f:{Ok:null}, b:{n:123}}", "0120553332206e616d65007b000000",
     "{t:'U32 name', f:{Ok:[]}, b:{n:123}, z:{}}", GENERIC),
    ("Rec<str>", "{t:'str name', f:{Err:'Bug me'}, b:{n:'Tom'}, z:{}}",
     "0120737472206e616d650118427567206d650c546f6d", None, GENERIC),
    ("Rec<str>", "{f:{Err:'Bug me'}, b:{n:'Tom'}}", "000118427567206d650c546f6d",
     "{t:null, f:{Err:'Bug me'}, b:{n:'Tom'}, z:{}}", GENERIC),
    # 4.1: what else is an integer
    ("u8", "true", "01", "1", ""),
    ("u8", "255n", "ff", "255", ""),
    ("u8", "NaN", "00", "0", ""),
    ("u16", "-Infinity", "00 00", "0", ""),
    ("u16", "-0.9", "00 00", "0", ""),
    ("i32", "-2147483648.5", "00 00 00 80", "-2147483648", ""),
    ("u32", "2147483647", "ff ff ff 7f", None, ""),
    ("u32", "2147483648n", "00 00 00 80", None, ""),
    ("u64", "2147483647", "ff ff ff 7f 00 00 00 00", None, ""),
    ("u64", "2147483648", "00 00 00 80 00 00 00 00", "2147483648n", ""),
    ("u64", "2**63", "00" * 7 + "80", "2n**63n", ""),
    ("u64", f"{2**64 - 1}n", "ff" * 8, None, ""),
    ("u64", "-0", "00" * 8, "0", ""),
    ("i64", "-1.5", "ff" * 8, "-1", ""),
    ("i64", "2n**64n - 1n", "ff" * 8, "-1", ""),
    ("i64", "-2147483649", "ff ff ff 7f ff ff ff ff", "-2147483649n", ""),
    ("i64", "-(2n**63n)", "00" * 7 + "80", None, ""),
    ("i64", "2n**63n - 1n", "ff" * 7 + "7f", None, ""),
    ("u128", f"{BIG}n", "ff" * 16, None, ""),
    ("u128", "2n**64n", "00" * 8 + "01" + "00" * 7, None, ""),
    ("u128", "2**64", "00" * 8 + "01" + "00" * 7, "2n**64n", ""),
    ("u128", "2n**127n", "00" * 15 + "80", None, ""),
    ("i128", "-1", "ff" * 16, "-1n", ""),
    ("i128", "-(2n**127n)", "00" * 15 + "80", None, ""),
    ("i128", "2n**127n - 1n", "ff" * 15 + "7f", None, ""),
    ("i128", "-(2n**64n)", "00" * 8 + "ff" * 8, None, ""),
    ("i128", "2n**63n", "00" * 7 + "80" + "00" * 8, None, ""),
    # 4.3: compact integers decode as their type does
    ("@u8", "255", "fd 03", None, ""),
    ("@u32", "4294967295", "03 ff ff ff ff", "4294967295n", ""),
    ("@u64", "2147483648n", "03 00 00 00 80", None, ""),
    ("@Age", "7", "1c", None, "Age=Years Years=u32"),
    ("W<u16>", "7", "1c", None, "W<T>=@T"),
    # 4.4, 4.5: sequences of anything that has a length
    ("[u16]", "Uint16Array.of(1, 2)", "08 01 00 02 00", "[1, 2]", ""),
    ("[u16]", "{length: 2, 0: 1, 1: 2}", "08 01 00 02 00", "[1, 2]", ""),
    ("[str]", "'aé'", "08 04 61 08 c3 a9", "['a', 'é']", ""),
    ("[u8]", "new (class extends Uint8Array {})([1, 2])", "08 01 02", "u8(1, 2)", ""),
    ("[Byte]", "'0x01'", "04 01", "u8(1)", "Byte=u8"),
    ("Bytes<u8>", "'0x01'", "04 01", "u8(1)", "Bytes<T>=[T]"),
    ("[u8;2]", "'0x0102'", "01 02", "u8(1, 2)", ""),
    ("[u8;2]", "'hi'", "68 69", "u8(104, 105)", ""),
    ("[u8;0]", "[]", "", "u8()", ""),
    ("[u16;0]", "[]", "", "[]", ""),
    ("[()]", "[1, 2]", "08", "[[], []]", ""),
    ("str", "'\\ud800'", "0c ef bf bd", "'\\ufffd'", ""),
    ("str", "''", "00", None, ""),
    # 4.6, 4.7
    ("(u8,Option<u8>)", "[1]", "01 00", "[1, null]", ""),
    ("{a:Option<u8>}", "5", "00", "{a: null}", ""),
    ("{a:u8}", "Object.create({a: 3, b: 4})", "03", "{a: 3}", ""),
    ("<A:{x:u8}>", "{A: {x: 1}}", "00 01", None, ""),
    ("<A:(u8,u16)>", "{A: [1, 2]}", "00 01 02 00", None, ""),
    ("<A,B>", "{B: undefined, A: null}", "01", "{B: null}", ""),
    ("Maybe", "3", "07 03", None, "Maybe=<_None::0|_Some:u8:7>"),
    ("<_None::1|_Some:u8>", "{_Some: 1}", "01 01", None, ""),
    ("<A::1,B>", "{A: null}", "01", "{B: null}", ""),
    ("Result<u8,str>", "{Err: 'no'}", "01 08 6e 6f", None, ""),
    ("{__proto__:u8}", "JSON.parse('{\"__proto__\": 5}')", "05", None, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "value", "data", "decoded", "types"), EXAMPLES, ids=[f"{e[0]} {e[1]}"[:60] for e in EXAMPLES]
)
async def test_a_value_is_these_bytes_and_comes_back(
    js: Evaluator, type_: str | int, value: str, data: str, decoded: str | None, types: str
) -> None:
    given = type_ if isinstance(type_, int) else repr(type_)
    encoded, back, wanted = await js(
        f"const type = {given}, types = '{types}', bytes = S.encode(({value}), type, types);"
        f"[bytes, S.decode(bytes, type, types), ({decoded or value})]"
    )
    assert encoded == bytes.fromhex(data)
    assert back == wanted
    assert not isinstance(back, dict) or list(back) == list(wanted)


REFUSED = [
    ("u8", "256", "expect u8, got number"),
    ("u8", "-1", "expect u8, got number"),
    ("u8", "'1'", "expect u8, got string"),
    ("u8", "256n", "expect u8, got bigint"),
    ("u8", "2n**64n + 1n", "expect u8, got bigint"),
    ("u8", "null", "expect u8, got null"),
    ("u8", "undefined", "expect u8, got undefined"),
    ("u8", "new Map()", "expect u8, got Map"),
    ("u8", "Symbol()", "expect u8, got symbol"),
    ("i8", "128", "expect i8, got number"),
    ("u32", "4294967296", "expect u32, got number"),
    ("u32", "1e300", "expect u32, got number"),
    ("i32", "2n**70n", "expect i32, got bigint"),
    ("u64", "1.5", "expect u64, got number"),
    ("u64", "-1", "expect u64, got number"),
    ("u64", "1e21", "expect u64, got number"),
    ("u64", "2**64", "expect u64, got number"),
    ("u64", "2n**64n", "expect u64, got bigint"),
    ("u64", "NaN", "expect u64, got number"),
    ("u128", "-1n", "expect u128, got bigint"),
    ("u128", "2n**128n", "expect u128, got bigint"),
    ("u128", "-(2n**200n)", "expect u128, got bigint"),
    ("i128", "2n**127n", "expect i128, got bigint"),
    ("i128", "-(2n**127n) - 1n", "expect i128, got bigint"),
    ("i64", "'1'", "expect i64, got string"),
    ("@u8", "256", "expect u8, got number"),
    ("@i8", "1", "a number or () for compact"),
    ("@str", "1", "a number or () for compact"),
    ("bool", "1", "expect bool, got number"),
    ("str", "1", "expect string, got number"),
    ("str", "new String('x')", "expect string, got object"),
    ("[u8]", "'0x123'", "expect hex digits, got an odd number of them"),
    ("[u8]", "'0x1g'", "expect hex digits after 0x"),
    ("[u8]", "[1, 256]", "expect u8, got number (at [1])"),
    ("[u8]", "new ArrayBuffer(2)", "expect Array, got ArrayBuffer"),
    ("[u16]", "new Set([1])", "expect Array, got Set"),
    ("[u16]", "null", "expect Array, got null"),
    ("[u16]", "{length: -1}", "expect u32, got number"),
    ("[u16]", "{length: '1', 0: 1}", "expect Array, got object"),
    ("[u8;2]", "u8(1)", "expected array of length 2, got 1"),
    ("[u8;2]", "'0x010203'", "expected array of length 2, got 3"),
    ("[u16;2]", "[1]", "expected array of length 2, got 1"),
    ("(u8,u8)", "[1]", "expect u8, got undefined (at [1])"),
    ("(u8,u8)", "null", "expect Array, got null"),
    ("{a:Option<u8>}", "undefined", "expect Object, got undefined"),
    ("{a:[{b:u8}]}", "{a: [{b: 1}, {}]}", "expect u8, got undefined (at a[1].b)"),
    (ENUM, "'A'", "expect enum with any variant of A, B, C, D"),
    (ENUM, "{x: 1}", "expect enum with any variant of A, B, C, D"),
    (ENUM, "null", "expect enum with any variant of A, B, C, D"),
    (ENUM, "{B: 'x'}", "expect u16, got string (at B)"),
    ("<A::256>", "{A: null}", "variant index 256 is too large"),
    ("<_None|_Some:u8:256>", "1", "variant index 256 is too large"),
]


@pytest.mark.parametrize(("type_", "value", "text"), REFUSED, ids=[f"{e[0]} {e[1]}"[:60] for e in REFUSED])
async def test_a_value_that_is_none_of_its_type_is_refused(js: Evaluator, type_: str, value: str, text: str) -> None:
    assert await js.error(f"S.encode(({value}), '{type_}')") == f"Error: {text}"


MALFORMED = [
    ("u8", "", "unexpected end of buffer"),
    ("u32", "010203", "unexpected end of buffer"),
    ("u128", "01", "unexpected end of buffer"),
    ("bool", "02", "expect bool, got byte 2"),
    ("str", "08c328", "failed to decode string: it is not valid UTF-8"),
    ("str", "08c3", "failed to decode string: unexpected end of buffer"),
    ("[u8]", "0c0102", "failed to decode sequence: unexpected end of buffer"),
    ("[u8;3]", "0102", "failed to decode sequence: unexpected end of buffer"),
    ("[u8]", "", "failed to decode sequence length: unexpected end of buffer"),
    ("[u16]", "02", "failed to decode sequence length: unexpected end of buffer"),
    ("[u16]", "080100", "unexpected end of buffer (at [1])"),
    ("[u8]", "03ffffffff", "failed to decode sequence: unexpected end of buffer"),
    ("[u16]", "0700000000ff", "the compact number is out of range of u32"),
    ("@u32", "0100", "the compact number is not in its shortest form"),
    ("@u32", "02000000", "the compact number is not in its shortest form"),
    ("@u32", "0300000000", "the compact number is not in its shortest form"),
    ("@u64", "0700000000 00", "the compact number is not in its shortest form"),
    ("@u8", "0104", "the compact number is out of range of u8"),
    ("@u128", "37" + "ff" * 17, "the compact number is out of range of u128"),
    ("@u128", "ff" * 80, "the compact number is out of range of u128"),
    (ENUM, "", "failed to decode enum tag: unexpected end of buffer"),
    (ENUM, "02", "unknown variant 2"),
    (ENUM, "01ff", "unexpected end of buffer (at B)"),
    ("Option<u8>", "02", "unexpected variant index 2 for Option<T>"),
    ("{a:(u8,[bool;2])}", "010102", "expect bool, got byte 2 (at a[1][1])"),
]


@pytest.mark.parametrize(("type_", "data", "text"), MALFORMED, ids=[f"{e[0]} {e[1]}"[:60] for e in MALFORMED])
async def test_bytes_that_are_no_value_are_refused(js: Evaluator, type_: str, data: str, text: str) -> None:
    assert await js.error(f"S.decode(Uint8Array.fromHex('{data.replace(' ', '')}'), '{type_}')") == f"Error: {text}"


async def test_only_a_uint8array_is_decoded(js: Evaluator) -> None:
    for value, name in {
        "new ArrayBuffer(1)": "ArrayBuffer", "'0x01'": "string", "[1]": "object", "Uint8ClampedArray.of(1)": "Uint8ClampedArray",
    }.items():  # fmt: skip
        assert await js.error(f"S.decode({value}, 'u8')") == f"Error: expect Uint8Array, got {name}"
    assert await js("S.decode(new Uint8Array([9, 1, 2]).subarray(1), 'u8')") == 1
    assert (
        await js.error("const b = u8(1); b.buffer.transfer(); S.decode(b, 'u8')")
        == "TypeError: ArrayBuffer is detached or resized"
    )


async def test_bytes_that_are_left_are_ignored(js: Evaluator) -> None:
    assert await js("S.decode(u8(1, 2, 3), 'u8')") == 1


async def test_a_decoded_enum_is_tagged_with_its_variant(js: Evaluator) -> None:
    """Not enumerably: neither JSON nor a copy shows it."""
    assert await js(f"const e = S.decode(u8(1, 5, 0), '{ENUM}'); [`${{e}}`, JSON.stringify(e), Reflect.ownKeys({{...e}}).length]") == [
        "[object B]", '{"B":5}', 1,
    ]  # fmt: skip


async def test_decoding_calls_no_setter(js: Evaluator) -> None:
    assert await js(
        "let called = 0; Object.defineProperty(Object.prototype, 'a', { set() { called++; }, configurable: true });"
        "const v = S.decode(u8(7), '{a:u8}'); [called, Object.hasOwn(v, 'a'), v.a]"
    ) == [0, True, 7]


async def test_an_exception_of_the_value_passes_as_it_is(js: Evaluator) -> None:
    assert await js.error("S.encode([{ get a() { throw new RangeError('mine'); } }], '[{a:u8}]')") == "RangeError: mine"
    assert await js.error("S.encode(new Proxy({}, { ownKeys() { throw 1; } }), '<A>')") == "1"


async def test_a_value_may_call_in_again(js: Evaluator) -> None:
    """A getter that encodes with the same types, and defines new nodes while an outer call is at work."""
    assert await js(
        "const r = S.parseTypes('A={x:u8,y:B} B={z:[C]} C=(u8,u16)');"
        "const v = { get x() { return S.encode({ z: [[1, 2]] }, 'B', r).length; }, y: { get z() { S.appendTypes(r, 'C=u8'); return [[1, 2]]; } } };"
        "S.encode(v, 'A', r)"
    ) == bytes.fromhex("04 04 01 02 00".replace(" ", ""))
