// Hello JSON: the least that an agent can do.
export default { fetch: () => Response.json({ hello: 'world' }) };
