export default {
  async fetch(request) {
    const upstream = request.headers.get('x-upstream');
    const answer = await fetch(`${upstream}/data?x=1`, { headers: { accept: 'application/json' } });
    const data = await answer.json();
    return Response.json({ ok: answer.ok, data }, { headers: { 'cache-control': 'no-store' } });
  },
};
