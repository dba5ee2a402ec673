module.exports = async () => JSON.stringify({ status: 200, body: JSON.parse(scriptArgs[0]).method });
