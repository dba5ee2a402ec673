// What English says about numbers: symbols and names of currencies and units (Unicode CLDR, en).

/** Digits after the point, where they are not two (ISO 4217). */
export const CURRENCY_DIGITS = {
  __proto__: null,
  BHD: 3, BIF: 0, CLP: 0, DJF: 0, GNF: 0, IQD: 0, ISK: 0, JOD: 3, JPY: 0, KMF: 0, KRW: 0, KWD: 3, LYD: 3, OMR: 3,
  PYG: 0, RWF: 0, TND: 3, UGX: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
};

export const CURRENCY_SYMBOLS = {
  __proto__: null,
  AUD: 'A$', BRL: 'R$', CAD: 'CA$', CNY: 'CN¥', EUR: '€', GBP: '£', HKD: 'HK$', ILS: '₪', INR: '₹', JPY: '¥',
  KRW: '₩', MXN: 'MX$', NZD: 'NZ$', PHP: '₱', TWD: 'NT$', USD: '$', VND: '₫', XAF: 'FCFA', XCD: 'EC$',
  XOF: 'F\u202fCFA', XPF: 'CFPF',
};
export const NARROW_SYMBOLS = {
  __proto__: null,
  AUD: '$', BRL: 'R$', CAD: '$', CNY: '¥', CZK: 'Kč', DKK: 'kr', HKD: '$', MXN: '$', NOK: 'kr', NZD: '$', PLN: 'zł',
  RUB: '₽', SEK: 'kr', SGD: '$', THB: '฿', TRY: '₺', TWD: '$', UAH: '₴',
};
/** One, and several. */
export const CURRENCY_NAMES = {
  __proto__: null,
  AUD: ['Australian dollar', 'Australian dollars'], BRL: ['Brazilian real', 'Brazilian reals'],
  CAD: ['Canadian dollar', 'Canadian dollars'], CHF: ['Swiss franc', 'Swiss francs'],
  CNY: ['Chinese yuan', 'Chinese yuan'], CZK: ['Czech koruna', 'Czech korunas'],
  DKK: ['Danish krone', 'Danish kroner'], EUR: ['euro', 'euros'], GBP: ['British pound', 'British pounds'],
  HKD: ['Hong Kong dollar', 'Hong Kong dollars'], INR: ['Indian rupee', 'Indian rupees'],
  JPY: ['Japanese yen', 'Japanese yen'], KRW: ['South Korean won', 'South Korean won'],
  MXN: ['Mexican peso', 'Mexican pesos'], NOK: ['Norwegian krone', 'Norwegian kroner'],
  NZD: ['New Zealand dollar', 'New Zealand dollars'], PLN: ['Polish zloty', 'Polish zlotys'],
  SEK: ['Swedish krona', 'Swedish kronor'], SGD: ['Singapore dollar', 'Singapore dollars'],
  USD: ['US dollar', 'US dollars'],
};

/** short, narrow, long for one and several; `{0}` is the number. */
const unit = (short, narrow, one, other, shortOne = short) => ({ short, shortOne, narrow, one, other });
const spaced = (symbol, narrow, one, other) => unit(`{0} ${symbol}`, `{0}${narrow}`, `{0} ${one}`, `{0} ${other}`);
export const UNITS = {
  __proto__: null,
  acre: spaced('ac', 'ac', 'acre', 'acres'), bit: spaced('bit', 'bit', 'bit', 'bits'),
  byte: spaced('byte', 'B', 'byte', 'bytes'),
  celsius: unit('{0}°C', '{0}°C', '{0} degree Celsius', '{0} degrees Celsius'),
  centimeter: spaced('cm', 'cm', 'centimeter', 'centimeters'),
  day: unit('{0} days', '{0}d', '{0} day', '{0} days', '{0} day'),
  degree: unit('{0} deg', '{0}°', '{0} degree', '{0} degrees'),
  fahrenheit: unit('{0}°F', '{0}°', '{0} degree Fahrenheit', '{0} degrees Fahrenheit'),
  'fluid-ounce': spaced('fl oz', 'fl oz', 'fluid ounce', 'fluid ounces'),
  foot: unit('{0} ft', '{0}′', '{0} foot', '{0} feet'), gallon: spaced('gal', 'gal', 'gallon', 'gallons'),
  gigabit: spaced('Gb', 'Gb', 'gigabit', 'gigabits'), gigabyte: spaced('GB', 'GB', 'gigabyte', 'gigabytes'),
  gram: spaced('g', 'g', 'gram', 'grams'), hectare: spaced('ha', 'ha', 'hectare', 'hectares'),
  hour: spaced('hr', 'h', 'hour', 'hours'), inch: unit('{0} in', '{0}″', '{0} inch', '{0} inches'),
  kilobit: spaced('kb', 'kb', 'kilobit', 'kilobits'), kilobyte: spaced('kB', 'kB', 'kilobyte', 'kilobytes'),
  kilogram: spaced('kg', 'kg', 'kilogram', 'kilograms'), kilometer: spaced('km', 'km', 'kilometer', 'kilometers'),
  liter: spaced('L', 'L', 'liter', 'liters'), megabit: spaced('Mb', 'Mb', 'megabit', 'megabits'),
  megabyte: spaced('MB', 'MB', 'megabyte', 'megabytes'), meter: spaced('m', 'm', 'meter', 'meters'),
  mile: spaced('mi', 'mi', 'mile', 'miles'), milliliter: spaced('mL', 'mL', 'milliliter', 'milliliters'),
  millimeter: spaced('mm', 'mm', 'millimeter', 'millimeters'),
  millisecond: spaced('ms', 'ms', 'millisecond', 'milliseconds'),
  microsecond: spaced('μs', 'μs', 'microsecond', 'microseconds'),
  nanosecond: spaced('ns', 'ns', 'nanosecond', 'nanoseconds'), minute: spaced('min', 'm', 'minute', 'minutes'),
  month: unit('{0} mths', '{0}m', '{0} month', '{0} months', '{0} mth'), ounce: spaced('oz', 'oz', 'ounce', 'ounces'),
  percent: unit('{0}%', '{0}%', '{0} percent', '{0} percent'), petabyte: spaced('PB', 'PB', 'petabyte', 'petabytes'),
  pound: unit('{0} lb', '{0}#', '{0} pound', '{0} pounds'), second: spaced('sec', 's', 'second', 'seconds'),
  stone: spaced('st', 'st', 'stone', 'stones'), terabit: spaced('Tb', 'Tb', 'terabit', 'terabits'),
  terabyte: spaced('TB', 'TB', 'terabyte', 'terabytes'),
  week: unit('{0} wks', '{0}w', '{0} week', '{0} weeks', '{0} wk'), yard: spaced('yd', 'yd', 'yard', 'yards'),
  year: unit('{0} yrs', '{0}y', '{0} year', '{0} years', '{0} yr'),
};
/** Compounds with a short form of their own. */
export const RATES = {
  __proto__: null,
  'kilometer-per-hour': spaced('km/h', 'km/h', 'kilometer per hour', 'kilometers per hour'),
  'mile-per-hour': spaced('mph', 'mph', 'mile per hour', 'miles per hour'),
  'meter-per-second': spaced('m/s', 'm/s', 'meter per second', 'meters per second'),
  'liter-per-kilometer': spaced('L/km', 'L/km', 'liter per kilometer', 'liters per kilometer'),
  'mile-per-gallon': spaced('mpg', 'mpg', 'mile per gallon', 'miles per gallon'),
};

/** Powers of a thousand of compact numbers: short, long. */
export const COMPACT = [['', ''], ['K', 'thousand'], ['M', 'million'], ['B', 'billion'], ['T', 'trillion']];
