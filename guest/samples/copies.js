export default {
  async fetch(request) {
    const [a, b] = await Promise.all([request.clone().text(), request.text()]);
    const response = new Response(a + b);
    await response.clone().text();
    return request.headers.has('x-elsewhere') ? Response.redirect('http://localhost/', 302) : response;
  },
};
