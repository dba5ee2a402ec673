// What can be told from a program's text without parsing it: guesses, for which a wrong answer costs time and nothing else.
//
// Searching for words is a hundred times as fast as searching for an expression, so expressions are tried only where
// the words are that they begin with.

/** Whether one of the words is there. */
export function hasWord(source, words) {
  for (const word of words) if (source.indexOf(word) >= 0) return true;
  return false;
}

/** The matches of a sticky expression, each at a place where one of the words is. */
export function matchesAt(source, words, expression) {
  const matches = [];
  for (const word of words)
    for (let at = source.indexOf(word); at >= 0; at = source.indexOf(word, at + 1)) {
      expression.lastIndex = at;
      const match = expression.exec(source);
      if (match !== null) matches.push(match);
    }
  return matches;
}
