// As the small routers of npm do it: a context for each request, patterns, middleware, private fields.
class Context {
  #request;
  #parameters;
  #headers = new Headers();
  constructor(request, parameters) {
    this.#request = request;
    this.#parameters = parameters;
  }
  get request() { return this.#request; }
  param(name) { return this.#parameters[name]; }
  header(name, value) { this.#headers.set(name, value); }
  text(text, status = 200) { return this.#answer(text, status, 'text/plain; charset=UTF-8'); }
  json(value, status = 200) { return this.#answer(JSON.stringify(value), status, 'application/json'); }
  html(text) { return this.#answer(text, 200, 'text/html; charset=UTF-8'); }
  #answer(body, status, type) {
    this.#headers.set('content-type', type);
    return new Response(body, { status, headers: this.#headers });
  }
}

class Router {
  #routes = [];
  #middleware = [];
  use(middleware) {
    this.#middleware.push(middleware);
    return this;
  }
  get(path, handler) {
    this.#routes.push([new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`), handler]);
    return this;
  }
  fetch = async (request) => {
    const { pathname } = new URL(request.url);
    for (const [pattern, handler] of this.#routes) {
      const match = pattern.exec(pathname);
      if (!match) continue;
      const context = new Context(request, { ...match.groups });
      const run = async (index) =>
        index < this.#middleware.length ? this.#middleware[index](context, () => run(index + 1)) : handler(context);
      try {
        return await run(0);
      } catch (error) {
        return context.text(error.message, 500);
      }
    }
    return new Response('404 Not Found', { status: 404 });
  };
}

export default new Router()
  .use(async (context, next) => {
    const begin = Date.now();
    const response = await next();
    response.headers.set('x-time', `${Date.now() - begin}`);
    return response;
  })
  .get('/page', (context) => context.html(`<h1>${['a', 'b'].map((x) => `<li>${x}</li>`).join('')}</h1>`))
  .get('/users/:id', (context) => {
    const { searchParams } = new URL(context.request.url);
    return context.json({ id: context.param('id'), hello: searchParams.get('name') });
  });
