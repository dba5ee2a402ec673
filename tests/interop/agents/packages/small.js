// uuid, date-fns, lodash, marked, yaml, cheerio
import { v1, v3, v4, v5, v7, validate, version, parse, stringify, NIL } from 'uuid';
import {
  addMonths,
  differenceInDays,
  format,
  formatDistance,
  formatISO,
  parse as parseDate,
  parseISO,
  startOfWeek,
  isValid,
} from 'date-fns';
import { de } from 'date-fns/locale';
import _ from 'lodash';
import { marked } from 'marked';
import YAML from 'yaml';
import * as cheerio from 'cheerio';
console.log(
  validate(v4()),
  version(v7()),
  v5('x', v5.DNS),
  v3('x', v3.URL),
  stringify(parse(NIL)),
  version(v1()),
  v7() < v7(),
);
const d = parseISO('2024-02-29T12:34:56Z');
console.log(
  formatISO(addMonths(d, 12)),
  format(d, 'yyyy-MM-dd EEEE do MMM'),
  format(d, 'PPPP', { locale: de }),
  formatDistance(d, addMonths(d, 2)),
  differenceInDays(parseISO('2024-03-10'), parseISO('2024-03-01')),
  isValid(parseDate('31/02/2020', 'dd/MM/yyyy', new Date(0))),
  startOfWeek(d).toISOString(),
);
console.log(
  JSON.stringify([
    _.groupBy([1.2, 1.8, 2.1], Math.floor),
    _.get({ a: [{ b: 3 }] }, 'a[0].b'),
    _.cloneDeep({ a: [1, { b: new Date(0) }] }),
    _.template('hi <%= name %>')({ name: 'x' }),
    _.sortBy([{ a: 2 }, { a: 1 }], 'a'),
    _.camelCase('foo bar-baz'),
    _.merge({ a: { b: 1 } }, { a: { c: 2 } }),
    _.isEqual(new Map([[1, 2]]), new Map([[1, 2]])),
    _.isBuffer(Buffer.alloc(1)),
  ]),
);
console.log(
  await new Promise((r) => {
    const f = _.debounce((x) => r(x), 5);
    f(1);
    f(2);
  }),
);
console.log(marked.parse('# Title\n\n* a **b**\n* `c`\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```js\nlet a;\n```\n'));
console.log(
  YAML.stringify(
    YAML.parse(
      'a: &x [1, 2]\nb: *x\nc:\n  - d: "e"\n    f: |\n      text\n      more\ng: 2020-01-01\nh: !!binary aGVsbG8=\n',
    ),
  ),
);
const $ = cheerio.load('<ul id="l"><li class="a">One</li><li>Two<a href="/x">l</a></li></ul>');
$('li').addClass('z');
$('#l').append('<li>Three &amp; é</li>');
console.log(
  $('li').length,
  $('li.a').text(),
  $('a').attr('href'),
  $.html(),
  $('li')
    .map((i, el) => $(el).text())
    .get()
    .join('|'),
);
