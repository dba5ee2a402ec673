// Strings: built, cut, searched and escaped, as templates are.
function main() {
  const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  let length = 0;
  for (let round = 0; round < 40; round++) {
    let page = '<ul>';
    for (let i = 0; i < 400; i++) page += `<li id="item-${i}" class="${i % 2 ? 'odd' : 'even'}">${escape(`a < b & "c" ${i}`)}</li>`;
    page += '</ul>';
    length += page.split('<li').length + page.indexOf('item-399') + page.toUpperCase().length + page.slice(5, -5).trim().length;
    for (let i = 0; i < page.length; i += 3) length += page.charCodeAt(i) & 1;
  }
  return length;
}
