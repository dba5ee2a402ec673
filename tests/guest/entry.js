// The start of a guest that has the platform's tests in it: `runTestFile(name)` loads one, and it runs by itself.
import '../../guest/wapojs/js/main.js';

globalThis.runTestFile = (name) => import(`./js/${name}`);
