// Intl beside dates: numbers, plurals, lists, relative times, collation; and the methods that depend on a locale.
const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = error.name;
  }
  console.log(`${label}: ${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item))}`);
};
const numbers = [
  0,
  -0,
  1,
  -1,
  1.5,
  12.345,
  999,
  1000,
  1234.5678,
  -9876.5,
  12345,
  999999,
  1e6,
  1234567.891,
  1e9,
  1.5e12,
  1e21,
  1e-7,
  0.5,
  2.5,
  0.045,
  1.005,
  NaN,
  Infinity,
  -Infinity,
  123456789012345680000,
];
const options = [
  {},
  { style: 'percent' },
  { style: 'percent', maximumFractionDigits: 1 },
  { style: 'currency', currency: 'USD' },
  { style: 'currency', currency: 'eur' },
  { style: 'currency', currency: 'JPY' },
  { style: 'currency', currency: 'CHF' },
  { style: 'currency', currency: 'KWD' },
  { style: 'currency', currency: 'USD', currencyDisplay: 'code' },
  { style: 'currency', currency: 'USD', currencyDisplay: 'name' },
  { style: 'currency', currency: 'CAD', currencyDisplay: 'narrowSymbol' },
  { style: 'currency', currency: 'USD', currencySign: 'accounting' },
  { style: 'currency', currency: 'USD', minimumFractionDigits: 0 },
  { style: 'currency', currency: 'USD', maximumFractionDigits: 0 },
  { style: 'currency', currency: 'USD', notation: 'compact' },
  { notation: 'compact' },
  { notation: 'compact', compactDisplay: 'long' },
  { notation: 'compact', maximumFractionDigits: 1 },
  { notation: 'scientific' },
  { notation: 'engineering' },
  { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  { maximumFractionDigits: 0 },
  { minimumIntegerDigits: 3 },
  { maximumSignificantDigits: 3 },
  { minimumSignificantDigits: 5 },
  { useGrouping: false },
  { signDisplay: 'always' },
  { signDisplay: 'exceptZero' },
  { signDisplay: 'never' },
  { signDisplay: 'negative' },
  { style: 'unit', unit: 'kilometer' },
  { style: 'unit', unit: 'kilometer-per-hour' },
  { style: 'unit', unit: 'megabyte', unitDisplay: 'long' },
  { style: 'unit', unit: 'celsius' },
  { style: 'unit', unit: 'day', unitDisplay: 'narrow' },
  { style: 'unit', unit: 'day' },
  { style: 'unit', unit: 'hour', unitDisplay: 'long' },
  { style: 'unit', unit: 'liter', unitDisplay: 'short' },
  { roundingMode: 'floor', maximumFractionDigits: 1 },
  { roundingMode: 'ceil', maximumFractionDigits: 1 },
  { roundingMode: 'halfEven', maximumFractionDigits: 0 },
  { trailingZeroDisplay: 'stripIfInteger', minimumFractionDigits: 2 },
  { maximumSignificantDigits: 2, maximumFractionDigits: 1, roundingPriority: 'morePrecision' },
  { useGrouping: 'min2' },
];
for (const option of options) {
  const format = new Intl.NumberFormat('en-US', option);
  say(JSON.stringify(option), () => numbers.map((number) => format.format(number)));
}
for (const option of [
  {},
  { style: 'currency', currency: 'USD', currencySign: 'accounting' },
  { notation: 'compact' },
  { style: 'unit', unit: 'mile', unitDisplay: 'long' },
  { style: 'percent' },
  { notation: 'scientific' },
]) {
  say(`parts ${JSON.stringify(option)}`, () =>
    [-1234567.5, 1].map((number) => new Intl.NumberFormat('en-US', option).formatToParts(number)),
  );
}
say('texts and big integers', () => [
  new Intl.NumberFormat('en').format(123456789012345678901234567890n),
  new Intl.NumberFormat('en', { maximumFractionDigits: 20 }).format('1234567890.12345678901'),
  new Intl.NumberFormat('en').format('x'),
  new Intl.NumberFormat('en').format(null),
  new Intl.NumberFormat('en').format(undefined),
]);
for (const option of [
  { style: 'currency' },
  { currency: 'us' },
  { style: 'unit', unit: 'furlong' },
  { style: 'no' },
  { maximumFractionDigits: 101 },
  { minimumFractionDigits: 3, maximumFractionDigits: 1 },
])
  say(`refused ${JSON.stringify(option)}`, () => new Intl.NumberFormat('en', option).format(1));
say('resolved', () => [
  new Intl.NumberFormat('en-US').resolvedOptions(),
  new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' }).resolvedOptions(),
  new Intl.NumberFormat('en-US', { notation: 'compact' }).resolvedOptions(),
]);
say('toLocaleString', () => [
  (1234.5).toLocaleString(),
  (1234.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' }),
  1234567n.toLocaleString('en-US'),
  [1234.5, 2].toLocaleString('en-US'),
  (0.256).toLocaleString(undefined, { style: 'percent' }),
]);
say('called', () => [
  Intl.NumberFormat('en').format(1),
  Intl.NumberFormat('en') instanceof Intl.NumberFormat,
  [1000, 2].map(new Intl.NumberFormat('en').format),
]);

const cardinal = new Intl.PluralRules('en');
const ordinal = new Intl.PluralRules('en', { type: 'ordinal' });
say('plurals', () => [0, 1, 1.0, 1.5, 2, -1, 11, 21, NaN].map((n) => cardinal.select(n)));
say('ordinals', () => [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 101, 111, 112].map((n) => ordinal.select(n)));
say('plural options', () => [
  new Intl.PluralRules('en', { minimumFractionDigits: 1 }).select(1),
  cardinal.resolvedOptions().pluralCategories,
]);

for (const type of ['conjunction', 'disjunction', 'unit']) {
  for (const style of ['long', 'short', 'narrow'])
    say(`list ${type} ${style}`, () =>
      [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((list) =>
        ['en-US', 'en-GB'].map((locale) => new Intl.ListFormat(locale, { type, style }).format(list)),
      ),
    );
}
say('list parts', () => new Intl.ListFormat('en').formatToParts(new Set(['a', 'b', 'c'])));
say('list of numbers', () => new Intl.ListFormat('en').format([1]));

for (const style of ['long', 'short', 'narrow']) {
  for (const numeric of ['always', 'auto']) {
    const format = new Intl.RelativeTimeFormat('en', { style, numeric });
    for (const unit of ['second', 'minutes', 'hour', 'day', 'week', 'month', 'quarter', 'year'])
      say(`relative ${style} ${numeric} ${unit}`, () =>
        [-2, -1, -0, 0, 1, 2, 1.5, 1234].map((n) => format.format(n, unit)),
      );
  }
}
say('relative of nothing', () => new Intl.RelativeTimeFormat('en').format(1, 'eon'));
say('relative parts', () => new Intl.RelativeTimeFormat('en').formatToParts(-1234, 'day'));

const words = [
  'b',
  'A',
  'a',
  'B',
  'á',
  'Á',
  'z',
  'Z',
  'é',
  'e',
  'E',
  'resume',
  'résumé',
  'Resume',
  'Résumé',
  'a b',
  'ab',
  'a-b',
  '_x',
  '10',
  '2',
  '1',
  'ß',
  'ss',
  'æ',
  'co-op',
  'coop',
  'CO-OP',
  '',
  ' ',
  '$',
  'naïve',
  'naive',
  'ø',
  'o',
  'p',
  'я',
  'б',
  'α',
  '日',
];
say('sorted', () => words.toSorted(new Intl.Collator('en').compare));
say('sorted by localeCompare', () => words.toSorted((a, b) => a.localeCompare(b)));
say('numeric', () =>
  ['a10', 'a2', 'a1', 'a01', 'a1b', 'b1'].toSorted(new Intl.Collator('en', { numeric: true }).compare),
);
say('numeric by extension', () => ['10', '9'].toSorted(new Intl.Collator('en-u-kn').compare));
for (const sensitivity of ['base', 'accent', 'case', 'variant'])
  say(`sensitivity ${sensitivity}`, () =>
    [
      ['a', 'A'],
      ['a', 'á'],
      ['a', 'b'],
      ['A', 'á'],
    ].map(([a, b]) => new Intl.Collator('en', { sensitivity }).compare(a, b)),
  );
say('upper first', () => ['a', 'A', 'b'].toSorted(new Intl.Collator('en', { caseFirst: 'upper' }).compare));
say('localeCompare', () => [
  'a'.localeCompare('b'),
  'b'.localeCompare('a'),
  'a'.localeCompare('a'),
  'a'.localeCompare('A'),
  'a'.localeCompare('Á', 'en', { sensitivity: 'base' }),
  'a\u0301'.localeCompare('á'),
  'x2'.localeCompare('x10', undefined, { numeric: true }),
]);

say('locales', () => [
  Intl.getCanonicalLocales(['EN-us', 'de-latn-de', 'en-US']),
  Intl.NumberFormat.supportedLocalesOf(['en-GB', 'en']),
  new Intl.NumberFormat('en-GB').resolvedOptions().locale,
]);
say('a bad locale', () => new Intl.NumberFormat('x'));
say('Locale', () => [
  String(new Intl.Locale('en-latn-us-u-hc-h12')),
  new Intl.Locale('en-Latn-US').region,
  new Intl.Locale('en', { region: 'GB' }).baseName,
  new Intl.Locale('zh-Hant-TW').script,
]);
say('tags', () => [
  Object.prototype.toString.call(Intl),
  Object.prototype.toString.call(new Intl.Collator()),
  Object.keys(Intl).length,
  typeof Intl.supportedValuesOf('unit'),
]);

for (const text of [
  'héllo',
  'e\u0301a',
  '👨‍👩‍👧‍👦!',
  '🇩🇪🇫🇷x',
  '👍🏽a',
  '각힣',
  '\u1100\u1161\u11a8',
  'a\r\nb',
  '1️⃣2',
  'ก็',
  '한국어',
  '❤️‍🔥',
  'x\u200d',
  '',
]) {
  say(`graphemes ${JSON.stringify(text)}`, () =>
    [...new Intl.Segmenter('en').segment(text)].map(({ segment, index }) => [segment, index]),
  );
}
for (const text of [
  "Hello, world! It's 3.14 or 1,234.",
  'a  b\tc',
  "don't stop-me_now",
  'x: y; www.example.com 10%',
  'naïve café',
  'a\r\nb',
]) {
  say(`words ${JSON.stringify(text)}`, () =>
    [...new Intl.Segmenter('en', { granularity: 'word' }).segment(text)].map(({ segment, isWordLike }) => [
      segment,
      isWordLike,
    ]),
  );
}
for (const text of ['One. Two! Three? Four', 'Is it 3.14? Yes.', 'A line\nanother. End', '"Quoted." Next.']) {
  say(`sentences ${JSON.stringify(text)}`, () =>
    [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)].map(({ segment }) => segment),
  );
}
say('containing', () => [
  new Intl.Segmenter('en').segment('a👍b').containing(2),
  new Intl.Segmenter('en').segment('ab').containing(5) === undefined,
]);
say('segmenter options', () => new Intl.Segmenter('en-US', { granularity: 'word' }).resolvedOptions());
