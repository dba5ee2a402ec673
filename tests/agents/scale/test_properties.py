"""Any type, any value: the same bytes as py-scale-codec's, and the value again from them."""

import functools
import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

from tests.agents.scale.evaluator import BigInt, Evaluator

pytestmark = pytest.mark.asyncio(loop_scope="module")

THEIRS = RuntimeConfigurationObject()
THEIRS.update_type_registry(load_type_registry_preset("core"))
NUMBERS = itertools.count()

BITS = {f"{sign}{bits}": (sign, bits) for sign in "ui" for bits in (8, 16, 32, 64, 128)}


@dataclass(frozen=True)
class Sample:
    """A type in both spellings, and a value of it: as JavaScript, as theirs, and as it is decoded."""

    ours: str
    theirs: str
    literal: str
    value: Any
    decoded: Any


def their_type(kind: str, members: list[tuple[str, str]]) -> str:
    name = f"Type{next(NUMBERS)}"
    THEIRS.update_type_registry({"types": {name: {"type": kind, "type_mapping": [list(m) for m in members]}}})
    return name


@functools.cache
def alias(theirs: str) -> str:
    """A name for a type: their parser of type texts does not know brackets within brackets."""
    if theirs.isalnum():
        return theirs
    name = f"Type{next(NUMBERS)}"
    THEIRS.update_type_registry({"types": {name: theirs}})
    return name


def integer(name: str, value: int) -> tuple[str, Any]:
    """The literal and what is decoded: a number as far as 31 bits go, but never for 128."""
    small = -(2**31) <= value < 2**31
    return f"{value}" if small else f"{value}n", value if small and "128" not in name else BigInt(value)


# A strategy of types is one of functions that draw a sample, so that elements of a sequence are of one type.


@st.composite
def integers(draw: Any) -> Any:
    name = draw(st.sampled_from(sorted(BITS)))
    sign, bits = BITS[name]
    compact = sign == "u" and draw(st.booleans())
    low, high = (0, 2**bits - 1) if sign == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    edges = [v + d for e in range(0, bits + 1, 2) for v in (2**e, -(2**e)) for d in (-1, 0, 1) if low <= v + d <= high]
    values = st.integers(low, high) | st.sampled_from(edges)

    def sample(draw: Any) -> Sample:
        value = draw(values)
        literal, decoded = integer(name, value)
        return Sample(f"@{name}" if compact else name, f"Compact<{name}>" if compact else name, literal, value, decoded)

    return sample


def of_bool(draw: Any) -> Sample:
    value = draw(st.booleans())
    return Sample("bool", "bool", json.dumps(value), value, value)


def of_text(draw: Any) -> Sample:
    value = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=70))
    return Sample("str", "String", json.dumps(value), value, value)


def of_bytes(draw: Any) -> Sample:
    value = draw(st.binary(max_size=70))
    literal = f"Uint8Array.fromHex('{value.hex()}')"
    return Sample("[u8]", "Bytes", literal, f"0x{value.hex()}", value)


@st.composite
def sequences(draw: Any, element: Any) -> Any:
    of, length = draw(element), draw(st.none() | st.integers(1, 3))

    def sample(draw: Any) -> Sample:
        count = draw(st.integers(0, 3)) if length is None else length
        items = [of(draw) for _ in range(count)]
        one = items[0] if items else of(draw)
        literal, value = f"[{','.join(i.literal for i in items)}]", [i.value for i in items]
        decoded = bytes(i.value for i in items) if one.ours == "u8" else [i.decoded for i in items]
        if length is None:
            return Sample(f"Vec<{one.ours}>", f"Vec<{alias(one.theirs)}>", literal, value, decoded)
        return Sample(f"[{one.ours};{length}]", f"[{alias(one.theirs)}; {length}]", literal, value, decoded)

    return sample


@st.composite
def options(draw: Any, element: Any) -> Any:
    """Not of another option: ``Some(None)`` has no value in JavaScript."""
    of = draw(element)

    def sample(draw: Any) -> Sample:
        some = of(draw)
        if some.ours.startswith("Option"):
            return some
        if draw(st.booleans()):
            return Sample(
                f"Option<{some.ours}>", f"Option<{alias(some.theirs)}>", some.literal, some.value, some.decoded
            )
        return Sample(f"Option<{some.ours}>", f"Option<{alias(some.theirs)}>", "null", None, None)

    return sample


@st.composite
def products(draw: Any, element: Any) -> Any:
    """Tuples and structs. A struct's type gets its name once: it is the same for all elements of a sequence."""
    of, is_tuple = draw(st.lists(element, min_size=2, max_size=3)), draw(st.booleans())
    names = ["a", "b_1", "Cc"][: len(of)]
    known: list[str] = []

    def sample(draw: Any) -> Sample:
        parts = [one(draw) for one in of]
        if is_tuple:
            return Sample(
                f"({','.join(p.ours for p in parts)})", f"({', '.join(alias(p.theirs) for p in parts)})",
                f"[{','.join(p.literal for p in parts)}]", tuple(p.value for p in parts), [p.decoded for p in parts],
            )  # fmt: skip
        if not known:
            known.append(their_type("struct", [(n, alias(p.theirs)) for n, p in zip(names, parts, strict=True)]))
        fields = list(zip(names, parts, strict=True))
        return Sample(
            f"{{{','.join(f'{n}:{p.ours}' for n, p in fields)}}}", known[0],
            f"({{{','.join(f'{n}:{p.literal}' for n, p in fields)}}})", {n: p.value for n, p in fields},
            {n: p.decoded for n, p in fields},
        )  # fmt: skip

    return sample


@st.composite
def enums(draw: Any, element: Any) -> Any:
    of = draw(st.lists(st.none() | element, min_size=1, max_size=3))
    known: list[str] = []

    def sample(draw: Any) -> Sample:
        parts = [one and one(draw) for one in of]
        names = ["A", "Bb", "C_3"][: len(of)]
        if not known:
            known.append(
                their_type("enum", [(n, alias(p.theirs) if p else "Null") for n, p in zip(names, parts, strict=True)])
            )
        chosen = draw(st.integers(0, len(of) - 1))
        name, part = names[chosen], parts[chosen]
        return Sample(
            f"<{'|'.join(n + (f':{p.ours}' if p else '') for n, p in zip(names, parts, strict=True))}>", known[0],
            f"({{{name}:{part.literal if part else 'null'}}})", {name: part.value if part else None},
            {name: part.decoded if part else None},
        )  # fmt: skip

    return sample


LEAVES = integers() | st.sampled_from([of_bool, of_text, of_bytes])
TYPES = st.recursive(
    LEAVES, lambda t: sequences(t) | options(t) | products(t) | enums(t), max_leaves=8
)  # fmt: skip
SAMPLES = TYPES.flatmap(lambda of: st.composite(lambda draw: of(draw))())


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SAMPLES, min_size=1, max_size=8))
async def test_bytes_are_the_other_implementation_s_and_values_come_back(js: Evaluator, samples: list[Sample]) -> None:
    theirs = [bytes(THEIRS.create_scale_object(alias(s.theirs)).encode(s.value).data) for s in samples]
    cases = ",".join(
        f"[{json.dumps(s.ours)},{s.literal},'{data.hex()}']" for s, data in zip(samples, theirs, strict=True)
    )
    encoded = await js(f"[{cases}].map(([type, value]) => S.encode(value, type))")
    assert encoded == theirs
    decoded = await js(f"[{cases}].map(([type, value, hex]) => S.decode(Uint8Array.fromHex(hex), type))")
    assert decoded == [s.decoded for s in samples]
    # All at once, with types that are defined one for all.
    types = json.dumps(" ".join(f"T{i}={s.ours};" for i, s in enumerate(samples)))
    list_ = json.dumps([f"T{i}" for i in range(len(samples))])
    literals = ",".join(s.literal for s in samples)
    together = await js(f"const b = S.encodeAll([{literals}], {list_}, {types}); [b, S.decodeAll(b, {list_}, {types})]")
    assert together == [b"".join(theirs), decoded]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(SAMPLES, st.binary(max_size=40))
async def test_any_bytes_decode_as_theirs_or_fail(js: Evaluator, sample: Sample, data: bytes) -> None:
    """What is decoded encodes to the bytes that were used; no other implementation reads them otherwise."""
    used, error = await js.attempt(
        f"S.encode(S.decode(Uint8Array.fromHex('{data.hex()}'), '{sample.ours}'), '{sample.ours}')"
    )
    if error is not None:
        assert error.startswith("Error: ")
        return
    assert data.startswith(used)
    other = THEIRS.create_scale_object(alias(sample.theirs), data=ScaleBytes(bytearray(used)))
    other.decode()
    assert other.data.offset == len(used)


@settings(deadline=None, max_examples=100)
@given(st.text(st.sampled_from("ab u8T0127<>(){}[];:,|=@#/\né.str"), max_size=40))
async def test_any_text_is_definitions_or_an_error(js: Evaluator, text: str) -> None:
    """Nothing else is thrown, and what comes of a text does not depend on its having been parsed before."""
    literal = json.dumps(text)
    attempts = (f"S.parseTypes({literal})", f"S.encode([], '()', {literal})", f"S.encode([], '()', {literal})")
    errors = {(await js.attempt(f"{attempt}; 0"))[1] for attempt in attempts}
    assert len(errors) == 1
    assert errors == {None} or errors.pop().startswith("Error: invalid syntax at ")


#: What a contract's call answers with, as the original's example has it (wapojs-api.md 5.8): generics, comments,
#: compact weights, and an error whose bytes are of a second type.
CONTRACT_TYPES = """
// Of the runtime
Weight = { ref_time: @u64, proof_size: @u64 }
Deposit<B> = <Refund: B | Charge: B> /// either way
ModuleError = { index: u8, error: [u8;4] };
DispatchError = <Other, CannotLookup, BadOrigin, Module: ModuleError>
Returned = { flags: u32, data: Vec<u8> }
ContractResult<R, B> = {
  gas_consumed: Weight, gas_required: Weight, storage_deposit: Deposit<B>, debug_message: Vec<u8>,
  result: Result<R, DispatchError>, // the built-in one
}
ContractError = <A0,A1,A2,A3,A4,A5,A6,A7,A8,A9,A10,A11,A12,A13,A14,A15,A16,A17,A18,A19,A20,StorageDepositNotEnoughFunds>
"""


@pytest.mark.parametrize(
    "result",
    [{"Ok": {"flags": 0, "data": "0x0000"}}, {"Err": {"Module": {"index": 4, "error": "0x15000000"}}}, {"Err": {"BadOrigin": None}}],
)  # fmt: skip
async def test_the_result_of_a_contract_is_read(js: Evaluator, result: dict[str, Any]) -> None:
    weight = their_type("struct", [("ref_time", "Compact<u64>"), ("proof_size", "Compact<u64>")])
    module = their_type("struct", [("index", "u8"), ("error", "[u8; 4]")])
    error = their_type("enum", [("Other", "Null"), ("CannotLookup", "Null"), ("BadOrigin", "Null"), ("Module", module)])
    returned = their_type("struct", [("flags", "u32"), ("data", "Bytes")])
    whole = their_type("struct", [
        ("gas_consumed", weight), ("gas_required", weight),
        ("storage_deposit", their_type("enum", [("Refund", "u128"), ("Charge", "u128")])), ("debug_message", "Bytes"),
        ("result", their_type("enum", [("Ok", returned), ("Err", error)])),
    ])  # fmt: skip
    weights = {"ref_time": 3896612752, "proof_size": 262144}
    data = THEIRS.create_scale_object(whole).encode({
        "gas_consumed": weights, "gas_required": weights, "storage_deposit": {"Charge": 10**13}, "debug_message": "0x",
        "result": result,
    })  # fmt: skip
    answer = await js(
        f"const r = S.parseTypes({json.dumps(CONTRACT_TYPES)});"
        f"S.decode(Uint8Array.fromHex('{bytes(data.data).hex()}'), 'ContractResult<Returned,u128>', r)"
    )
    read = {"ref_time": BigInt(3896612752), "proof_size": 262144}
    assert answer == {
        "gas_consumed": read, "gas_required": read, "storage_deposit": {"Charge": BigInt(10**13)}, "debug_message": b"",
        "result": as_decoded(result),
    }  # fmt: skip
    assert await js(f"S.decode(u8(0x15, 0, 0, 0), 'ContractError', {json.dumps(CONTRACT_TYPES)})") == {
        "StorageDepositNotEnoughFunds": None
    }


def as_decoded(value: Any) -> Any:
    """The same with bytes for hex."""
    if isinstance(value, dict):
        return {key: as_decoded(item) for key, item in value.items()}
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value
