"""Vaults over HTTP (node-and-gateway 1.4, NEW)."""

import asyncio
import json
import re
from typing import Any

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import CLASSIC_ECHO, assert_refused, connect
from wapo.content.cid import Cid

#: What the template tool does with the answer: as text, so order and spacing matter.
TOOL = re.compile(r'"token":\s*"([a-zA-Z0-9]+)","key":\s*"([a-zA-Z0-9]+)"')


async def create(site: Site, cid: str, data: dict[str, Any], **more: str) -> dict[str, Any]:
    response = await site.client.post("/vaults", json={"cid": cid, "data": data, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def secret(site: Site, path: str, key: str) -> Any:
    """What the program gets when it is called with that key."""
    return (await site.client.get(f"{path}?key={key}")).json().get("secret")


async def program(site: Site, mark: str = "") -> tuple[str, str]:
    path = await site.publish(CLASSIC_ECHO + mark)
    return path, path.removeprefix("/ipfs/")


async def test_the_answer_is_as_tools_expect_it(site: Site) -> None:
    """Compact, members in this order, hex of 128 bits for the key and 256 for the token; not to be kept by anybody."""
    response = await site.client.post("/vaults", json={"cid": "local", "data": {"apiKey": "k"}})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.headers["cache-control"] == "no-store"
    match = TOOL.search(response.text)
    assert match is not None
    token, key = match.groups()
    assert response.text == f'{{"token":"{token}","key":"{key}","succeed":true}}'
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert re.fullmatch("[0-9a-f]{32}", key)
    again = await site.client.post("/vaults", json={"cid": "local", "data": {"apiKey": "k"}})
    assert again.text != response.text


async def test_an_item_can_be_read_with_key_and_token(site: Site) -> None:
    """The item's own data, in the form of the documentation; ``inherit`` only where there is one."""
    data = {"apiKey": "k", "nested": {"list": [1, 2.5, None, True], "é": "ü"}, "empty": {}}
    receipt = await create(site, "local", data)
    response = await site.client.get(f"/vaults/{receipt['key']}/{receipt['token']}")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert response.text == json.dumps({"data": data, "succeed": True}, separators=(",", ":"), ensure_ascii=False)


async def test_who_has_not_both_gets_nothing(site: Site) -> None:
    one, two = await create(site, "local", {"a": 1}), await create(site, "local", {"b": 2})
    for token in ("wrong", two["token"], one["token"][:-1], one["token"].upper(), "%ff"):
        response = await site.client.get(f"/vaults/{one['key']}/{token}")
        assert_refused(response, 403, "vault_access_denied", "access denied")
    for key in ("unknown", one["token"], one["key"].upper(), "%00"):
        response = await site.client.get(f"/vaults/{key}/{one['token']}")
        assert_refused(response, 404, "vault_not_found", "not found")


WRONG = (
    ("", [], "the body is not JSON", "object", "invalid"),
    ("{", [], "the body is not JSON", "object", "invalid"),
    ('{"cid":"local","data":{"a":"\\ud800"}}', [], "the body is not JSON", "object", "invalid"),
    ("[" * 5000 + "]" * 5000, [], "the body is not JSON", "object", "invalid"),
    ("[]", [], "Expected object", "object", "array"),
    ("5", [], "Expected object", "object", "number"),
    ('{"data":{}}', ["cid"], "Required", "string", "undefined"),
    ('{"cid":5,"data":{}}', ["cid"], "Expected string", "string", "number"),
    ('{"cid":"local"}', ["data"], "Required", "object", "undefined"),
    ('{"cid":"local","data":"text"}', ["data"], "Expected object", "object", "string"),
    ('{"cid":"local","data":[]}', ["data"], "Expected object", "object", "array"),
    ('{"cid":"local","data":null}', ["data"], "Expected object", "object", "null"),
    ('{"cid":"local","data":{},"inherit":true}', ["inherit"], "Expected string", "string", "boolean"),
)


async def test_what_is_wrong_is_told_as_clients_know_it(own_site: Site) -> None:
    for body, path, message, expected, received in WRONG:
        response = await own_site.client.post("/vaults", content=body)
        assert response.status_code == 400
        issue = {"code": "invalid_type", "expected": expected, "received": received, "path": path, "message": message}
        assert response.json() == {"success": False, "error": {"issues": [issue], "name": "ZodError"}}


async def test_several_things_wrong_are_told_at_once(site: Site) -> None:
    response = await site.client.post("/vaults", content=b"{}")
    assert [issue["path"] for issue in response.json()["error"]["issues"]] == [["cid"], ["data"]]


async def test_what_is_no_cid(site: Site) -> None:
    response = await site.client.post("/vaults", json={"cid": "hello", "data": {}})
    message = "'hello' is not an IPFS CID. One looks like Qm... or bafy... or bafkrei..."
    assert_refused(response, 400, "invalid_cid", message)


async def test_the_content_type_does_not_matter(site: Site) -> None:
    for content_type in ("application/json; charset=utf-8", "text/plain", ""):
        response = await site.client.post(
            "/vaults", content=b'{"cid":"local","data":{}}', headers={"content-type": content_type}
        )
        assert response.json()["succeed"] is True


async def test_the_program_gets_its_secret_both_ways(site: Site) -> None:
    """In the JSON request and in the environment, as ``env`` for a fetch handler; the token never."""
    path, cid = await program(site)
    receipt = await create(site, cid, {"apiKey": "k", "é": ["ü"]})
    seen = await site.client.get(f"{path}?key={receipt['key']}&x=1")
    assert seen.json()["secret"] == {"apiKey": "k", "é": ["ü"]}
    assert seen.json()["queries"]["key"] == [receipt["key"]]
    assert receipt["token"] not in seen.text
    handler = "export default { fetch: (_, env) => Response.json({ env, process: process.env.secret, all: Object.keys(process.env) }) };"
    path = await site.publish(handler)
    receipt = await create(site, path.removeprefix("/ipfs/"), {"apiKey": "k"})
    for _ in range(2):  # the second time from memory
        assert (await site.client.get(f"{path}?key={receipt['key']}")).json() == {
            "env": {"apiKey": "k"}, "process": '{"apiKey":"k"}', "all": ["secret"],
        }  # fmt: skip
    assert (await site.client.get(path)).json() == {"env": {}, "process": '""', "all": ["secret"]}


async def test_all_spellings_of_a_program_share_its_secrets(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Version 0 and 1, with and without ``/0`` and ``/ipfs/``, in a directory or not."""
    folder = tmp_path_factory.mktemp("wrapped")
    (folder / "0").write_text(CLASSIC_ECHO)
    wrapped = await site.node.library.publish(folder)
    path, cid = await program(site)
    v1 = str(Cid.parse(cid).v1())
    assert v1 != cid
    spellings = (cid, v1, f"{cid}/0", f"{v1}/0", f"ipfs/{cid}", f"/ipfs/{cid}", f"{wrapped}/0")
    for spelling in spellings:
        receipt = await create(site, spelling, {"of": spelling})
        assert await secret(site, path, receipt["key"]) == {"of": spelling}
    for spelling in spellings[:4] + spellings[6:]:
        assert await secret(site, f"/ipfs/{spelling}", receipt["key"]) == {"of": spellings[-1]}, spelling


async def test_a_secret_may_be_there_before_its_program(site: Site) -> None:
    cid = str(Cid.of(CLASSIC_ECHO.encode()))
    receipt = await create(site, cid, {"a": 1})
    await site.node.library.blocks.put(Cid.of(CLASSIC_ECHO.encode()), CLASSIC_ECHO.encode())
    assert await secret(site, f"/ipfs/{cid}", receipt["key"]) == {"a": 1}


async def test_a_key_that_is_unknown_or_anothers_runs_nothing(site: Site) -> None:
    """Neither without the secret nor with another's; and it is not told which of the two it is."""
    path, cid = await program(site, "// mine")
    other, other_cid = await program(site, "// theirs")
    mine, theirs = await create(site, cid, {"a": 1}), await create(site, other_cid, {"b": 2})
    local = await create(site, "local", {"c": 3})
    for query in (
        f"key={theirs['key']}", f"key={local['key']}", f"key={mine['token']}", "key=unknown", "key=", "key",
        f"x=1&key=unknown&key={mine['key']}", "%6bey=unknown", "k%65y=", "key=%ff", "key=a+b",
    ):  # fmt: skip
        response = await site.client.get(f"{path}?{query}")
        assert_refused(response, 403, "vault_key_invalid", "invalid key")
        assert response.text == '{"error":"invalid key","succeed":false}'
    assert await site.log(path, "REPORT") == []
    assert await secret(site, other, theirs["key"]) == {"b": 2}
    for query in (f"%6Bey={mine['key']}", f"x&key={mine['key']}&key=unknown", f"monkey=1&key={mine['key']}&keys=2"):
        assert (await site.client.get(f"{path}?{query}")).json()["secret"] == {"a": 1}
    assert "secret" not in (await site.client.get(f"{path}?monkey=1&keys=2&Key=3")).json()


async def test_an_item_inherits_from_one_of_the_same_program(site: Site) -> None:
    """Deep merge, the parent first: objects merge, arrays are joined, the child's value wins; over generations."""
    path, cid = await program(site)
    first = await create(site, cid, {"a": 1, "o": {"x": 1, "y": [1]}, "l": [1], "t": "one", "m": {"z": 1}})
    second = await create(
        site, cid, {"b": 2, "o": {"y": [2], "w": {}}, "l": [2], "t": None, "m": [1]},
        inherit=first["key"], inheritToken=first["token"],
    )  # fmt: skip
    third = await create(site, cid, {"l": [3]}, inherit=second["key"], inheritToken=second["token"])
    merged = {"a": 1, "o": {"x": 1, "y": [1, 2], "w": {}}, "l": [1, 2], "t": None, "m": [1], "b": 2}
    assert await secret(site, path, second["key"]) == merged
    assert await secret(site, path, third["key"]) == merged | {"l": [1, 2, 3]}
    own = await site.client.get(f"/vaults/{third['key']}/{third['token']}")
    assert own.text == f'{{"data":{{"l":[3]}},"inherit":"{second["key"]}","succeed":true}}'


async def test_inheriting_needs_the_parents_token(site: Site) -> None:
    """A key is public; and another program's secrets are never inherited."""
    _, cid = await program(site)
    _, other = await program(site, "//")
    parent, foreign = await create(site, cid, {"a": 1}), await create(site, other, {"b": 1})

    async def refused(status: int, code: str, message: str, **more: str) -> None:
        response = await site.client.post("/vaults", json={"cid": cid, "data": {}, **more})
        assert_refused(response, status, code, message)

    key, token = parent["key"], parent["token"]
    needs = "inheriting needs the parent's token, as inheritToken"
    await refused(403, "vault_access_denied", needs, inherit=key)
    await refused(403, "vault_access_denied", "access denied", inherit=key, inheritToken=foreign["token"])
    await refused(400, "vault_inherit_missing", "inherit not found", inherit="unknown", inheritToken=token)
    other_cid = "Inherit from different cid is not allow"
    await refused(403, "vault_inherit_foreign", other_cid, inherit=foreign["key"], inheritToken=foreign["token"])


async def test_the_key_alone_is_enough_where_the_operator_says_so(open_site: SiteFactory) -> None:
    """As it was in the original; a wrong token is wrong even then."""
    async with open_site(inherit_by_key=True) as site:
        path, cid = await program(site)
        parent = await create(site, cid, {"a": 1})
        child = await create(site, cid, {"b": 2}, inherit=parent["key"])
        assert await secret(site, path, child["key"]) == {"a": 1, "b": 2}
        wrong = {"cid": cid, "data": {}, "inherit": parent["key"], "inheritToken": "wrong"}
        assert (await site.client.post("/vaults", json=wrong)).status_code == 403


async def test_one_client_cannot_fill_the_node(own_site: Site) -> None:
    """60 at once, then five a second; reading is not counted."""
    receipt = await create(own_site, "local", {})
    body = b'{"cid":"local","data":{}}'
    answers = await asyncio.gather(*(own_site.client.post("/vaults", content=body) for _ in range(150)))
    codes = [answer.status_code for answer in answers]
    assert 59 <= codes.count(200) < 100
    assert codes.count(200) + codes.count(429) == 150
    refused = next(answer for answer in answers if answer.status_code == 429)
    message = "too many vault items from this address; try again in a second"
    assert_refused(refused, 429, "too_many_vaults", message)
    assert refused.headers["retry-after"] == "1"
    assert (await own_site.client.get(f"/vaults/{receipt['key']}/{receipt['token']}")).status_code == 200


async def test_secrets_outlive_the_node(open_site: SiteFactory, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("node")
    async with open_site(data_dir=folder) as site:
        path, cid = await program(site)
        receipt = await create(site, cid, {"apiKey": "very-secret"})
    assert b"very-secret" not in b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    async with open_site(data_dir=folder) as site:
        assert await secret(site, path, receipt["key"]) == {"apiKey": "very-secret"}
        assert (await site.client.get(f"/vaults/{receipt['key']}/{receipt['token']}")).json()["data"] == {
            "apiKey": "very-secret"
        }


async def test_a_request_that_is_too_large_is_not_read_to_its_end(site: Site) -> None:
    reader, writer = await connect(site)
    writer.write(b"POST /vaults HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n" + b"x" * 0x40000)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")
    writer.close()
