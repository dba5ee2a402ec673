// A default function: JSON text in, an object out.
const main: Wapo.Main = async (text) => {
  const request: Wapo.JsonRequest = JSON.parse(text);
  const names: string[] = Object.keys(request.queries);
  const first: string | undefined = request.queries['a']?.[0];
  return { status: 201, headers: { 'x-names': names }, body: { first, method: request.method, secret: request.secret } };
};
export default main;
