const request = JSON.parse(scriptArgs[0]);
scriptOutput = JSON.stringify({ status: 200, body: request.path + (process.env.secret ?? '') });
