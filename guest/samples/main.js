export default async function main(request) {
  const { path, queries } = JSON.parse(request);
  const headers = { 'content-type': 'application/json' };
  return JSON.stringify({ status: 200, headers, body: JSON.stringify({ path, queries }) });
}
