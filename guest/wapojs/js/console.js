// console: https://console.spec.whatwg.org/, with the texts that Node prints

import { hrtime } from 'wapo:native';
import { customInspect, inspect } from './inspect.js';
import { defineTag } from './interfaces.js';
import { isObject } from './webidl.js';

const {
  Array,
  BigInt,
  Boolean,
  Date,
  Error,
  JSON,
  Map,
  Math,
  Number,
  Object,
  parseFloat,
  parseInt,
  RegExp,
  Set,
  String,
  Symbol,
} = globalThis;
const { captureStackTrace } = Error;
const { is } = Object;

const SPECIFIER = /%[sdifjoOc%]/g;

/** Like String(value), for %s: objects are inspected unless they have a toString of their own. */
function formatString(value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (is(value, -0)) return '-0';
  try {
    if (typeof value !== 'object' || value === null) return String(value);
    const { toString } = value;
    if (typeof toString === 'function' && !BUILT_IN_TO_STRINGS.has(toString)) return String(value);
  } catch {
    // inspect can show it
  }
  return inspect(value, { depth: 0 });
}

const BUILT_IN_TO_STRINGS = new Set();
for (const Class of [Object, Error, Array, Date, RegExp, Number, String, Boolean, BigInt, Symbol]) {
  BUILT_IN_TO_STRINGS.add(Class.prototype.toString);
}

function formatNumber(value, parse) {
  if (typeof value === 'symbol') return 'NaN';
  try {
    const number = parse(value);
    return is(number, -0) ? '-0' : String(number);
  } catch {
    return 'NaN'; // an object without a primitive value
  }
}

const parseDecimal = (value) => parseInt(value, 10);

const isCircularError = (error) => /circular/i.test(String(error?.message));

function formatJSON(value) {
  try {
    return String(JSON.stringify(value));
  } catch (error) {
    return isCircularError(error) ? '[Circular]' : `[${inspect(error)}]`;
  }
}

function formatOne(specifier, value) {
  switch (specifier) {
    case '%s':
      return formatString(value);
    case '%d':
      return typeof value === 'bigint' ? `${value}n` : formatNumber(value, Number);
    case '%i':
      return typeof value === 'bigint' ? `${value}n` : formatNumber(value, parseDecimal);
    case '%f':
      return formatNumber(value, parseFloat);
    case '%j':
      return formatJSON(value);
    case '%o':
      return inspect(value, { showHidden: true, depth: 4 });
    case '%O':
      return inspect(value);
    default:
      return ''; // %c: styles mean nothing here
  }
}

/** "Formatter": the text of a list of arguments. Strings at the top level are printed as they are. */
function formatAll(args) {
  let text = '';
  let next = 0;
  if (args.length > 0 && typeof args[0] === 'string') {
    const first = args[0];
    next = 1;
    text =
      args.length === 1 || !first.includes('%')
        ? first
        : first.replace(SPECIFIER, (specifier) => {
            if (specifier === '%%') return '%';
            return next < args.length ? formatOne(specifier, args[next++]) : specifier;
          });
    if (next === args.length) return text;
    text += ' ';
  }
  for (let i = next; i < args.length; i++) {
    if (i > next) text += ' ';
    text += typeof args[i] === 'string' ? args[i] : inspect(args[i]);
  }
  return text;
}

/** Node's util.format: what console.log prints for the same arguments. */
export const format = (...args) => formatAll(args);

// console.table

const INDEX = '(index)';
const VALUES = 'Values';

/** @returns {string|undefined} undefined if the value is no table */
function formatTable(data, columns) {
  if (!isObject(data)) return undefined;
  const rows = [];
  const headings = [];
  let hasValues = false;
  let indexHeading = INDEX;
  const addRow = (index, value) => {
    const cells = new Map();
    if (isObject(value) && typeof value !== 'function') {
      const keys = columns ?? Object.keys(value);
      for (let i = 0; i < keys.length; i++) {
        if (!headings.includes(keys[i])) headings.push(keys[i]);
        if (Object.hasOwn(value, keys[i])) cells.set(keys[i], inspectCell(value[keys[i]]));
      }
    } else {
      hasValues = true;
      cells.set(VALUES, inspectCell(value));
    }
    rows.push({ index, cells });
  };
  if (data instanceof Map) {
    indexHeading = '(iteration index)';
    let i = 0;
    data.forEach((value, key) => {
      const cells = new Map([
        ['Key', inspectCell(key)],
        [VALUES, inspectCell(value)],
      ]);
      rows.push({ index: String(i++), cells });
    });
    headings.push('Key');
    hasValues = true;
  } else if (data instanceof Set) {
    indexHeading = '(iteration index)';
    let i = 0;
    data.forEach((value) => addRow(String(i++), value));
  } else {
    const keys = Object.keys(data);
    for (let i = 0; i < keys.length; i++) addRow(keys[i], data[keys[i]]);
  }
  if (hasValues) headings.push(VALUES);
  const table = [[indexHeading, ...headings]];
  for (let i = 0; i < rows.length; i++) {
    table.push([rows[i].index, ...headings.map((heading) => rows[i].cells.get(heading) ?? '')]);
  }
  return drawTable(table);
}

const inspectCell = (value) =>
  inspect(value, { depth: isObject(value) ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });

function drawTable(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)) + 2);
  const line = (left, middle, right) => left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
  const row = (cells) => `│${cells.map((cell, i) => center(cell, widths[i])).join('│')}│`;
  const body = table.slice(1).map(row);
  return [line('┌', '┬', '┐'), row(table[0]), line('├', '┼', '┤'), ...body, line('└', '┴', '┘')].join('\n');
}

const center = (text, width) => {
  const left = (width - text.length) >> 1;
  return ' '.repeat(left) + text + ' '.repeat(width - text.length - left);
};

function formatDuration(ms) {
  if (ms >= 3_600_000) return `${(ms / 3_600_000).toFixed(3)}h`;
  if (ms >= 60_000) return `${(ms / 60_000).toFixed(3)}m`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(3)}s`;
  return `${Number(ms.toFixed(3))}ms`;
}

const GROUP_INDENTATION = 2;

/**
 * Makes a console.
 * @param {function('debug'|'info'|'warn'|'error', string)} sink gets each text, which may have several lines
 */
export function createConsole(sink) {
  let indentation = '';
  const counts = new Map();
  const timers = new Map();

  const print = (level, text) => {
    if (indentation !== '') text = indentation + text.replaceAll('\n', `\n${indentation}`);
    sink(level, text);
  };
  const labelOf = (label) => (label === undefined ? 'default' : String(label));

  // The methods of a namespace object work without `this`; those of an object literal are no constructors.
  const console = {
    assert(condition = false, ...data) {
      if (condition) return;
      if (typeof data[0] === 'string') data[0] = `Assertion failed: ${data[0]}`;
      else data.unshift('Assertion failed');
      print('error', formatAll(data));
    },

    clear() {
      indentation = '';
    },

    debug(...data) {
      print('debug', formatAll(data));
    },

    error(...data) {
      print('error', formatAll(data));
    },

    info(...data) {
      print('info', formatAll(data));
    },

    log(...data) {
      print('info', formatAll(data));
    },

    table(tabularData = undefined, properties = undefined) {
      const text = formatTable(tabularData, properties);
      print('info', text === undefined ? formatAll([tabularData]) : text);
    },

    trace(...data) {
      const error = { name: 'Trace', message: formatAll(data) };
      let stack = '';
      if (captureStackTrace) {
        captureStackTrace(error, console.trace);
        stack = String(error.stack)
          .split('\n')
          .filter((line) => /^\s*at /.test(line))
          .join('\n');
      }
      print('info', `Trace${error.message === '' ? '' : `: ${error.message}`}\n${stack}`.trimEnd());
    },

    warn(...data) {
      print('warn', formatAll(data));
    },

    dir(item = undefined, options = undefined) {
      print('info', inspect(item, { customInspect: false, ...options }));
    },

    dirxml(...data) {
      print('info', data.map((item) => inspect(item)).join(' '));
    },

    count(label = 'default') {
      label = labelOf(label);
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      print('info', `${label}: ${count}`);
    },

    countReset(label = 'default') {
      label = labelOf(label);
      if (!counts.delete(label)) print('warn', `Count for '${label}' does not exist`);
    },

    group(...data) {
      if (data.length > 0) print('info', formatAll(data));
      indentation += ' '.repeat(GROUP_INDENTATION);
    },

    groupCollapsed(...data) {
      console.group(...data);
    },

    groupEnd() {
      indentation = indentation.slice(GROUP_INDENTATION);
    },

    time(label = 'default') {
      label = labelOf(label);
      if (timers.has(label)) print('warn', `Label '${label}' already exists for console.time()`);
      else timers.set(label, hrtime());
    },

    timeLog(label = 'default', ...data) {
      label = labelOf(label);
      const start = timers.get(label);
      if (start === undefined) {
        print('warn', `No such label '${label}' for console.timeLog()`);
        return;
      }
      const duration = `${label}: ${formatDuration(hrtime() - start)}`;
      print('info', data.length === 0 ? duration : `${duration} ${formatAll(data)}`);
    },

    timeEnd(label = 'default') {
      label = labelOf(label);
      const start = timers.get(label);
      if (start === undefined) {
        print('warn', `No such label '${label}' for console.timeEnd()`);
        return;
      }
      timers.delete(label);
      print('info', `${label}: ${formatDuration(hrtime() - start)}`);
    },
  };
  defineTag(console, 'console');
  // https://webidl.spec.whatwg.org/#namespace-object, with the prototype that the console standard asks for
  return Object.setPrototypeOf(console, {});
}

export { customInspect, inspect };
