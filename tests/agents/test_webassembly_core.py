"""The interpreter of WebAssembly in JavaScript against wasmtime: the same modules, the same results, the same refusals."""

import json
import random
import struct
from typing import Any

import pytest
import wasmtime

from tests.agents.wasm_programs import Program, engine
from tests.agents.webassembly import literal, run
from wapo.agents.profile import JavaScriptProfile

INTEGERS = (
    "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor"
)
INTEGERS += " shl shr_s shr_u rotl rotr extend8_s extend16_s"
REALS = "eq ne lt gt le ge abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"
UNARY = {
    "eqz",
    "clz",
    "ctz",
    "popcnt",
    "extend8_s",
    "extend16_s",
    "extend32_s",
    "abs",
    "neg",
    "ceil",
    "floor",
    "trunc",
    "nearest",
    "sqrt",
}
TESTS = {"eqz", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u", "lt", "gt", "le", "ge"}
CONVERSIONS = """
i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u
i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s
f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32
i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64 i32.trunc_sat_f32_s i32.trunc_sat_f32_u
i32.trunc_sat_f64_s i32.trunc_sat_f64_u i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u
"""
VALUES = {
    "i32": [0, 1, 2, 7, 31, 32, 33, 0x7F, 0x80, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF, 0x12345678],
    "i64": [0, 1, 3, 63, 64, 0x80, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, 1 << 63,
            (1 << 64) - 1, 0x123456789ABCDEF0],
    "f32": [struct.unpack("<I", struct.pack("<f", x))[0] for x in
            (0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e10, -1e10, 2147483520.0, -2147483648.0, 4294967040.0, 1e-40, 3.4e38,
             9.2233715e18, -9.223372e18, 1.8446743e19, float("inf"), float("-inf"))] + [0x7FC00000, 0xFFC00001],
    "f64": [struct.unpack("<Q", struct.pack("<d", x))[0] for x in
            (0.0, -0.0, 0.5, -0.5, -0.99, 1.5, 2.5, 2147483647.9, -2147483648.9, -2147483649.0, 4294967295.9, 4294967296.0,
             9.223372036854775e18, -9.223372036854775808e18, 1.8446744073709550e19, 1e300, 5e-324,
             float("inf"), float("-inf"))] + [0x7FF8000000000000, 0xFFF8000000000001],
}  # fmt: skip


def operations() -> list[tuple[str, list[str], str]]:
    """Every numeric instruction: its name, the types of its operands, of its result."""
    found = []
    for type_, names in (("i32", INTEGERS), ("i64", INTEGERS + " extend32_s"), ("f32", REALS), ("f64", REALS)):
        for name in names.split():
            found.append((f"{type_}.{name}", [type_] * (1 if name in UNARY else 2), "i32" if name in TESTS else type_))
    for name in CONVERSIONS.split():
        operand = name.replace("_sat", "").split("_")[1]
        found.append((name, [operand], name.split(".")[0]))
    return found


def as_integer(type_: str, expression: str, back: bool = False) -> str:
    """Floats go in and out as their bits, so that nothing between changes a NaN."""
    if type_[0] == "i":
        return expression
    integer = type_.replace("f", "i")
    return f"({integer}.reinterpret_{type_} {expression})" if back else f"({type_}.reinterpret_{integer} {expression})"


def numeric_module() -> str:
    functions = []
    for name, operands, result in operations():
        integers = [o.replace("f", "i") for o in operands]
        params = " ".join(f"(param {i})" for i in integers)
        gets = " ".join(as_integer(o, f"(local.get {k})") for k, o in enumerate(operands))
        functions.append(
            f'(func (export "{name}") {params} (result {result.replace("f", "i")})'
            f" {as_integer(result, f'({name} {gets})', back=True)})"
        )
    return f"(module {' '.join(functions)})"


def same_up_to_nan(result: str, mine: int, theirs: int) -> bool:
    if result == "f32":
        x, y = (struct.unpack("<f", struct.pack("<I", v & 0xFFFFFFFF))[0] for v in (mine, theirs))
    elif result == "f64":
        x, y = (struct.unpack("<d", struct.pack("<Q", v & (1 << 64) - 1))[0] for v in (mine, theirs))
    else:
        return mine == theirs
    return mine == theirs or (x != x and y != y)


def test_every_numeric_instruction(profile: JavaScriptProfile) -> None:
    module = wasmtime.wat2wasm(numeric_module())
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, module), []).exports(store)
    generator = random.Random(1)
    calls = []
    for name, operands, result in operations():
        sets = [VALUES[o] for o in operands]
        pairs = [[x] for x in sets[0]] if len(sets) == 1 else [[x, y] for x in sets[0] for y in sets[1]]
        if len(pairs) > 120:
            pairs = generator.sample(pairs, 120)
        calls += [(name, operands, result, pair) for pair in pairs]
    source = f"""
      const exports = new WebAssembly.Instance(new WebAssembly.Module({literal(module)})).exports;
      const results = [];
      for (const [name, ...given] of {
        [[n, *(str(x) + ("n" if o[1:] == "64" else "") for x, o in zip(v, os, strict=True))] for n, os, _, v in calls]
    }) {{
        const values = given.map((text) => (text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text)));
        try {{ results.push(String(exports[name](...values))); }} catch (error) {{ results.push(error.name); }}
      }}
      scriptOutput = JSON.stringify(results);
    """
    wrong = []
    for (name, operands, result, values), mine in zip(calls, run(profile, source), strict=True):
        signed = [
            v - (1 << b) if v >> (b - 1) else v for v, b in zip(values, (int(o[1:]) for o in operands), strict=True)
        ]
        try:
            theirs: Any = exports[name](store, *signed)  # type: ignore[operator]
        except wasmtime.Trap:
            theirs = "RuntimeError"
        if mine == "RuntimeError" or theirs == "RuntimeError":
            good = mine == theirs
        else:
            good = same_up_to_nan(result, int(mine), theirs)
        if not good:
            wrong.append((name, values, mine, theirs))
    assert not wrong


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_do_the_same(profile: JavaScriptProfile, seed: int) -> None:
    """Nested blocks, branches with values, tables of branches, locals read before they are written, calls, exceptions."""
    programs = [Program(random.Random(seed * 1000 + n)) for n in range(40)]
    expected = [program.expected() for program in programs]
    source = f"""
      const results = [], view = new DataView(new ArrayBuffer(8));
      const text = (value, type) => {{
        if (type[0] === 'i') return String(value);
        view.setFloat64(0, value);
        return Number.isNaN(value) ? 'NaN' : view.getBigUint64(0).toString(16).padStart(16, '0');
      }};
      for (const [bytes, calls, types] of [{",".join(p.for_javascript() for p in programs)}]) {{
        const {{ exports }} = new WebAssembly.Instance(new WebAssembly.Module(bytes));
        for (const values of calls) {{
          try {{
            const result = exports.main(...values);
            results.push(types.map((type, k) => text(types.length === 1 ? result : result[k], type)).join());
          }} catch (error) {{
            results.push(error.name);
          }}
          results.push(String(exports.state.value));
        }}
      }}
      scriptOutput = JSON.stringify(results);
    """
    mine = run(profile, source)
    theirs = [text for results in expected for text in results]
    assert mine == theirs, next(n for n, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)


def test_the_same_modules_are_valid(profile: JavaScriptProfile) -> None:
    """Modules with a few bytes changed: most are wrong in one place, somewhere deep inside."""
    generator = random.Random(7)
    modules = []
    for n in range(60):
        original = Program(random.Random(n)).bytes
        for _ in range(25):
            changed = bytearray(original)
            for _ in range(generator.choice((1, 1, 1, 2))):
                at = generator.randrange(8, len(changed))
                changed[at] = generator.choice((generator.randrange(256), changed[at] ^ 1, (changed[at] + 1) & 255))
            modules.append(bytes(changed))
    expected = []
    for module in modules:
        try:
            wasmtime.Module.validate(engine(), module)
            expected.append(True)
        except wasmtime.WasmtimeError:
            expected.append(False)
    source = f"scriptOutput = JSON.stringify([{','.join(map(literal, modules))}].map((m) => WebAssembly.validate(m)))"
    found = run(profile, source)
    assert [modules[k].hex() for k, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b] == []
    assert 50 < sum(expected) < len(expected) - 50


def test_text_is_assembled_as_wasmtime_does(profile: JavaScriptProfile) -> None:
    """``WebAssembly.parseWat``: the same code for every instruction, for random programs, for what a module may have."""
    texts = [numeric_module(), *(Program(random.Random(n)).text for n in range(30)), *TEXTS]
    found = run(
        profile, f"scriptOutput = JSON.stringify({json.dumps(texts)}.map((t) => WebAssembly.parseWat(t).toHex()))"
    )
    for text, mine in zip(texts, found, strict=True):
        assert sections(bytes.fromhex(mine)) == sections(bytes(wasmtime.wat2wasm(text)))


def sections(module: bytes) -> list[tuple[int, bytes]]:
    """A module's sections, but for custom ones."""
    found, at = [], 8
    while at < len(module):
        number, length, shift = module[at], 0, 0
        while True:
            at += 1
            length |= (module[at] & 0x7F) << shift
            shift += 7
            if module[at] < 0x80:
                break
        if number:
            found.append((number, module[at + 1 : at + 1 + length]))
        at += 1 + length
    return found


TEXTS = [
    "(module)",
    """(module (type $a (func)) (type (func (param i32 i64) (result f32 f64))) (import "a" "b" (func $f (type $a)))
      (import "a" "m" (memory 1 2)) (func (import "a" "c") (param i32)) (global $g (import "a" "g") (mut externref))
      (import "a" "t" (table $t 1 externref)) (start $f) (export "x" (memory 0)) (export "y" (global $g)) (export "z" (table $t)))""",
    """(module (table $a 4 funcref) (table $b 2 8 externref) (func $f) (func $g)
      (elem (i32.const 0) $f $g) (elem (table $a) (offset (i32.const 2)) func $f) (elem func $g $f) (elem declare func $f)
      (elem (table $b) (i32.const 0) externref (ref.null extern)) (elem funcref (ref.func $f) (item ref.null func))
      (elem (i32.const 1) funcref (ref.func $g)) (elem declare funcref (ref.func $g)))""",
    """(module (memory 1) (data (i32.const 0) "a" "b\\ff") (data $p "c") (global i32 (i32.add (i32.const 1) (i32.const 2)))
      (func (param $p i32) (result i32) (local i32 i32 f64) (memory.init $p (i32.const 0) (i32.const 0) (i32.const 1))
        (data.drop $p) (memory.copy (i32.const 0) (i32.const 0) (i32.const 1)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))
        (block $l (block $m (br_table $l $m 0 $l (local.get $p)))) (i64.store offset=70000 align=2 (i32.const 0) (i64.const -1))
        (select (result i32) (i32.const -2147483648) (i32.const 0xffff_ffff) (memory.grow (i32.const 0)))))""",
    """(module (table 1 externref) (table $b 1 externref) (func (param externref) (result i32)
        (table.set (i32.const 0) (table.get $b (i32.const 0))) (table.fill $b (i32.const 0) (local.get 0) (i32.const 1))
        (table.copy 0 $b (i32.const 0) (i32.const 0) (i32.const 1)) (drop (table.grow $b (ref.null extern) (i32.const 1)))
        (ref.is_null (table.get 0 (i32.const 0))) if (result i32) table.size else i32.const 1 end))""",
    """(module (func (f32.const 0x1p-149) (f32.const nan:0x200000) (f32.const -inf) (f64.const 1e308) (f64.const 0x1.fffffffffffffp+1023)
        (f64.const -nan) (f64.const 0x0.8p0) (f64.const 12_3.5_0) (f32.const 3.4028235e38) unreachable)
      (func $r (result i32) (return_call $r)) (type $t (func (result i32))) (table 1 funcref)
      (func (result i32) (return_call_indirect (type $t) (i32.const 0))))""",
]  # fmt: skip
