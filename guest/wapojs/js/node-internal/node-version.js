// A program that imports Node's modules hears of Node's version: packages take what is older for something else.
// Others hear what the original WapoJS says.

import { process } from '../process.js';

process.version = `v${process.versions.node}`;
