// util.parseArgs: https://nodejs.org/api/util.html#utilparseargsconfig

import { typeError } from './errors.js';

const unknown = (text) => typeError('ERR_PARSE_ARGS_UNKNOWN_OPTION', text);
const invalid = (text) => typeError('ERR_PARSE_ARGS_INVALID_OPTION_VALUE', text);

/** Words as tokens: `{ kind: 'option', name, rawName, value, inlineValue }`, `{ kind: 'positional', value }`, and so on. */
function tokenize(args, options) {
  const tokens = [];
  const byShort = (letter) => Object.keys(options).find((name) => options[name].short === letter) ?? letter;
  const takesValue = (name) => options[name]?.type === 'string';
  for (let index = 0; index < args.length; index++) {
    const word = args[index];
    if (word === '--') {
      tokens.push({ kind: 'option-terminator', index });
      for (let i = index + 1; i < args.length; i++) tokens.push({ kind: 'positional', index: i, value: args[i] });
      break;
    }
    const option = (name, rawName, value, inlineValue) => {
      let own = index;
      if (value === undefined && takesValue(name) && index + 1 < args.length && !/^-./.test(args[index + 1])) {
        own = index++;
        value = args[index];
        inlineValue = false;
      }
      tokens.push({ kind: 'option', name, rawName, index: own, value, inlineValue });
    };
    if (word.startsWith('--')) {
      const at = word.indexOf('=');
      if (at > 2) option(word.slice(2, at), word.slice(0, at), word.slice(at + 1), true);
      else option(word.slice(2), word, undefined, undefined);
    } else if (word.length > 1 && word.startsWith('-')) {
      for (let at = 1; at < word.length; at++) {
        const name = byShort(word[at]);
        if (takesValue(name) && at + 1 < word.length) {
          option(name, `-${word[at]}`, word.slice(at + 1), true);
          break;
        }
        option(name, `-${word[at]}`, undefined, undefined);
      }
    } else {
      tokens.push({ kind: 'positional', index, value: word });
    }
  }
  return tokens;
}

export function parseArgs(config = {}) {
  const {
    args = process.argv.slice(2),
    options = {},
    strict = true,
    tokens: wantsTokens = false,
    allowNegative = false,
  } = config;
  const allowPositionals = config.allowPositionals ?? !strict;
  const tokens = tokenize(args, options);
  const values = { __proto__: null };
  const positionals = [];
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!allowPositionals) {
        throw typeError(
          'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL',
          `Unexpected argument '${token.value}'. This command does not take positional arguments`,
        );
      }
      positionals.push(token.value);
    } else if (token.kind === 'option') {
      let { name } = token;
      let value = token.value ?? true;
      if (allowNegative && !(name in options) && name.startsWith('no-') && options[name.slice(3)]?.type === 'boolean') {
        name = name.slice(3);
        value = false;
      }
      const option = Object.hasOwn(options, name) ? options[name] : undefined;
      if (strict) {
        if (option === undefined) throw unknown(`Unknown option '${token.rawName}'`);
        if (option.type === 'string' && token.value === undefined)
          throw invalid(`Option '${token.rawName} <value>' argument missing`);
        if (option.type === 'boolean' && token.value !== undefined)
          throw invalid(`Option '${token.rawName}' does not take an argument`);
      }
      if (option?.multiple) (values[name] ??= []).push(value);
      else values[name] = value;
    }
  }
  for (const name of Object.keys(options)) {
    if (options[name].default !== undefined) values[name] ??= options[name].default;
  }
  return wantsTokens ? { values, positionals, tokens } : { values, positionals };
}
