"""Credentials: the upstream gets one exactly when it should, and the agent, whatever it tries, never."""

import base64
import json
import re
import socket
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Site, opened_site
from tests.gateway.support import assert_refused, until
from tests.gateway.upstream import ECHOES, Upstream, open_upstream
from tests.vm.conftest import make_authority

TOKEN = "sk-proj-7Gq_x2/Vd+93=Lm4tZ"
HEADER_KEY = "k3y-in-a-header-84cJx"
QUERY_KEY = "k3y/in a+query&8=Ws"
SECRETS = (TOKEN, HEADER_KEY, QUERY_KEY)

HOST, OTHER = "api.wapo.test", "other.wapo.test"

#: Does what it is told, and tells all that it sees of what comes back.
AGENT = r"""
import https from 'node:https';

const bytes = (data) => new Uint8Array(data).toBase64();
const shown = (error) => [error.name, error.message, error.stack, error.cause && String(error.cause.message ?? error.cause)];

const WAYS = {
  async fetch({ url, ...init }) {
    const response = await fetch(url, init);
    const head = [response.status, response.statusText, response.url, [...response.headers]];
    try {
      return [...head, bytes(await response.arrayBuffer())];
    } catch (error) {
      return [...head, shown(error)];
    }
  },
  async stream({ url, ...init }) {
    const parts = [];
    try {
      for await (const part of (await fetch(url, init)).body) parts.push(bytes(part));
    } catch (error) {
      parts.push(shown(error));
    }
    return parts;
  },
  xhr: ({ url, method, headers }) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open(method ?? 'GET', url);
    for (const [name, value] of Object.entries(headers ?? {})) request.setRequestHeader(name, value);
    request.onloadend = () =>
      done([request.status, request.statusText, request.responseURL, request.getAllResponseHeaders(), request.responseText]);
    request.send();
  }),
  events: ({ url }) => new Promise((done) => {
    const source = new EventSource(url);
    source.onmessage = (event) => { source.close(); done(event.data); };
    source.onerror = (event) => { source.close(); done(['error', event.message]); };
  }),
  node: ({ url, ...options }) => new Promise((done) => {
    const request = https.request(url, options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done([response.statusCode, response.rawHeaders, Buffer.concat(parts).toString('base64')]));
      response.on('error', (error) => done(shown(error)));
    });
    request.on('error', (error) => done(shown(error)));
    request.end(options.body);
  }),
  socket: ({ url, headers }) => new Promise((done) => {
    const socket = new WebSocket(url, { headers });
    socket.onerror = (event) => done(['error', event.message]);
    socket.onopen = () => { socket.close(); done('open'); };
  }),
  isolate: async ({ url }) => String(await Wapo.run(`
    (async () => {
      const response = await fetch(${JSON.stringify(url)});
      return JSON.stringify([process.env, await response.text()]);
    })()`)),
  // All that can be reached from where it stands.
  look(_what, request, env) {
    const seen = new Set(), found = [], rest = [globalThis, request, env, process.env, process.argv, Wapo, new Error()];
    while (rest.length && seen.size < 20_000) {
      const value = rest.pop();
      if (typeof value === 'string') { found.push(value); continue; }
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
      seen.add(value);
      for (const key of Reflect.ownKeys(value)) {
        found.push(String(key.description ?? key));
        try { rest.push(value[key]); } catch (error) { found.push(error.message); }
      }
      rest.push(Object.getPrototypeOf(value));
    }
    found.push(request.url, JSON.stringify([...request.headers]), Wapo.workerSecret ?? '', Wapo.inspect(env));
    return [seen.size > 500, found.join('\n')];
  },
};

export default { async fetch(request, env) {
  const { way, ...what } = await request.json();
  let seen;
  try {
    seen = await WAYS[way](what, request, env);
  } catch (error) {
    seen = shown(error);
  }
  console.log('seen', JSON.stringify(seen));
  return Response.json(seen);
} };
"""


#: Answers that are errors.
UNREADABLE = {"zstd", "unknown", "transfer-gzip", "malformed", "nonsense", "cut", "bad-chunks"}


@dataclass
class World:
    """A node, an upstream that may be trusted, and one that may not."""

    site: Site
    upstream: Upstream
    evil: Upstream
    path: str
    key: str

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.upstream.port}"

    async def attempt(self, way: str, **what: Any) -> Any:
        """What the agent has seen, of this attempt; every attempt is looked through."""
        self.upstream.sent.clear()
        self.evil.sent.clear()
        response = await self.site.client.post(f"{self.path}?key={self.key}", json={"way": way} | what)
        assert response.status_code == 200, response.text
        assert_hidden(response.text)
        assert_hidden(str(response.headers))
        return response.json()

    @property
    def got(self) -> bool:
        """Whether the last request to the upstream had its credentials, whole and once."""
        sent = self.upstream.sent[-1]
        right = sent.all("authorization") == [f"Bearer {TOKEN}"] and sent.all("x-key") == [HEADER_KEY]
        none = TOKEN.encode() not in sent.raw and HEADER_KEY.encode() not in sent.raw
        assert right or none
        return right


def every_form(secret: str) -> Iterator[bytes]:
    """As somebody would look for it, with none of the code that hides it; in lower case."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield ",".join(map(str, raw)).encode()
    yield b"".join(b"\\u%04x" % byte for byte in raw)
    yield b"".join(b"%%%02x" % byte for byte in raw)
    yield b"".join(b"&#%d;" % byte for byte in raw)
    yield b"\0".join(bytes((byte,)) for byte in raw)
    sent = urllib.parse.quote(secret, safe="").encode()
    for text in (raw, sent):
        for at in range(3):
            yield base64.b64encode(bytes(3 - at) + text)[4:-4]
            yield base64.urlsafe_b64encode(bytes(3 - at) + text)[4:-4]
    for at in range(5):
        yield base64.b32encode(bytes(5 - at) + raw)[8:-8]


FORMS = [form.lower() for secret in SECRETS for form in every_form(secret)]


def assert_hidden(text: str) -> None:
    """Nothing of a secret is in what the agent has seen, however it is read; base64 in it is what it saw of a body."""
    raw = text.encode()
    seen = [raw, *(base64.b64decode(match[: len(match) // 4 * 4]) for match in re.findall(rb"[A-Za-z0-9+/]{16,}", raw))]
    for data in seen:
        tight = re.sub(rb"\s|\\n|\\r", b"", data.lower())
        for form in FORMS:
            assert form not in data.lower(), data
            assert re.sub(rb"\s", b"", form) not in tight, data


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("credentials")
    authority = make_authority(folder)
    real = socket.getaddrinfo

    def looked_up(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.rstrip(".").lower() if isinstance(host, str) else ""
        return real("127.0.0.1" if name.endswith(".test") else host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", looked_up)
        (folder / "evil").mkdir()
        async with (
            open_upstream(authority, folder, HOST, f"x.{HOST}", "xn--pi-7kc.wapo.test") as upstream,
            open_upstream(authority, folder / "evil", OTHER, f"{HOST}.evil.test", "localhost", "127.0.0.1") as evil,
            opened_site(folder / "node", extra_roots=(str(authority.file),)) as site,
        ):
            path = await site.prepare(AGENT)
            credentials = {
                "token": {"hosts": [f"{HOST}:{upstream.port}"], "headers": {"Authorization": f"Bearer {TOKEN}"}},
                "key": {"hosts": [f"{HOST}:{upstream.port}"], "headers": {"X-Key": HEADER_KEY}},
                "query": {"hosts": [f"{HOST}:{upstream.port}"], "query": {"key": QUERY_KEY}},
            }
            body = {"cid": path.removeprefix("/ipfs/"), "data": {"a": 1}, "credentials": credentials}
            receipt = (await site.client.post("/vaults", json=body)).json()
            yield World(site, upstream, evil, path, receipt["key"])


pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestOut:
    async def test_the_upstream_gets_it(self, world: World) -> None:
        status, *_ = await world.attempt("fetch", url=f"{world.url}/plain?a=1&b=%20c")
        assert (status, world.got) == (200, True)
        assert world.upstream.sent[-1].line == ("GET /plain?a=1&b=%20c&key=k3y%2Fin%20a%2Bquery%268%3DWs HTTP/1.1")

    @pytest.mark.parametrize("way", ["stream", "xhr", "events", "node"])
    async def test_whatever_asks(self, world: World, way: str) -> None:
        await world.attempt(way, url=f"{world.url}/events")
        assert world.got

    async def test_a_body_goes_with_it(self, world: World) -> None:
        await world.attempt("fetch", url=f"{world.url}/plain", method="POST", body="x" * 100_000)
        assert world.got
        assert world.upstream.sent[-1].raw.endswith(b"x" * 100_000)

    async def test_what_the_agent_says_instead_is_replaced(self, world: World) -> None:
        """Libraries want a key, and send what they are given."""
        headers = {"authorization": "Bearer none", "X-KEY": "none", "accept-encoding": "zstd", "a": "b"}
        await world.attempt("fetch", url=f"{world.url}/plain?key=none&%6bey=2&keys=3", headers=headers)
        assert world.got
        sent = world.upstream.sent[-1]
        assert (sent.all("a"), sent.all("accept-encoding")) == (["b"], ["identity"])
        assert sent.line.startswith("GET /plain?keys=3&key=k3y%2F")

    async def test_the_case_of_a_name_is_none(self, world: World) -> None:
        await world.attempt("fetch", url=world.url.replace("api", "ApI"))
        assert world.got

    async def test_one_of_them_can_be_asked_for(self, world: World) -> None:
        await world.attempt("fetch", url=world.url, headers={"wapo-credential": "key"})
        sent = world.upstream.sent[-1]
        assert (sent.all("x-key"), sent.all("authorization"), sent.all("wapo-credential")) == ([HEADER_KEY], [], [])

    async def test_a_request_without_the_key_has_none(self, world: World) -> None:
        response = await world.site.client.post(world.path, json={"way": "fetch", "url": f"{world.url}/plain"})
        assert response.json()[0] == 200
        assert TOKEN.encode() not in world.upstream.sent[-1].raw

    async def test_a_request_that_is_answered_at_once_has_it(self, world: World) -> None:
        """The way of nearly all requests: begun in the callback of their connection."""
        path = await world.site.prepare(f"export default {{ fetch: () => fetch('{world.url}/plain') }};")
        body = {
            "cid": path.removeprefix("/ipfs/"),
            "credentials": {
                "t": {"hosts": [f"{HOST}:{world.upstream.port}"], "headers": {"x-key": HEADER_KEY}},
            },
        }  # fmt: skip
        receipt = (await world.site.client.post("/vaults", json=body)).json()
        for _ in range(3):
            world.upstream.sent.clear()
            response = await world.site.client.get(f"{path}?key={receipt['key']}")
            assert world.upstream.sent[-1].all("x-key") == [HEADER_KEY]
            assert_hidden(response.text)
            assert "*credential*" in response.text

    async def test_a_redirect_on_the_same_host_keeps_it(self, world: World) -> None:
        """Each request is looked at by itself; the key that the redirect repeats is the one that was taken out."""
        seen = await world.attempt("fetch", url=f"{world.url}/location?a=1")
        assert len(world.upstream.sent) == 2
        assert world.got
        assert world.upstream.sent[-1].line.count("key=") == 1
        assert "*credential*" in seen[2]


class TestBack:
    @pytest.mark.parametrize("way", ["fetch", "stream", "xhr", "node"])
    @pytest.mark.parametrize("echo", ECHOES)
    async def test_nothing_that_the_upstream_repeats_has_it(self, world: World, echo: str, way: str) -> None:
        await world.attempt(way, url=f"{world.url}/{echo}")
        assert world.got

    @pytest.mark.parametrize("echo", sorted(set(ECHOES) - UNREADABLE))
    async def test_what_remains_is_there(self, world: World, echo: str) -> None:
        """An answer that can be looked through comes through."""
        seen = await world.attempt("fetch", url=f"{world.url}/{echo}")
        assert seen[0] in (200, 401)
        assert b"*credential*" in json.dumps(seen).encode() + base64.b64decode(seen[4])

    async def test_a_decoded_answer_is_as_one_that_was_not_encoded(self, world: World) -> None:
        status, _, _, headers, body = await world.attempt("fetch", url=f"{world.url}/br")
        assert (status, headers) == (200, [])
        assert base64.b64decode(body).startswith(b"GET /br?key=*credential* HTTP/1.1\r\n")

    @pytest.mark.parametrize("echo", ["zstd", "unknown", "transfer-gzip"])
    async def test_a_coding_that_is_not_known_is_refused(self, world: World, echo: str) -> None:
        seen = await world.attempt("fetch", url=f"{world.url}/{echo}")
        assert "a coding in which a credential could not be seen" in json.dumps(seen)

    async def test_a_part_of_an_answer_cannot_be_asked_for(self, world: World) -> None:
        """Or it came in two parts, none of which is the secret."""
        for first in range(0, 120, 10):
            headers = {"range": f"bytes={first}-{first + 9}", "if-range": '"e"'}
            seen = await world.attempt("fetch", url=f"{world.url}/part", headers=headers)
            assert seen[0] == 200
            assert not world.upstream.sent[-1].all("range") + world.upstream.sent[-1].all("if-range")

    async def test_the_length_of_what_was_not_sent_stays(self, world: World) -> None:
        seen = await world.attempt("fetch", url=world.url, method="HEAD")
        assert ["content-length", "12345"] in seen[3]

    async def test_the_body_of_the_request_comes_back_as_it_was(self, world: World) -> None:
        guess = TOKEN[:-8]
        body = base64.b64decode((await world.attempt("fetch", url=f"{world.url}/plain", method="POST", body=guess))[4])
        assert body.endswith(guess.encode())

    async def test_logs_have_it_nowhere(self, world: World) -> None:
        await world.attempt("fetch", url=f"{world.url}/json")
        lines = await world.site.log(world.path)
        assert len(lines) > 10
        assert_hidden("\n".join(lines))

    async def test_the_agent_sees_that_it_has_them(self, world: World) -> None:
        ok, text = await world.attempt("look")
        assert ok
        hosts = f'{{"hosts":["{HOST}:{world.upstream.port}"]}}'
        assert f'"credentials":{{"token":{hosts},"key":{hosts},"query":{hosts}}}' in text


class TestElsewhere:
    """Whatever is not exactly the host gets nothing, and where that must be a mistake or worse, nothing is sent."""

    async def refused(self, world: World, reason: str, **what: Any) -> None:
        seen = await world.attempt(what.pop("way", "fetch"), **what)
        assert reason in json.dumps(seen), seen
        assert not world.upstream.sent
        assert not world.evil.sent
        assert any(reason in line for line in await world.site.log(world.path, "WARN"))

    async def test_plain_http(self, world: World) -> None:
        reason = f"there is a credential for {HOST}: requests to it are only made over https"
        for port in (world.upstream.plain_port, world.upstream.port, 443):
            await self.refused(world, reason, url=f"http://{HOST}:{port}/plain")

    @pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK"])
    async def test_methods_that_repeat_or_tunnel(self, world: World, method: str) -> None:
        """``fetch`` refuses them itself; a program that makes its own calls would not."""
        seen = await world.attempt("node", url=f"{world.url}/plain", method=method)
        assert not world.upstream.sent, seen
        assert not world.evil.sent

    @pytest.mark.parametrize("way", ["fetch", "xhr", "node"])
    async def test_another_host_header(self, world: World, way: str) -> None:
        """Behind the same front door there may be another's server. The platform does not let it through; a program
        that makes its own calls is refused (``tests/vm/credentials``)."""
        await world.attempt(way, url=f"{world.url}/plain", headers={"Host": OTHER})
        assert [sent.all("host") for sent in world.upstream.sent] == [[f"{HOST}:{world.upstream.port}"]]

    @pytest.mark.parametrize(
        "url",
        [
            f"https://{OTHER}:EVIL/",
            f"https://{HOST}.evil.test:EVIL/",
            "https://localhost:EVIL/",
            "https://127.0.0.1:EVIL/",
            f"https://{OTHER}:EVIL/?https://{HOST}:PORT/",
            f"https://{OTHER}:EVIL\\@{HOST}:PORT/",
            f"https://{HOST}:EVIL/",
            f"https://x.{HOST}:PORT/",
            f"https://{HOST}.:PORT/",
            f"https://{HOST.replace('a', 'а', 1)}:PORT/",
            f"http://{OTHER}:PLAIN/",
        ],
    )
    async def test_look_alikes(self, world: World, url: str) -> None:
        """Other names, ports, spellings: whoever answers there has not got it."""
        ports = {"EVIL": world.evil.port, "PORT": world.upstream.port, "PLAIN": world.evil.plain_port}
        for name, port in ports.items():
            url = url.replace(name, str(port))
        await world.attempt("fetch", url=url)
        for sent in (*world.upstream.sent, *world.evil.sent):
            assert not any(form in sent.raw.lower() for form in FORMS)

    async def test_a_name_in_the_url_that_is_not_the_host(self, world: World) -> None:
        for way in ("fetch", "xhr", "node"):
            await world.attempt(way, url=f"https://{HOST}:{world.upstream.port}@{OTHER}:{world.evil.port}/")
            for sent in (*world.upstream.sent, *world.evil.sent):
                assert not any(form in sent.raw.lower() for form in FORMS)
            await world.attempt(way, url=f"https://user:word@{HOST}:{world.upstream.port}/")
            assert not world.upstream.sent or world.got  # with what the agent has said instead, never both

    @pytest.mark.parametrize("name", [OTHER, f"{HOST}.evil.test"])
    async def test_a_redirect_elsewhere(self, world: World, name: str) -> None:
        seen = await world.attempt("fetch", url=f"{world.url}/to?url=https://{name}:{world.evil.port}/plain")
        assert world.got
        assert seen[0] == 200
        assert not any(form in world.evil.sent[-1].raw.lower() for form in FORMS)

    async def test_a_redirect_to_plain_http(self, world: World) -> None:
        to = f"http://{HOST}:{world.upstream.plain_port}/plain"
        seen = await world.attempt("fetch", url=f"{world.url}/to?url={to}")
        assert "requests to it are only made over https" in json.dumps(seen)
        assert len(world.upstream.sent) == 1

    async def test_a_name_that_leads_to_another_server(self, world: World) -> None:
        """DNS rebinding: who answers there has no certificate for the name. (Its port is the evil one's, as if the name
        had been given its address.)"""
        body = {
            "cid": world.path.removeprefix("/ipfs/"),
            "credentials": {"t": {"hosts": [f"{HOST}:{world.evil.port}"], "headers": {"authorization": f"Bearer {TOKEN}"}}},
        }  # fmt: skip
        key = (await world.site.client.post("/vaults", json=body)).json()["key"]
        world.evil.sent.clear()
        attempt = {"way": "fetch", "url": f"https://{HOST}:{world.evil.port}/plain"}
        response = await world.site.client.post(f"{world.path}?key={key}", json=attempt)
        assert "certificate" in response.text
        assert not world.evil.sent

    async def test_asked_for_where_it_does_not_belong(self, world: World) -> None:
        for url in (f"https://{OTHER}:{world.evil.port}/", f"https://{HOST}.evil.test:{world.evil.port}/"):
            reason = f"the credential 'token' is for {HOST}:{world.upstream.port}, and not for "
            await self.refused(world, reason, url=url, headers={"wapo-credential": "token"})
        reason = "there is no credential 'other' for this request"
        await self.refused(world, reason, url=world.url, headers={"wapo-credential": "other"})

    async def test_asked_for_by_a_redirected_request(self, world: World) -> None:
        """The header goes on with the redirect, and is refused there."""
        to = f"https://{OTHER}:{world.evil.port}/plain"
        seen = await world.attempt("fetch", url=f"{world.url}/to?url={to}", headers={"wapo-credential": "token"})
        assert "the credential 'token' is for" in json.dumps(seen)
        assert not world.evil.sent

    async def test_a_websocket_has_none(self, world: World) -> None:
        await world.attempt("socket", url=f"wss://{HOST}:{world.upstream.port}/plain")
        assert not world.got

    async def test_an_isolate_has_none(self, world: World) -> None:
        await world.attempt("isolate", url=f"{world.url}/plain")
        assert world.upstream.sent
        assert not world.got

    async def test_another_program_has_none(self, world: World) -> None:
        path = await world.site.prepare(AGENT + "// another\n")
        response = await world.site.client.post(f"{path}?key={world.key}", json={"way": "look"})
        assert_refused(response, 403, "vault_key_invalid", "invalid key")


class TestKeeping:
    async def test_the_owner_reads_back_what_it_is_for(self, world: World) -> None:
        hosts = [f"{HOST}:{world.upstream.port}"]
        body = {
            "cid": world.path.removeprefix("/ipfs/"),
            "data": {"a": 1},
            "credentials": {"t": {"hosts": hosts, "headers": {"Authorization": f"Bearer {TOKEN}"}}},
        }
        receipt = (await world.site.client.post("/vaults", json=body)).json()
        read = await world.site.client.get(f"/vaults/{receipt['key']}/{receipt['token']}")
        assert read.json() == {
            "data": {"a": 1}, "credentials": {"t": {"hosts": hosts, "headers": ["authorization"]}}, "succeed": True,
        }  # fmt: skip

    async def test_what_is_removed_is_gone(self, world: World) -> None:
        body = {"cid": world.path.removeprefix("/ipfs/"), "data": {"a": 1}}
        receipt = (await world.site.client.post("/vaults", json=body)).json()
        run = {"way": "look"}
        assert (await world.site.client.post(f"{world.path}?key={receipt['key']}", json=run)).status_code == 200
        wrong = await world.site.client.delete(f"/vaults/{receipt['key']}/{'0' * 64}")
        assert_refused(wrong, 403, "vault_access_denied", "access denied")
        gone = await world.site.client.delete(f"/vaults/{receipt['key']}/{receipt['token']}")
        assert gone.json() == {"succeed": True}
        response = await world.site.client.post(f"{world.path}?key={receipt['key']}", json=run)
        assert_refused(response, 403, "vault_key_invalid", "invalid key")
        again = await world.site.client.delete(f"/vaults/{receipt['key']}/{receipt['token']}")
        assert_refused(again, 404, "vault_not_found", "not found")

    async def test_what_cannot_be_kept_is_refused_without_repeating_it(self, world: World) -> None:
        body = {"cid": "local", "credentials": {"t": {"hosts": ["*.example.com"], "headers": {"a": f"Bearer {TOKEN}"}}}}
        response = await world.site.client.post("/vaults", json=body)
        assert (response.status_code, response.headers["x-wapo-error"]) == (400, "credential_invalid")
        assert_hidden(response.text)

    async def test_no_machine_is_left(self, world: World) -> None:
        await until(lambda: world.site.node.admission.machines == 0)
