"""Secrets that were used by a node that runs, looked for in everything that it leaves or shares: its database and the
journal, its logs, images in memory and on disk, compiled code, backups."""

import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.support import running, wapo_process
from tests.cli.workers import children
from tests.gateway.upstream import ECHOES, open_upstream
from tests.vm.conftest import make_authority
from wapo.client import EncryptedClient
from wapo.content.cid import Cid
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys

#: To be found, or the search is no search: in the program, in its log.
IN_CODE, IN_LOG = "control-in-the-code-5be0", "control-in-the-log-77d1"

AGENT = f"""
const control = '{IN_CODE}';
const tried = [];
export default {{ async fetch(request, env) {{
  const url = new URL(request.url).searchParams.get('to');
  for (const echo of [{", ".join(map(repr, ECHOES))}]) {{
    try {{
      const response = await fetch(`${{url}}/${{echo}}`);
      console.log('{IN_LOG}', echo, response.status, [...response.headers], await response.text());
    }} catch (error) {{
      console.error(error, error.cause);
    }}
  }}
  try {{ await fetch(url.replace('https', 'http')); }} catch (error) {{ console.error(error); }}
  return Response.json([control.length, tried, env.password.length, Wapo.deriveSecret('x').length]);
}} }};
"""

PASSWORD, TOKEN, KEY = "password-0f3c91ab77", "sk-credential-8d41e6c2", "key-in-query-b7a90c55"

#: Which are to hold a secret, and are the operator's alone.
KEPT = ("admin.json", "node.key", "operator.token")


def forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for at in range(3):
        yield base64.b64encode(bytes(at) + secret)[4 if at else 0 : -4]
        yield base64.urlsafe_b64encode(bytes(at) + secret)[4 if at else 0 : -4]


def memory_files(pids: set[int]) -> dict[str, bytes]:
    """What these processes share, or map, that has no name."""
    found = {}
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
                if target.startswith("/memfd:"):
                    found[f"{target} of {pid}, {descriptor.name}"] = descriptor.read_bytes()
            except OSError:
                continue
    return found


@pytest.mark.parametrize("workers", [1, 2])
async def test_no_secret_is_left_anywhere(
    workers: int, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    (folder / "agent.js").write_text(AGENT)
    address = wapo_process("publish", folder / "agent.js", "--url", "").out.strip()
    cid = address.removeprefix("/ipfs/")
    elsewhere = tmp_path_factory.mktemp("authority")
    authority = make_authority(elsewhere)
    options = ["--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none", "--allow", "127.0.0.1"]
    options += ["--allow", "::1", "--ca-file", str(authority.file), "--workers", str(workers)]
    async with open_upstream(authority, elsewhere, "localhost") as upstream:
        with running("serve", *options) as node:
            url = next(word for word in node.wait_for("http://").split() if word.startswith("http://")).rstrip(".,")
            hosts = [f"localhost:{upstream.port}"]
            credentials = {
                "token": {"hosts": hosts, "headers": {"Authorization": f"Bearer {TOKEN}"}},
                "key": {"hosts": hosts, "query": {"k": KEY}},
            }
            body = {"cid": cid, "data": {"password": PASSWORD}, "credentials": credentials}
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
                receipt = (await client.post("/vaults", json=body)).json()
                for _ in range(3):
                    query = {"key": receipt["key"], "to": f"https://{hosts[0]}"}
                    response = await client.get(address, params=query)
                    assert response.json() == [len(IN_CODE), [], len(PASSWORD), 64]
                    assert upstream.sent[-1].all("authorization") == [f"Bearer {TOKEN}"]
                    assert KEY in upstream.sent[-1].line
                kept = f"/vaults/{receipt['key']}/{receipt['token']}"
                assert (await client.get(kept)).json()["data"] == {"password": PASSWORD}
                assert (await client.delete(kept[:-1] + "x")).status_code == 403
                inherits = {"cid": cid, "data": {"password": PASSWORD}, "inherit": receipt["key"]}
                for wrong in (
                    inherits | {"inheritToken": PASSWORD},
                    inherits | {"cid": PASSWORD},
                    body | {"credentials": {TOKEN + " ": {}}},
                    body | {"credentials": {"token": {"hosts": [TOKEN + "/"], "headers": {"a": f"Bearer {TOKEN}"}}}},
                ):
                    assert (await client.post("/vaults", json=wrong)).status_code in (400, 403), wrong
                refused = await client.post("/vaults", content=json.dumps(body)[:-1])
                assert refused.status_code == 400
                async with (
                    EncryptedClient(url) as secretly,
                    await secretly.request("POST", "/vaults", content=json.dumps(body).encode()) as made,
                ):
                    encrypted = json.loads(await made.read())
                log = await client.get(f"/logs/all{address}", headers={"Authorization": f"Bearer {receipt['token']}"})
                assert IN_LOG in log.text
            (folder / "passphrase").write_text("correct horse\n")
            assert wapo_process("backup", folder / "plain.tar").code == 0
            assert wapo_process("backup", folder / "sealed.tar", "--passphrase-file", folder / "passphrase").code == 0
            memory = memory_files({node.process.pid, *children(node.process.pid)})
            running_files = {str(path): path.read_bytes() for path in files(folder)}
            for name in KEPT:
                assert (data / name).stat().st_mode & 0o777 == 0o600
            assert node.stop(signal.SIGTERM) == 0
        left = {str(path): path.read_bytes() for path in files(folder)}
        places = memory | running_files | {f"{name}, after the end": text for name, text in left.items()}
        places["what it printed"] = "\n".join(node.lines).encode()
        places["the log as it is read"] = log.content

    keys = NodeKeys((data / "node.key").read_bytes())
    derived = [keys.derive(purpose) for purpose in ("vault/v1", "vault-credentials/v1", "operator-token/v1")]
    identity = NodeIdentity(keys)
    derived += [identity.agreement_key.private_bytes_raw(), keys.agent_secret(str(Cid.parse(cid).v1()), b"x")]
    distinct = {text: name for name, text in places.items()}
    secrets = [text.encode() for text in (PASSWORD, TOKEN, KEY)]
    secrets += [
        bytes.fromhex(receipt["token"]),
        bytes.fromhex(encrypted["token"]),
        (data / "node.key").read_bytes(),
        *derived,
    ]
    for secret in secrets:
        for form in forms(secret):
            assert len(form) >= 16
            assert [name for text, name in distinct.items() if form in text] == []

    assert any("memfd" in name and IN_CODE.encode() in text for name, text in memory.items())
    assert any("wapo.db" in name and IN_LOG.encode() in text for name, text in running_files.items())
    assert any("cache" in name for name in left)
    for name in ("plain.tar", "sealed.tar"):
        assert IN_LOG.encode() in left[str(folder / name)]


def files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name not in KEPT]
    return [path for path in found if path.name != "agent.js"]
