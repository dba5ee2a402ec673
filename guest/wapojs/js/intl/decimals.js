// Decimal numbers as strings of digits: exact, and rounded half away from zero as Intl does.
// https://tc39.es/ecma402/#sec-torawfixed, https://tc39.es/ecma402/#sec-torawprecision

/**
 * A value as `{ negative, digits, point, special }`: its digits without leading zeros, and how many are before the
 * point (0 or less if there are zeros between). `special` is 'nan' or 'infinity'.
 */
export function toDecimal(value) {
  if (typeof value === 'string') {
    const number = Number(value);
    if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(value)) return toDecimal(number);
    return fromText(value.trim());
  }
  if (typeof value === 'bigint') return fromText(String(value));
  if (Number.isNaN(value)) return { negative: false, digits: '', point: 0, special: 'nan' };
  const negative = value < 0 || Object.is(value, -0);
  if (!Number.isFinite(value)) return { negative, digits: '', point: 0, special: 'infinity' };
  return { ...fromText(String(Math.abs(value))), negative };
}

function fromText(text) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  const all = whole + fraction;
  const digits = all.replace(/^0+/, '');
  const point = whole.length - (all.length - digits.length) + Number(exponent);
  return { negative: sign === '-', digits: digits.replace(/0+$/, ''), point: digits === '' ? 0 : point, special: null };
}

const incremented = (digits) => {
  let i = digits.length - 1;
  while (i >= 0 && digits[i] === '9') i--;
  const zeros = '0'.repeat(digits.length - 1 - i);
  return i < 0 ? `1${zeros}` : digits.slice(0, i) + String(+digits[i] + 1) + zeros;
};

/** Whether what is cut off makes the last digit one more. */
function roundsUp(decimal, keep, mode) {
  const rest = keep < 0 ? `0${decimal.digits}` : decimal.digits.slice(keep);
  if (/^0*$/.test(rest)) return false;
  const odd = keep > 0 && Number(decimal.digits[keep - 1]) % 2 === 1;
  const half =
    keep < 0 ? -1 : rest[0] > '5' || (rest[0] === '5' && /[1-9]/.test(rest.slice(1))) ? 1 : rest[0] === '5' ? 0 : -1;
  switch (mode) {
    case 'ceil':
      return !decimal.negative;
    case 'floor':
      return decimal.negative;
    case 'expand':
      return true;
    case 'trunc':
      return false;
    case 'halfTrunc':
      return half > 0;
    case 'halfEven':
      return half > 0 || (half === 0 && odd);
    case 'halfCeil':
      return half > 0 || (half === 0 && !decimal.negative);
    case 'halfFloor':
      return half > 0 || (half === 0 && decimal.negative);
    default:
      return half >= 0;
  }
}

/** Rounded to `keep` digits from the first. */
function roundedTo(decimal, keep, mode) {
  if (keep >= decimal.digits.length) return decimal;
  const up = roundsUp(decimal, keep, mode);
  const kept = keep > 0 ? decimal.digits.slice(0, keep) : '';
  if (!up) return { ...decimal, digits: kept.replace(/0+$/, ''), point: /^0*$/.test(kept) ? 0 : decimal.point };
  if (keep <= 0) return { ...decimal, digits: '1', point: decimal.point - keep + 1 };
  const digits = incremented(kept);
  return { ...decimal, digits: digits.replace(/0+$/, ''), point: decimal.point + digits.length - kept.length };
}

export const roundFraction = (decimal, maximum, mode) => roundedTo(decimal, decimal.point + maximum, mode);
export const roundSignificant = (decimal, maximum, mode) => roundedTo(decimal, maximum, mode);
export const isZero = (decimal) => decimal.special === null && decimal.digits === '';

/** `[whole, fraction]` with at least so many digits of each. */
export function layOut(decimal, minimumWhole, minimumFraction) {
  const { digits, point } = decimal;
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '';
  const fraction = point > 0 ? digits.slice(point) : digits === '' ? '' : '0'.repeat(-point) + digits;
  return [whole.padStart(minimumWhole, '0'), fraction.padEnd(minimumFraction, '0')];
}
