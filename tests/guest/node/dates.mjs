// Intl.DateTimeFormat for en-US and en-GB: styles, combinations of fields, time zones.
const d = new Date(Date.UTC(2024, 1, 9, 15, 4, 5, 678));
const j = (x) => JSON.stringify(x);
for (const l of ['en-US', 'en-GB']) {
  for (const ds of ['full', 'long', 'medium', 'short'])
    console.log(
      l,
      ds,
      j(d.toLocaleString(l, { dateStyle: ds, timeZone: 'UTC' })),
      j(d.toLocaleString(l, { timeStyle: ds, timeZone: 'UTC' })),
      j(d.toLocaleString(l, { dateStyle: ds, timeStyle: ds === 'full' ? 'short' : ds, timeZone: 'UTC' })),
    );
  const W = ['long', 'short'],
    M = ['numeric', '2-digit', 'long', 'short', 'narrow'];
  for (const o of [
    {},
    { weekday: 'long' },
    { weekday: 'narrow' },
    { year: 'numeric' },
    { year: '2-digit' },
    { month: 'numeric' },
    { month: '2-digit' },
    { month: 'long' },
    { month: 'short' },
    { month: 'narrow' },
    { day: 'numeric' },
    { day: '2-digit' },
    { year: 'numeric', month: 'numeric' },
    { year: 'numeric', month: '2-digit' },
    { year: 'numeric', month: 'long' },
    { year: 'numeric', month: 'short' },
    { month: 'numeric', day: 'numeric' },
    { month: '2-digit', day: '2-digit' },
    { month: 'long', day: 'numeric' },
    { month: 'short', day: '2-digit' },
    { year: 'numeric', month: 'numeric', day: 'numeric' },
    { year: 'numeric', month: '2-digit', day: '2-digit' },
    { year: '2-digit', month: 'numeric', day: 'numeric' },
    { year: 'numeric', month: 'long', day: 'numeric' },
    { year: 'numeric', month: 'short', day: 'numeric' },
    { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
    { weekday: 'short', year: 'numeric', month: 'short', day: 'numeric' },
    { weekday: 'short', month: 'short', day: 'numeric' },
    { weekday: 'long', month: 'long', day: 'numeric' },
    { weekday: 'short', year: 'numeric', month: 'numeric', day: 'numeric' },
    { weekday: 'short', month: 'numeric', day: 'numeric' },
    { weekday: 'short', day: 'numeric' },
    { weekday: 'short', year: 'numeric' },
    { era: 'short', year: 'numeric' },
    { era: 'short', year: 'numeric', month: 'long', day: 'numeric' },
    { weekday: 'long', year: 'numeric', month: 'long' },
    { hour: 'numeric' },
    { hour: '2-digit' },
    { hour: 'numeric', minute: 'numeric' },
    { hour: '2-digit', minute: '2-digit' },
    { hour: 'numeric', minute: '2-digit', second: '2-digit' },
    { minute: 'numeric' },
    { second: 'numeric' },
    { minute: '2-digit', second: '2-digit' },
    { hour: 'numeric', hour12: false },
    { hour: 'numeric', minute: 'numeric', hour12: false },
    { hour: '2-digit', minute: '2-digit', hour12: true },
    { hour: 'numeric', minute: 'numeric', hourCycle: 'h23' },
    { fractionalSecondDigits: 3 },
    { second: 'numeric', fractionalSecondDigits: 2 },
    { hour: 'numeric', minute: 'numeric', second: 'numeric', fractionalSecondDigits: 3 },
    { hour: 'numeric', timeZoneName: 'short' },
    { hour: 'numeric', minute: 'numeric', timeZoneName: 'long' },
    { timeZoneName: 'short' },
    { timeZoneName: 'short', year: 'numeric', month: 'numeric', day: 'numeric' },
    { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: 'numeric' },
    { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: 'numeric' },
    { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
    { weekday: 'long', hour: 'numeric' },
    { weekday: 'long', month: 'long', day: 'numeric', hour: 'numeric', minute: 'numeric', timeZoneName: 'short' },
    { month: 'short', day: 'numeric', hour: 'numeric' },
    { weekday: 'short', month: 'short', day: 'numeric', year: 'numeric', hour: 'numeric', minute: '2-digit' },
    { dayPeriod: 'long', hour: 'numeric' },
  ])
    console.log(l, j(o), j(new Intl.DateTimeFormat(l, { timeZone: 'UTC', ...o }).format(d)));
  for (const z of [
    'America/New_York',
    'Europe/Berlin',
    'Asia/Kolkata',
    'Asia/Tokyo',
    'America/Los_Angeles',
    'Europe/London',
    '+05:30',
    'Etc/GMT+3',
    'Australia/Sydney',
    'America/Sao_Paulo',
    'Pacific/Honolulu',
    'America/Chicago',
    'America/Denver',
    'America/Anchorage',
  ])
    console.log(
      l,
      z,
      ['short', 'long', 'shortOffset', 'longOffset']
        .map((n) => {
          try {
            return new Intl.DateTimeFormat(l, { timeZone: z, timeZoneName: n, hour: 'numeric' }).format(d);
          } catch (e) {
            return e.message;
          }
        })
        .map(j)
        .join(),
    );
}

const winter = new Date(Date.UTC(2024, 0, 1, 0, 30));
const summer = new Date(Date.UTC(2024, 6, 1, 0, 30));
for (const zone of [
  'America/New_York',
  'Europe/Berlin',
  'Australia/Eucla',
  'America/St_Johns',
  'utc',
  'europe/paris',
]) {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, dateStyle: 'short', timeStyle: 'long' });
  console.log(zone, j([winter, summer].map((date) => format.format(date))), format.resolvedOptions().timeZone);
}
const parts = new Intl.DateTimeFormat('en-US', {
  weekday: 'short',
  year: 'numeric',
  month: 'long',
  day: '2-digit',
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  timeZone: 'Asia/Tokyo',
  timeZoneName: 'short',
  hour12: false,
});
console.log(j(parts.formatToParts(d)), j(parts.resolvedOptions().hourCycle), j(parts.resolvedOptions().weekday));
console.log(
  j(new Intl.DateTimeFormat('en-US', { timeZone: 'UTC' }).formatRange(winter, summer)),
  j(new Intl.DateTimeFormat('en-US', { timeZone: 'UTC' }).formatRange(winter, winter)),
);
const o = { timeZone: 'UTC' };
console.log(
  j([
    d.toLocaleString('en-US', o),
    d.toLocaleDateString('en-US', o),
    d.toLocaleTimeString('en-US', o),
    d.toLocaleDateString('en-US', { ...o, hour: 'numeric' }),
    d.toLocaleTimeString('en-US', { ...o, month: 'long' }),
    d.toLocaleString('en-US', { ...o, weekday: 'long' }),
    new Date(NaN).toLocaleString(),
  ]),
);
console.log(
  j(
    [0, 6, 12, 18, 23].map((hour) =>
      ['h11', 'h12', 'h23', 'h24'].map((hourCycle) =>
        new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', hourCycle, timeZone: 'UTC' }).format(
          Date.UTC(2024, 0, 1, hour),
        ),
      ),
    ),
  ),
);
console.log(
  j(
    [new Date(Date.UTC(-5, 0, 1)), new Date(Date.UTC(12345, 0, 1))].map((date) =>
      date.toLocaleDateString('en-US', { ...o, year: 'numeric', era: 'short' }),
    ),
  ),
);
for (const options of [
  { timeZone: 'Nowhere/City' },
  { timeZone: 'localtime' },
  { month: 'huge' },
  { dateStyle: 'full', year: 'numeric' },
  { fractionalSecondDigits: 4 },
  { timeZone: '../etc/passwd' },
]) {
  try {
    new Intl.DateTimeFormat('en-US', options);
    console.log(j(options), 'is fine');
  } catch (error) {
    console.log(j(options), error.name);
  }
}
try {
  new Intl.DateTimeFormat('en').format(NaN);
} catch (error) {
  console.log(error.name);
}
console.log(
  Intl.DateTimeFormat('en') instanceof Intl.DateTimeFormat,
  Object.prototype.toString.call(new Intl.DateTimeFormat()),
  [1, 2].map(new Intl.DateTimeFormat('en-US', o).format).join(),
);
