import fs from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const root = fs.mkdtempSync('/tmp/wapo-');
const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code} ${error.syscall} ${error.message.replaceAll(root, '')}`;
  }
  console.log(`${label}: ${JSON.stringify(value)}`);
};
const at = (name) => `${root}/${name}`;
say('write and read', () => {
  fs.writeFileSync(at('a.txt'), 'héllo');
  return [
    fs.readFileSync(at('a.txt'), 'utf8'),
    fs.readFileSync(at('a.txt')).length,
    fs.existsSync(at('a.txt')),
    fs.existsSync(at('b')),
  ];
});
say('no such file', () => fs.readFileSync(at('none')));
say('append', () => {
  fs.appendFileSync(at('a.txt'), '!');
  return fs.readFileSync(at('a.txt'), { encoding: 'utf8' });
});
say('exclusive', () => fs.writeFileSync(at('a.txt'), 'x', { flag: 'wx' }));
say('mkdir', () => [
  fs.mkdirSync(at('d')) === undefined,
  fs.mkdirSync(at('e/f/g'), { recursive: true }).replace(root, ''),
  fs.readdirSync(root).sort(),
]);
say('mkdir again', () => fs.mkdirSync(at('d')));
say('mkdir below nothing', () => fs.mkdirSync(at('x/y')));
say('stat', () => {
  const s = fs.statSync(at('a.txt'));
  return [
    s.isFile(),
    s.isDirectory(),
    s.size,
    fs.statSync(at('d')).isDirectory(),
    fs.statSync(at('none'), { throwIfNoEntry: false }) === undefined,
  ];
});
say('stat of nothing', () => fs.statSync(at('none')));
say('types', () =>
  fs
    .readdirSync(root, { withFileTypes: true })
    .map((e) => [e.name, e.isDirectory(), e.isFile()])
    .sort(),
);
say('rename', () => {
  fs.renameSync(at('a.txt'), at('d/b.txt'));
  return [fs.existsSync(at('a.txt')), fs.readFileSync(at('d/../d/./b.txt'), 'utf8')];
});
say('copy', () => {
  fs.copyFileSync(at('d/b.txt'), at('c.txt'));
  return fs.readFileSync(at('c.txt'), 'utf8');
});
say('link', () => {
  fs.symlinkSync(at('c.txt'), at('l'));
  return [
    fs.readFileSync(at('l'), 'utf8'),
    fs.lstatSync(at('l')).isSymbolicLink(),
    fs.readlinkSync(at('l')).replace(root, ''),
  ];
});
say('rmdir of a full one', () => fs.rmdirSync(at('d')));
say('read a folder', () => fs.readFileSync(at('d')));
say('a file as a folder', () => fs.readdirSync(at('c.txt')));
say('descriptors', () => {
  const fd = fs.openSync(at('fd'), 'w+');
  fs.writeSync(fd, 'hello world');
  const buffer = Buffer.alloc(5);
  const count = fs.readSync(fd, buffer, 0, 5, 6);
  fs.closeSync(fd);
  return [count, buffer.toString()];
});
say('closed', () => fs.closeSync(9999));
say('unlink', () => {
  fs.unlinkSync(at('l'));
  return fs.existsSync(at('l'));
});
await new Promise((resolve) =>
  fs.readFile(at('c.txt'), 'utf8', (error, text) => resolve(console.log('callback', error, text))),
);
await new Promise((resolve) => fs.readFile(at('none'), (error) => resolve(console.log('callback', error.code))));
await mkdir(at('p'));
await writeFile(at('p/x'), Buffer.from('bytes'));
console.log('promises', await readFile(at('p/x'), 'utf8'), (await stat(at('p/x'))).size);
await pipeline(fs.createReadStream(at('c.txt'), { highWaterMark: 2 }), fs.createWriteStream(at('copy')));
console.log('streams', fs.readFileSync(at('copy'), 'utf8'));
await rm(root, { recursive: true });
console.log('removed', fs.existsSync(root));
