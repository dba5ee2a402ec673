"""Type definitions as text: the grammar, names, numbers and generics (wapojs-scale.md 2 and 3)."""

import pytest

from tests.agents.scale.evaluator import Evaluator

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Definitions; a type, a value and its bytes by them.
UNDERSTOOD = [
    # Separators, blanks, comments
    ("", "u8", "1", "01"),
    (" \n\t// nothing\n", "u8", "1", "01"),
    ("a=u8;b=u16;", "b", "1", "0100"),
    ("a=u8 b=u16", "b", "1", "0100"),
    ("a=u8\r\nb=u16", "b", "1", "0100"),
    ("/// one\na = /* 1 */ u8".replace("/* 1 */", "// two\n"), "a", "1", "01"),
    ("a=u8 // ü is no letter, and may be in a comment", "a", "1", "01"),
    ("a = # u8", "a", "1", "01"),
    ("a={ x : u8 , y : u8 , }", "a", "{x: 1, y: 2}", "0102"),
    ("a=(u8,u8,)", "a", "[1, 2]", "0102"),
    ("a=<A|B,C|>", "a", "{C: 0}", "02"),
    ("a=<>;b=u8", "b", "1", "01"),
    ("_a1=u8", "_a1", "1", "01"),
    # Expressions
    ("", " [ u8 ; 2 ] // two", "[1, 2]", "0102"),
    ("", "Vec<Option<(u8,@u32)>>", "[[1, 2], null]", "0801010800"),
    ("", "<A|B:{x:u8}>", "{B: {x: 3}}", "0103"),
    ("", "#u8", "1", "01"),
    ("", "@u64", "1", "04"),
    ("u8;u16", "1", "1", "0100"),
    ("u8;u16", "(0,1)", "[1, 1]", "010100"),
    ("", "String", "'a'", "0461"),
    ("", "H160", "'0x' + '22'.repeat(20)", "22" * 20),
    # Variants
    ("a=<A,B:,C:u8,D:u8:7,E::9>", "a", "{B: 0}", "01"),
    ("a=<A,B:,C:u8,D:u8:7,E::9>", "a", "{D: 1}", "0701"),
    ("a=<A,B:,C:u8,D:u8:7,E::9>", "a", "{E: 1}", "09"),
    ("u16;a=<A:0>", "a", "{A: 1}", "000100"),
    ("a=<A:u8|B:u16>", "a", "{B: 1}", "010100"),
    # Names and numbers
    ("a=b b=u16 b=u8", "a", "1", "01"),
    ("u8=u16", "u8", "1", "0100"),
    ("u8=u16", "#u8", "1", "01"),
    ("Option<T>=<Some:T>", "Option<u8>", "{Some: 1}", "0001"),
    ("[1];u8", "0", "[1, 2]", "080102"),
    ("a=u8 b=u16", "1", "1", "0100"),
    ("u8 Foo=u16", "1", "1", "0100"),
    # What a reference takes for its arguments, and what it leaves
    ("A=u8 Foo=A <Ok:0,Err:1>", "2", "{Err: 1}", "0101"),
    ("X=u16 Y=X<u8,>", "Y", "1", "0100"),
    ("X=u16 Y=X<u8,>", "2", "{u8: 1}", "00"),
    ("X=u16 Y=X<>", "Y", "1", "0100"),
    ("Foo<>=u8", "Foo", "1", "01"),
    ("Foo<>=u8", "Foo<>", "1", "01"),
    # Generics
    ("P<A,B>={a:A,b:[B]} Q<T>=P<T,P<T,u8>>", "Q<u16>", "{a: 1, b: [{a: 2, b: [3]}]}", "01000402000403"),
    ("P<A>=[A;2]", "P<P<u8>>", "[[1,2],[3,4]]", "01020304"),
    ("S<A,B>=(B,A) R<A,B>=S<B,A>", "R<u8,u16>", "[1, 2]", "01 0200"),
    ("Id<T>=T", "Id<Id<Id<u16>>>", "1", "0100"),
    ("W<u8>=[u8]", "W<u16>", "[1]", "040100"),
    ("{T:u8} G<T>=T;0", "G<{x:u8}>", "{x: 5}", "05"),
    ("N<T>=<Leaf:T|Two:(T,N<T>)>", "N<u8>", "{Two: [1, {Two: [2, {Leaf: 3}]}]}", "0101010200 03"),
    ("X=G<u16> G<T>={a:T}", "0", "{a: 1}", "0100"),
    ("X<T>=[T] Y=0<u16>", "Y", "[1]", "040100"),
    ("X<T>=[T]", "0<u16>", "[1]", "040100"),
    # Recursion, which is looked at as far as a value goes
    ("Tree=Vec<Tree>", "Tree", "[[],[[]]]", "08000400"),
    ("L={v:u8,n:Option<L>}", "L", "{v:1,n:{v:2}}", "01010200"),
    ("G<T>={a:T,b:Option<G<[T]>>}", "G<u8>", "{a:1,b:{a:[2],b:{a:[[3]]}}}", "0101040201 040403 00"),
    # Names that are not reached
    ("a=<A|B:Missing>", "a", "{A: 0}", "00"),
    ("a=Option<Missing>", "a", "null", "00"),
    ("a=[Missing]", "a", "[]", "00"),
    ("a={x:Option<Option<u8,u8>>}", "a", "{}", "00"),
]


@pytest.mark.parametrize(("types", "type_", "value", "data"), UNDERSTOOD, ids=[f"{e[1]} of {e[0]}" for e in UNDERSTOOD])
async def test_definitions_are_understood(js: Evaluator, types: str, type_: str, value: str, data: str) -> None:
    encoded = await js(f"S.encode(({value}), {type_!r}, {types!r})")
    assert encoded == bytes.fromhex(data)


INVALID = [
    (";", "0..1: here->`;`"),
    ("a=u8;;", "5..6: here->`;`"),
    ("a=", "2..2: here->``"),
    ("{a:u8;b:u16}", "5..6: here->`;b:u16}`"),
    ("[u8,32]", "3..4: here->`,32]`"),
    ("(,)", "1..2: here->`,)`"),
    ("Foo<T,>=u8", "7..8: here->`=u8`"),
    ("#u9", "1..3: here->`u9`"),
    ("[u8;007]", "5..6: here->`07]`"),
    ("[u8;4294967296]", "4..14: here->`4294967296]`"),
    ("a=u8 // é\nb=[", "14..14: here->``"),
    ("a=[u8", "5..5: here->``"),
    ("ä=u8", "0..2: here->`ä=u8`"),
    ("a::b=u8", "1..2: here->`::b=u8`"),
    ("a.b", "1..2: here->`.b`"),
    ("/* x */ u8", "0..1: here->`/* x */ u8`"),
    ("a=<A:u8:>", "8..9: here->`>`"),
    ("{a}", "2..3: here->`}`"),
    ("a=\U0001f600", "2..6: here->`\U0001f600`"),
    ("=" + "é" * 20, "0..1: here->`=" + "é" * 14 + "`"),
]


@pytest.mark.parametrize(("types", "text"), INVALID, ids=[e[0] for e in INVALID])
async def test_a_text_that_is_no_definitions_is_refused(js: Evaluator, types: str, text: str) -> None:
    """The positions are in bytes, and the excerpt has at most 30."""
    assert await js.error(f"S.parseTypes({js_text(types)})") == f"Error: invalid syntax at {text}"


@pytest.mark.parametrize("type_", ["", ";", "u8;", "a=u8", "u8 u8", "007", "[u8", "// u8"])
async def test_an_expression_is_one_type(js: Evaluator, type_: str) -> None:
    assert (await js.error(f"S.encode(1, {type_!r}, 'u8')")).startswith("Error: invalid syntax at ")


UNRESOLVED = [
    ("", "Missing", "unknown type Missing"),
    ("a=[Missing]", "a", "unknown type Missing"),
    ("u8", "1", "unknown type id 1"),
    ("", "0", "unknown type id 0"),
    ("a={length:Missing}", "a", "unknown type Missing"),
    ("", "Option", "type Option<T> expected 1 type parameters, got 0"),
    ("", "Option<u8,u8>", "type Option<T> expected 1 type parameters, got 2"),
    ("", "u8<u8>", "type u8 expected 0 type parameters, got 1"),
    ("X<A,B>=u8", "X<u8>", "type X<A,B> expected 2 type parameters, got 1"),
    ("Foo=u16 Foo\n<u8,u8>", "1", "type Foo expected 0 type parameters, got 2"),
    ("X=u8", "X<u8>", "type X expected 0 type parameters, got 1"),
    ("G<T>=[T<u8>]", "G<u16>", "generic type T can not have type arguments"),
    ("A=B B=A", "A", "type A is defined by itself"),
    ("u8=u8", "u8", "type u8 is defined by itself"),
    ("A<T>=A<[T]>", "A<u8>", "type A is defined by itself"),
    ("A=@B B=A", "A", "a number or () for compact"),
    ("W=@T", "W", "unknown type T"),
    ("@{}", "0", "a number or () for compact"),
]


@pytest.mark.parametrize(("types", "type_", "text"), UNRESOLVED, ids=[f"{e[1]} of {e[0]}" for e in UNRESOLVED])
async def test_a_name_that_leads_nowhere_fails_when_it_is_reached(
    js: Evaluator, types: str, type_: str, text: str
) -> None:
    """Not when the text is parsed; and encoding and decoding say the same."""
    await js(f"S.parseTypes({types!r})")
    assert await js.error(f"S.encode([1], {type_!r}, {types!r})") == f"Error: {text}"
    assert await js.error(f"S.decode(u8(4, 1, 1), {type_!r}, {types!r})") == f"Error: {text}"


async def test_a_built_in_err_takes_its_type(js: Evaluator) -> None:
    """The original's table says ``e`` for ``E``."""
    assert await js("S.encode({Err: 1}, 'Result<str,u8>')") == b"\x01\x01"


def js_text(text: str) -> str:
    return "'" + text.replace("\n", "\\n") + "'"
