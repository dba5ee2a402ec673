// node:constants: deprecated; there are no error numbers here

export default {};
