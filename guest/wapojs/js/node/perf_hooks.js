// node:perf_hooks: https://nodejs.org/api/perf_hooks.html; the global `performance`

import { performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } from '../performance.js';

export { performance, PerformanceEntry, PerformanceMark, PerformanceMeasure };
export const constants = {};
export default { performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, constants };
