// A classic script: module.exports, scriptArgs, scriptOutput, process.env.
const handler: Wapo.Exports = () => {
  const request: Wapo.JsonRequest = JSON.parse(scriptArgs[0] ?? '{}');
  const secret: unknown = JSON.parse(process.env.secret || '""');
  scriptOutput = JSON.stringify({ body: `${request.method} ${typeof secret} ${process.argv.length}` });
};
var module = { exports: handler };
