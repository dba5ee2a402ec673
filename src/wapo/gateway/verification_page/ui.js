import { verdict, verify } from './verify.js';

const form = document.querySelector('form');
const list = document.querySelector('ol');
const result = document.querySelector('output');
const WORDS = { ok: 'OK', open: 'OPEN', failed: 'FAIL' };

// Everything that is shown is a stranger's: as text, never as HTML.
function element(name, content, kind) {
  const made = document.createElement(name);
  made.textContent = content;
  if (kind) made.className = kind;
  return made;
}

function show(one) {
  const item = document.createElement('li');
  item.append(element('b', WORDS[one.state], one.state), element('span', one.name, 'name'), element('span', one.text));
  const evidence = Object.entries(one.evidence);
  if (evidence.length > 0) {
    const details = document.createElement('details');
    details.append(element('summary', 'evidence'));
    for (const [name, value] of evidence) details.append(element('code', `${name}: ${value}`));
    item.append(details);
  }
  list.append(item);
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  list.replaceChildren();
  result.textContent = 'Verifying …';
  result.className = '';
  try {
    const steps = await verify(form.elements.url.value);
    steps.forEach(show);
    [result.className, result.textContent] = verdict(steps);
  } catch (error) {
    [result.className, result.textContent] = ['failed', `It cannot be verified: ${error.message}`];
  }
});

if (location.protocol.startsWith('http')) form.elements.url.value = new URLSearchParams(location.search).get('url') ?? `${location.origin}/`;
