// node:os: https://nodejs.org/api/os.html; what it says of a machine that is nobody's

export const EOL = '\n';
export const devNull = '/dev/null';
export const arch = () => 'wasm32';
export const platform = () => process.platform;
export const type = () => 'Wapo';
export const release = () => '0';
export const version = () => '';
export const machine = () => 'wasm32';
export const hostname = () => 'localhost';
export const homedir = () => '/';
export const tmpdir = () => '/tmp';
export const endianness = () => 'LE';
export const uptime = () => process.uptime();
export const loadavg = () => [0, 0, 0];
export const totalmem = () => 0;
export const freemem = () => 0;
export const availableParallelism = () => 1;
export const cpus = () => [];
export const networkInterfaces = () => ({});
export const userInfo = () => ({ uid: -1, gid: -1, username: 'wapo', homedir: '/', shell: null });
export const getPriority = () => 0;
export const constants = { signals: {}, errno: {}, priority: {} };

export default {
  EOL,
  devNull,
  arch,
  platform,
  type,
  release,
  version,
  machine,
  hostname,
  homedir,
  tmpdir,
  endianness,
  uptime,
  loadavg,
  totalmem,
  freemem,
  availableParallelism,
  cpus,
  networkInterfaces,
  userInfo,
  getPriority,
  constants,
};
