// Instructions by name: their bytes, and what follows them.
// https://webassembly.github.io/spec/core/text/instructions.html

/** name -> [bytes, kind of immediates, natural alignment as a power of two] */
export const INSTRUCTIONS = new Map();

function add(prefix, first, kind, names) {
  const list = names.trim().split(/\s+/);
  for (let i = 0; i < list.length; i++) {
    const [name, alignment] = list[i].split('/');
    if (name !== '-') INSTRUCTIONS.set(name, [[...prefix, first + i], kind, alignment === undefined ? 0 : +alignment]);
  }
}

add([], 0x00, 'none', 'unreachable nop');
add([], 0x08, 'tag', 'throw');
add([], 0x0a, 'none', 'throw_ref');
add([], 0x0c, 'label', 'br br_if');
add([], 0x0e, 'labels', 'br_table');
add([], 0x0f, 'none', 'return');
add([], 0x10, 'func', 'call - return_call');
add([], 0x11, 'indirect', 'call_indirect - return_call_indirect');
add([], 0x1a, 'none', 'drop');
add([], 0x1b, 'select', 'select');
add([], 0x20, 'local', 'local.get local.set local.tee');
add([], 0x23, 'global', 'global.get global.set');
add([], 0x25, 'table', 'table.get table.set');
add(
  [],
  0x28,
  'address',
  `i32.load/2 i64.load/3 f32.load/2 f64.load/3
  i32.load8_s/0 i32.load8_u/0 i32.load16_s/1 i32.load16_u/1
  i64.load8_s/0 i64.load8_u/0 i64.load16_s/1 i64.load16_u/1 i64.load32_s/2 i64.load32_u/2
  i32.store/2 i64.store/3 f32.store/2 f64.store/3 i32.store8/0 i32.store16/1 i64.store8/0 i64.store16/1 i64.store32/2`,
);
add([], 0x3f, 'memory', 'memory.size memory.grow');
add([], 0x41, 'i32', 'i32.const');
add([], 0x42, 'i64', 'i64.const');
add([], 0x43, 'f32', 'f32.const');
add([], 0x44, 'f64', 'f64.const');
const COMPARE = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const INTEGERS = 'clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
const REALS = 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign';
const typed = (type, names) =>
  names
    .split(' ')
    .map((name) => `${type}.${name}`)
    .join(' ');
add([], 0x45, 'none', [
  typed('i32', `eqz ${COMPARE}`), typed('i64', `eqz ${COMPARE}`), typed('f32', 'eq ne lt gt le ge'),
  typed('f64', 'eq ne lt gt le ge'), typed('i32', INTEGERS), typed('i64', INTEGERS),
  typed('f32', REALS), typed('f64', REALS),
  typed('i32', 'wrap_i64 trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u'),
  typed('i64', 'extend_i32_s extend_i32_u trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u'),
  typed('f32', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64'),
  typed('f64', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32'),
  'i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64',
  typed('i32', 'extend8_s extend16_s'), typed('i64', 'extend8_s extend16_s extend32_s'),
].join(' ')); // prettier-ignore
add([], 0xd0, 'heap', 'ref.null');
add([], 0xd1, 'none', 'ref.is_null');
add([], 0xd2, 'func', 'ref.func');
add([0xfc], 0, 'none', [
  typed('i32', 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u'),
  typed('i64', 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u'),
].join(' ')); // prettier-ignore
add([0xfc], 8, 'memory.init', 'memory.init');
add([0xfc], 9, 'data', 'data.drop');
add([0xfc], 10, 'memories', 'memory.copy');
add([0xfc], 11, 'memory', 'memory.fill');
add([0xfc], 12, 'table.init', 'table.init');
add([0xfc], 13, 'elem', 'elem.drop');
add([0xfc], 14, 'tables', 'table.copy');
add([0xfc], 15, 'table', 'table.grow table.size table.fill');
