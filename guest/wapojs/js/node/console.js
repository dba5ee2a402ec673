// node:console: https://nodejs.org/api/console.html; the global

const { console } = globalThis;

export const {
  assert,
  count,
  countReset,
  debug,
  dir,
  dirxml,
  error,
  group,
  groupCollapsed,
  groupEnd,
  info,
  log,
  table,
  time,
  timeEnd,
  timeLog,
  trace,
  warn,
} = console;
export default console;
