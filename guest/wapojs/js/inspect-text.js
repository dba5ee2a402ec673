// The text side of inspect: quoting, and the breaking of lists into lines as Node's util.inspect does it.

const { max, min, round, floor, sqrt } = Math;

const NEEDS_ESCAPE = /[\0-\x1f'\\\x7f-\x9f\ud800-\udfff]/;
// Control characters, the quote (q), backslashes, and surrogates that are not one of a pair.
const escapesFor = (q) =>
  new RegExp(
    `[\\0-\\x1f${q}\\\\\\x7f-\\x9f]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]`,
    'g',
  );
const ESCAPES = { "'": escapesFor("'"), '"': escapesFor('"'), '`': escapesFor('`') };
const SHORT = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '\v': '\\x0B',
  '\\': '\\\\',
  "'": "\\'",
};

function escapeCharacter(character) {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.toUpperCase().padStart(2, '0')}` : `\\u${hex}`;
}

/** A string in quotes: single ones, or those that need no escaping inside. */
export function quote(text) {
  if (!NEEDS_ESCAPE.test(text)) return `'${text}'`;
  let q = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) q = '"';
    else if (!text.includes('`') && !text.includes('${')) q = '`';
  }
  return q + text.replace(ESCAPES[q], escapeCharacter) + q;
}

/** Escapes what would break the line, without quotes: for names of symbols. */
export const escapeControls = (text) => text.replace(/[\0-\x1f\x7f-\x9f]/g, escapeCharacter);

const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

/** A property name as it would be written in an object literal. */
export const propertyName = (name) => (IDENTIFIER.test(name) ? name : quote(name));

/**
 * Groups the items of a long list into columns of equal width, if they are short enough for at least three.
 * @param {string[]} items
 * @param {boolean} alignRight numbers stand at the right of their column
 * @param {number} extra how many items at the end are remarks ("... 5 more items") that get a line of their own
 */
export function groupIntoColumns(items, alignRight, extra, indentation, breakLength, compact) {
  const count = items.length - extra;
  let longest = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += items[i].length + 2;
    longest = max(longest, items[i].length);
  }
  const cell = longest + 2; // with its comma and blank
  const worthwhile = total / cell > 5 || longest <= 6;
  if (cell * 3 + indentation >= breakLength || !worthwhile) return items;
  // Aim at a block that looks square, characters being two and a half times as high as wide. (The 3 is Node's.)
  const typical = max(cell - 3 - sqrt(cell - total / items.length), 1);
  const columns = min(
    round(sqrt(2.5 * typical * count) / typical),
    floor((breakLength - indentation) / cell),
    compact * 4,
    15,
  );
  if (columns <= 1) return items;

  const widths = [];
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let i = column; i < count; i += columns) width = max(width, items[i].length);
    widths.push(width + 2);
  }
  const lines = [];
  for (let start = 0; start < count; start += columns) {
    const last = min(start + columns, count) - 1;
    let line = '';
    for (let i = start; i < last; i++) {
      const text = `${items[i]}, `;
      line += alignRight ? text.padStart(widths[i - start]) : text.padEnd(widths[i - start]);
    }
    line += alignRight ? items[last].padStart(widths[last - start] - 2) : items[last];
    lines.push(line);
  }
  for (let i = count; i < items.length; i++) lines.push(items[i]);
  return lines;
}

/**
 * Joins the parts of an object: on one line if that is allowed and fits, otherwise one part a line.
 * @param {string} base what precedes the opening brace, such as an error's stack
 */
export function joinParts(parts, base, open, close, mayBeOneLine, indentation, breakLength) {
  const prefix = base === '' ? '' : `${base} `;
  if (mayBeOneLine && !base.includes('\n')) {
    let length = 2 * parts.length + indentation + open.length + base.length + 10;
    for (let i = 0; i < parts.length && length <= breakLength; i++) length += parts[i].length;
    if (length <= breakLength) {
      const line = parts.join(', ');
      if (!line.includes('\n')) return `${prefix}${open} ${line} ${close}`;
    }
  }
  const newline = `\n${' '.repeat(indentation)}`;
  return `${prefix}${open}${newline}  ${parts.join(`,${newline}  `)}${newline}${close}`;
}
