"""How fast is WebAssembly inside an agent, beside the same computation in plain JavaScript there?

Each pair runs in one machine, in turns, the best of several rounds; both must come to the same result.
"""

import base64
import json
import math
import subprocess
import sys
import tempfile

import wasmtime
from harness import report

WAT = """(module (memory (export "memory") 4)
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2)) (then (local.get $n))
      (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1))) (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func (export "loop") (param $n i32) (result i32) (local $i i32) (local $s i32)
    (loop $again
      (local.set $s (i32.add (local.get $s) (i32.xor (i32.mul (local.get $i) (i32.const 3)) (i32.const 7))))
      (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $s))
  (func (export "sieve") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $count i32)
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (loop $next
      (if (i32.eqz (i32.load8_u (local.get $i))) (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $j (i32.shl (local.get $i) (i32.const 1)))
        (block $out (loop $mark
          (br_if $out (i32.ge_u (local.get $j) (local.get $n)))
          (i32.store8 (local.get $j) (i32.const 1))
          (local.set $j (i32.add (local.get $j) (local.get $i)))
          (br $mark)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count))
  (func (export "matrix") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $k i32) (local $sum f64) (local $all f64)
    (loop $rows (local.set $j (i32.const 0))
      (loop $columns (local.set $k (i32.const 0)) (local.set $sum (f64.const 0))
        (loop $inner
          (local.set $sum (f64.add (local.get $sum) (f64.mul
            (f64.load (i32.shl (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $k)) (i32.const 3)))
            (f64.load (i32.shl (i32.add (i32.mul (local.get $k) (local.get $n)) (local.get $j)) (i32.const 3))))))
          (br_if $inner (i32.lt_s (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
        (local.set $all (f64.add (local.get $all) (local.get $sum)))
        (br_if $columns (i32.lt_s (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $rows (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i32.trunc_f64_s (local.get $all)))
)"""

SCRIPT = """
const bytes = Uint8Array.from(atob('BYTES'), (c) => c.charCodeAt(0));
const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const flags = new Uint8Array(262144), numbers = new Float64Array(32768);
const plain = {
  fib: (n) => (n < 2 ? n : plain.fib(n - 1) + plain.fib(n - 2)),
  loop(n) {
    let s = 0;
    for (let i = 0; i < n; i++) s = (s + ((i * 3) ^ 7)) | 0;
    return s;
  },
  sieve(n) {
    flags.fill(0, 0, n);
    let count = 0;
    for (let i = 2; i < n; i++) {
      if (flags[i]) continue;
      count++;
      for (let j = i + i; j < n; j += i) flags[j] = 1;
    }
    return count;
  },
  matrix(n) {
    let all = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += numbers[i * n + k] * numbers[k * n + j];
        all += sum;
      }
    }
    return all | 0;
  },
};
const results = {};
for (const [name, n] of [['fib', 23], ['loop', 1000000], ['sieve', 200000], ['matrix', 80]]) {
  const best = [Infinity, Infinity];
  for (let round = 0; round < 7; round++) {
    for (let i = 0; i < 6400; i++) new Float64Array(wasm.memory.buffer)[i] = numbers[i] = i % 10;
    const answers = [wasm, plain].map((side, k) => {
      const begin = performance.now();
      const answer = side[name](n);
      best[k] = Math.min(best[k], performance.now() - begin);
      return answer;
    });
    if (answers[0] !== answers[1]) throw new Error(`${name}: ${answers}`);
  }
  results[name] = best;
}
scriptOutput = JSON.stringify(results);
"""


def main() -> None:
    script = SCRIPT.replace("BYTES", base64.b64encode(wasmtime.wat2wasm(WAT)).decode())
    with tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "wapo", "run", file.name], stdout=subprocess.PIPE, text=True, check=True
        )
    times: dict[str, list[float]] = json.loads(done.stdout)
    results = {
        name: {"WebAssembly ms": round(a, 2), "JavaScript ms": round(b, 2), "times as fast": round(b / a, 2)}
        for name, (a, b) in times.items()
    }
    mean = math.exp(sum(math.log(b / a) for a, b in times.values()) / len(times))
    report("WebAssembly in an agent and JavaScript there", {**results, "geometric mean, times as fast": round(mean, 2)})


if __name__ == "__main__":
    main()
