// Time zones: https://tc39.es/ecma402/#sec-time-zone-names. The data base is the host's (docs/abi.md, 1040).

import { timeZone } from 'wapo:native';

const OFFSET = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/;
const UTC_NAMES = [
  'utc',
  'etc/utc',
  'etc/gmt',
  'gmt',
  'etc/zulu',
  'zulu',
  'etc/uct',
  'uct',
  'etc/universal',
  'universal',
];

/** What several zones call their time in English, by the zone. */
const EUROPE =
  'Amsterdam Andorra Belgrade Berlin Bratislava Brussels Budapest Copenhagen Gibraltar Ljubljana Luxembourg Madrid ' +
  'Malta Monaco Oslo Paris Podgorica Prague Rome San_Marino Sarajevo Skopje Stockholm Tirane Vaduz Vatican Vienna Warsaw ' +
  'Zagreb Zurich';
const EASTERN_EUROPE = 'Athens Bucharest Chisinau Helsinki Kiev Kyiv Mariehamn Riga Sofia Tallinn Vilnius';
const families = [
  ['Eastern', 'E', 'America/', 'New_York Detroit Toronto Indiana/Indianapolis Kentucky/Louisville Montreal Nassau'],
  ['Central', 'C', 'America/', 'Chicago Winnipeg Mexico_City Regina Menominee Costa_Rica Guatemala'],
  ['Mountain', 'M', 'America/', 'Denver Boise Edmonton Phoenix'],
  ['Pacific', 'P', 'America/', 'Los_Angeles Vancouver Tijuana'],
  ['Alaska', 'AK', 'America/', 'Anchorage Juneau Nome Sitka'],
  ['Hawaii-Aleutian', 'H', 'Pacific/', 'Honolulu'],
  ['Central European', null, 'Europe/', EUROPE],
  ['Eastern European', null, 'Europe/', EASTERN_EUROPE],
  ['Western European', null, 'Europe/', 'Lisbon'],
  ['Atlantic', 'A', 'America/', 'Halifax Bermuda Puerto_Rico'],
  ['India', null, 'Asia/', 'Kolkata Calcutta'],
  ['Japan', null, 'Asia/', 'Tokyo'],
  ['China', null, 'Asia/', 'Shanghai'],
  ['Korean', null, 'Asia/', 'Seoul'],
  ['Singapore', null, 'Asia/', 'Singapore'],
  ['Hong Kong', null, 'Asia/', 'Hong_Kong'],
  ['Brasilia', null, 'America/', 'Sao_Paulo'],
  ['Argentina', null, 'America/', 'Buenos_Aires Argentina/Buenos_Aires'],
  ['Australian Eastern', null, 'Australia/', 'Sydney Melbourne Brisbane Hobart'],
  ['Moscow', null, 'Europe/', 'Moscow'],
  ['Israel', null, 'Asia/', 'Jerusalem'],
  ['Gulf', null, 'Asia/', 'Dubai'],
  ['New Zealand', null, 'Pacific/', 'Auckland'],
];
const FAMILY_OF = { __proto__: null };
for (const [name, letters, area, cities] of families) {
  for (const city of cities.split(' ')) FAMILY_OF[area + city] = { name, letters };
}
const EUROPEAN = ['Central European', 'Eastern European', 'Western European'];

const two = (number) => String(number).padStart(2, '0');

/** The offset in minutes of a name like "+05:30", or null. */
function fixedOffset(name) {
  const found = OFFSET.exec(name);
  if (found === null) return null;
  const minutes = Number(found[2]) * 60 + Number(found[3] ?? 0);
  return found[1] === '-' ? -minutes : minutes;
}

/** The name as it is written, or a RangeError. */
export function canonicalZone(name) {
  const text = String(name);
  const fixed = fixedOffset(text);
  if (fixed !== null)
    return `${fixed < 0 ? '-' : '+'}${two(Math.floor(Math.abs(fixed) / 60))}:${two(Math.abs(fixed) % 60)}`;
  if (UTC_NAMES.includes(text.toLowerCase())) return 'UTC';
  const found = timeZone(text, 0);
  if (found === null) throw new RangeError(`Invalid time zone specified: ${text}`);
  return found[2];
}

/** `[offset in minutes, daylight saving]` at a moment. */
export function offsetAt(zone, ms) {
  if (zone === 'UTC') return [0, false];
  const fixed = fixedOffset(zone);
  if (fixed !== null) return [fixed, false];
  const found = timeZone(zone, ms);
  return found === null ? [0, false] : [found[0] / 60, found[1] !== 0];
}

function gmt(minutes, long, zero) {
  if (minutes === 0) return zero;
  const size = Math.abs(minutes);
  const hours = Math.floor(size / 60);
  const rest = Math.floor(size % 60);
  const sign = minutes < 0 ? '-' : '+';
  return long ? `GMT${sign}${two(hours)}:${two(rest)}` : `GMT${sign}${hours}${rest > 0 ? `:${two(rest)}` : ''}`;
}

/** A zone's name as timeZoneName asks for it. */
export function zoneName(zone, style, ms, british) {
  const [minutes, daylight] = offsetAt(zone, ms);
  if (style === 'shortOffset') return gmt(minutes, false, zone === 'UTC' ? 'GMT' : 'GMT+0');
  if (style === 'longOffset') return gmt(minutes, true, zone === 'UTC' ? 'GMT' : 'GMT+00:00');
  if (zone === 'UTC') return style.startsWith('long') ? 'Coordinated Universal Time' : 'UTC';
  if (zone === 'Europe/London' && minutes === 0) return style === 'long' ? 'Greenwich Mean Time' : 'GMT';
  if (zone === 'Europe/London') return style === 'long' ? 'British Summer Time' : british ? 'BST' : 'GMT+1';
  const family = FAMILY_OF[zone];
  const long = style.startsWith('long');
  if (family === undefined) return gmt(minutes, long, long ? 'GMT+00:00' : 'GMT');
  const generic = style.endsWith('Generic');
  if (long) {
    if (generic) return `${family.name} Time`;
    const summer = EUROPEAN.includes(family.name) || family.name === 'Moscow' ? 'Summer' : 'Daylight';
    return `${family.name} ${daylight ? summer : 'Standard'} Time`;
  }
  if (!british && family.letters !== null) return `${family.letters}${generic ? '' : daylight ? 'D' : 'S'}T`;
  if (british && EUROPEAN.includes(family.name)) {
    const letters = family.name
      .split(' ')
      .map((word) => word[0])
      .join('');
    return `${letters}${daylight && !generic ? 'S' : ''}T`;
  }
  return gmt(minutes, false, 'GMT');
}
