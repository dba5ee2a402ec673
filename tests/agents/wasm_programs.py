"""Random WebAssembly programs that are valid and end: for comparing one implementation with another."""

import random
import struct
from functools import cache

import wasmtime

from tests.agents.webassembly import literal

_TYPES = ("i32", "i64", "f32", "f64")
_BINARY = {
    "i32": "add sub mul and or xor shl shr_s shr_u rotl rotr eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u div_s div_u rem_s",
    "i64": "add sub mul and or xor shl shr_s shr_u rotl rotr",
    "f32": "add sub mul min max copysign",
    "f64": "add sub mul min max copysign",
}
_TAGS = (["i32"], [], ["i64", "f32"])
_COMPARE = {
    "i64": "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u",
    "f32": "eq ne lt gt le ge",
    "f64": "eq ne lt gt le ge",
}


class Program:
    """A module with functions, a table, a memory and a global ``state``; ``main`` takes and gives several values."""

    def __init__(self, generator: random.Random) -> None:
        self._r = generator
        self._signatures: list[tuple[list[str], list[str]]] = []
        functions = [self._function(n) for n in range(3)]
        self._main_params = self._signatures[-1][0]
        names = " ".join(f"$f{n}" for n in range(len(functions)))
        self.text = f"""(module
          (memory (export "memory") 1 2) (table 4 4 funcref) (elem (i32.const 0) {names})
          (global $state (export "state") (mut i64) (i64.const 1)) (global $fuel (mut i32) (i32.const 0))
          (tag $t0 (param i32)) (tag $t1) (tag $t2 (param i64 f32))
          {" ".join(functions)}
          (func (export "main") {self._list("param", self._main_params)} {self._list("result", self._signatures[-1][1])}
            (global.set $fuel (i32.const 3000)) block try_table (catch_all 0)
            {" ".join(f"local.get {k}" for k in range(len(self._main_params)))} call $f{len(functions) - 1} return end end unreachable))"""
        self.bytes = bytes(wasmtime.wat2wasm(self.text))
        self._calls = [[self._value(t) for t in self._main_params] for _ in range(3)]

    @staticmethod
    def _list(word: str, types: list[str]) -> str:
        return f"({word} {' '.join(types)})" if types else ""

    def _value(self, type_: str) -> int | float:
        if type_[0] == "f":
            return self._r.choice((0.0, -1.5, 2.0, 1e10, 0.25))
        return self._r.choice((0, 1, -1, 2, 255, -128, self._r.randrange(-(2**31), 2**31)))

    def _types(self, most: int) -> list[str]:
        return [self._r.choice(("i32", "i32", "i64", "f32", "f64")) for _ in range(self._r.randrange(most + 1))]

    def _function(self, index: int) -> str:
        params, results = self._types(3), self._types(3)
        self._locals = params + self._types(4) + ["i32", "i64", "f32", "f64"]
        extra = self._locals[len(params) :]
        self._labels: list[list[str]] = [results]
        self._results = results
        self._index = index
        self._budget = 60
        fuel = "(if (i32.le_s (global.get $fuel) (i32.const 0)) (then unreachable))"
        fuel += "(global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))"
        body = f"{fuel} {self._sequence([], results, 4)}"
        self._signatures.append((params, results))
        locals_ = self._list("local", extra)
        return f"(func $f{index} {self._list('param', params)} {self._list('result', results)} {locals_} {body})"

    def _sequence(self, have: list[str], want: list[str], depth: int) -> str:
        """Code that leaves ``want`` where ``have`` was, by way of anything."""
        stack, code = list(have), []
        for _ in range(self._r.randrange(1, 7)):
            if self._budget <= 0:
                break
            self._budget -= 1
            code.append(self._step(stack, depth))
            if code[-1].endswith(";;dead"):
                code[-1] = code[-1][: -len(";;dead")]
                # What follows cannot be reached, and may take anything from the stack.
                return " ".join([*code, *(["i32.add drop"] if self._r.random() < 0.3 else [])])
        while stack[: len(want)] != want[: len(stack)] or len(stack) > len(want):
            code.append("drop")
            stack.pop()
        code += [self._push(t) for t in want[len(stack) :]]
        return " ".join(code)

    def _push(self, type_: str) -> str:
        if self._r.random() < 0.6:
            return f"local.get {self._r.choice([k for k, t in enumerate(self._locals) if t == type_])}"
        return f"{type_}.const {self._value(type_)}"

    def _local(self, type_: str) -> int:
        return self._r.choice([k for k, t in enumerate(self._locals) if t == type_])

    def _arguments(self, stack: list[str], types: list[str]) -> str:
        """Code after which the values of these types are on top: those that are there already are used."""
        for there in range(min(len(types), len(stack)), -1, -1):
            if stack[len(stack) - there :] == types[:there]:
                del stack[len(stack) - there :]
                return " ".join(self._push(t) for t in types[there:])
        raise AssertionError

    def _step(self, stack: list[str], depth: int) -> str:
        r = self._r
        kind = r.choice(
            ("push", "push", "binary", "binary", "set", "tee", "compare", "select", "load", "store", "global", "block", "if",
             "loop", "br_if", "br_if", "br_table", "call", "indirect", "drop", "br", "convert", "return", "eqz", "size", "try",
             "try", "throw")
        )  # fmt: skip
        type_ = r.choice(_TYPES)
        if kind == "push":
            stack.append(type_)
            return self._push(type_)
        if kind == "binary":
            operation = r.choice(_BINARY[type_].split())
            code = self._arguments(stack, [type_, type_])
            stack.append(type_)
            return f"{code} {type_}.{operation}"
        if kind == "compare":
            type_ = r.choice(("i64", "f32", "f64"))
            code = self._arguments(stack, [type_, type_])
            stack.append("i32")
            return f"{code} {type_}.{r.choice(_COMPARE[type_].split())}"
        if kind == "eqz":
            type_ = r.choice(("i32", "i64"))
            code = self._arguments(stack, [type_])
            stack.append("i32")
            return f"{code} {type_}.eqz"
        if kind in ("set", "tee"):
            code = self._arguments(stack, [type_])
            if kind == "tee":
                stack.append(type_)
            return f"{code} local.{kind} {self._local(type_)}"
        if kind == "select":
            code = self._arguments(stack, [type_, type_, "i32"])
            stack.append(type_)
            return f"{code} select"
        if kind == "convert":
            code = self._arguments(stack, ["i64"])
            stack.append("i32")
            return f"{code} i32.wrap_i64"
        if kind == "load":
            code = self._arguments(stack, ["i32"])
            stack.append(type_)
            return f"{code} i32.const 1023 i32.and {type_}.load offset={r.choice((0, 8, 60000, 64500))}"
        if kind == "store":
            code = self._arguments(stack, ["i32"])
            return f"{code} i32.const 1023 i32.and {self._push(type_)} {type_}.store offset={r.choice((0, 16, 64000))}"
        if kind == "global":
            code = self._arguments(stack, ["i64"])
            return f"{code} global.get $state i64.xor i64.const 0x9E3779B97F4A7C15 i64.mul global.set $state"
        if kind == "size":
            stack.append("i32")
            return "memory.size" if r.random() < 0.7 else "i32.const 1 memory.grow"
        if kind == "drop" and stack:
            stack.pop()
            return "drop"
        if kind in ("block", "if", "loop") and depth:
            params, results = self._types(2), self._types(2)
            code = self._arguments(stack, [*params, "i32"] if kind == "if" else params)
            self._labels.append(params if kind == "loop" else results)
            type_list = f"{self._list('param', params)} {self._list('result', results)}"
            body = self._sequence(params, results, depth - 1)
            if kind == "loop":  # each turn costs fuel
                body = f"global.get $fuel i32.const 1 i32.sub global.set $fuel {self._fuel()} {body}"
            other = f" else {self._sequence(params, results, depth - 1)}" if kind == "if" else ""
            self._labels.pop()
            stack += results
            return f"{code} {kind} {type_list} {body}{other} end"
        if kind == "throw":
            tag = r.randrange(3)
            return f"{self._arguments(stack, _TAGS[tag])} throw $t{tag};;dead"
        if kind == "try" and depth:
            tag, results = r.randrange(3), self._types(2)
            self._labels += [_TAGS[tag], results]
            body = self._sequence([], results, depth - 1)
            self._labels = self._labels[:-2]
            after = " ".join(["drop"] * len(results) + [self._push(t) for t in _TAGS[tag]])
            stack += _TAGS[tag]
            catch = f"(catch $t{tag} 0)" if _TAGS[tag] or r.random() < 0.5 else "(catch_all 0)"
            attempt = f"try_table {self._list('result', results)} {catch} {body} end"
            return f"block {self._list('result', _TAGS[tag])} {attempt} {after} end"
        if kind in ("br_if", "br", "br_table"):
            target = r.randrange(len(self._labels))
            types = self._labels[-1 - target]
            if kind == "br_if":
                code = self._arguments(stack, [*types, "i32"])
                stack += types
                return f"{code} br_if {target}"
            if kind == "br":
                return f"{self._arguments(stack, types)} br {target};;dead"
            same = [k for k in range(len(self._labels)) if self._labels[-1 - k] == types]
            code = self._arguments(stack, [*types, "i32"])
            targets = " ".join(str(r.choice(same)) for _ in range(r.randrange(1, 5)))
            return f"{code} i32.const 3 i32.and br_table {targets};;dead"
        if kind == "return":
            return f"{self._arguments(stack, self._results)} return;;dead"
        if kind == "call" and self._index:
            callee = r.randrange(self._index)
            params, results = self._signatures[callee]
            code = self._arguments(stack, params)
            stack += results
            return f"{code} call $f{callee}"
        if kind == "indirect" and self._index:
            params, results = self._signatures[r.randrange(self._index)]
            code = self._arguments(stack, [*params, "i32"])
            stack += results
            type_list = f"{self._list('param', params)} {self._list('result', results)}"
            return f"{code} i32.const 1 i32.and call_indirect {type_list}"
        return "nop"

    @staticmethod
    def _fuel() -> str:
        return "global.get $fuel i32.eqz if unreachable end"

    def for_javascript(self) -> str:
        """``[bytes, arguments of calls, types of results]``"""
        calls = [
            f"[{','.join(f'{v}n' if t == 'i64' else str(v) for t, v in zip(self._main_params, call, strict=True))}]"
            for call in self._calls
        ]
        return f"[{literal(self.bytes)},[{','.join(calls)}],{self._signatures[-1][1]}]"

    def expected(self) -> list[str]:
        """What wasmtime says: the results of each call (floats by their bits as f64), and the state after it."""
        store = wasmtime.Store(engine())
        exports = wasmtime.Instance(store, wasmtime.Module(store.engine, self.bytes), []).exports(store)
        texts = []
        for call in self._calls:
            try:
                results = exports["main"](store, *call)  # type: ignore[operator]
                values = results if isinstance(results, list) else [] if results is None else [results]
                texts.append(",".join(map(_text, values)))
            except wasmtime.Trap:
                texts.append("RuntimeError")
            texts.append(str(exports["state"].value(store)))  # type: ignore[union-attr]
        return texts


@cache
def engine() -> wasmtime.Engine:
    """With what our interpreter has: the core specification 2.0 without SIMD, tail calls, exceptions."""
    config = wasmtime.Config()
    config.wasm_simd = False
    config.wasm_relaxed_simd = False
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_tail_call = True
    config.wasm_exceptions = True
    for absent in ("wasm_gc", "wasm_function_references", "wasm_stack_switching", "wasm_wide_arithmetic"):
        if hasattr(wasmtime.Config, absent):
            setattr(config, absent, False)
    return wasmtime.Engine(config)


def _text(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    return "NaN" if value != value else struct.pack(">d", value).hex()
