// node:tty: https://nodejs.org/api/tty.html; nothing is a terminal

export const isatty = () => false;
export default { isatty };
