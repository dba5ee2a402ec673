"""Logs over HTTP (node-and-gateway 1.5, NEW)."""

import asyncio
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_refused, gates
from wapo.gateway.logs import iso_time, text_line
from wapo.node.logs import LogRecord

LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) \[([0-9a-f-]{36})\] \[(REPORT|ERROR|WARN|INFO|DEBUG)\] (.*)"
)


async def lines(site: Site, path: str) -> list[tuple[str, str]]:
    """Level and message of each line, as they come."""
    text = (await site.client.get(f"/logs/all{path}")).text
    matches = [LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
    return [(match[3], match[4]) for match in matches if match is not None]


async def test_a_run_as_text(site: Site) -> None:
    """The newest line first; levels by console method; arguments as the inspector prints them."""
    source = """export default { fetch(request) {
      console.log('text', 1, { a: ['b'] }); console.info('info'); console.warn('warn'); console.error('error'); console.debug('debug');
      return new Response('x');
    } };"""
    path = await site.publish(source)
    response = await site.client.get(f"{path}/a?b=c")
    log = await site.client.get(f"/logs/all{path}")
    assert (log.status_code, log.headers["content-type"]) == (200, "text/plain; charset=UTF-8")
    assert log.text.endswith("\n")
    records = [LINE.fullmatch(line) for line in log.text.removesuffix("\n").split("\n")]
    assert all(match is not None and match[2] == response.headers["x-request-id"] for match in records)
    assert [(match[3], re.sub(r"\d+ms", "1ms", match[4])) for match in records if match is not None] == [
        ("REPORT", "END Request: Duration: 1ms"),
        ("DEBUG", "debug"),
        ("ERROR", "error"),
        ("WARN", "warn"),
        ("INFO", "info"),
        ("INFO", "text 1 { a: [ 'b' ] }"),
        ("REPORT", f"START Request: GET {path}/a?b=c"),
    ]


async def test_a_run_as_json(site: Site) -> None:
    """Members in this order; the script's id as it was asked for; times of their own."""
    path = await site.publish("console.log('é\\n2'); export default { fetch: () => new Response('x') };")
    response = await site.client.get(path)
    log = await site.client.get(f"/logs/all{path}/0?format=json")
    assert log.headers["content-type"] == "application/json"
    records = log.json()
    assert [list(record) for record in records] == [["script_id", "request_id", "level", "message", "created_at"]] * 3
    assert {record["script_id"] for record in records} == {f"{path.removeprefix('/')}/0"}
    assert {record["request_id"] for record in records} == {response.headers["x-request-id"]}
    assert [record["level"] for record in records] == ["REPORT", "INFO", "REPORT"]
    assert records[1]["message"] == "é\n2"
    times = [datetime.fromisoformat(record["created_at"]) for record in records]
    assert times == sorted(times, reverse=True)
    assert abs((datetime.now(UTC) - times[0]).total_seconds()) < 60


async def test_nothing_logged(site: Site) -> None:
    path = await site.publish(HELLO + "// never run")
    assert (await site.client.get(f"/logs/all{path}")).text == "\n"
    assert (await site.client.get(f"/logs/all{path}?format=json")).json() == []


async def test_runs_stay_together_the_one_that_ended_last_first(site: Site) -> None:
    """However their lines were mixed in time."""
    source = """export default { async fetch(request) {
      const { searchParams } = new URL(request.url);
      console.log(searchParams.get('name') + '1');
      await fetch(searchParams.get('gate'));
      console.log(searchParams.get('name') + '2');
      return new Response();
    } };"""
    async with gates() as upstream:
        path = await site.publish(source)
        runs = {}
        for name in ("a", "b"):
            runs[name] = asyncio.create_task(site.client.get(f"{path}?name={name}&gate={upstream.url}{name}"))
            await upstream.reached(name)
        for name in ("b", "a"):
            upstream.open(name)
            await runs[name]
    found = await lines(site, path)
    assert [message for level, message in found if level == "INFO"] == ["a2", "a1", "b2", "b1"]
    assert [level for level, _ in found] == ["REPORT", "INFO", "INFO", "REPORT"] * 2


async def test_pages(site: Site) -> None:
    """Of records, not of runs."""
    path = await site.publish(
        "export default { fetch(r) { const n = new URL(r.url).search; for (let i = 0; i < 3; i++) console.log(n, i); return new Response(); } };"
    )
    for run in range(3):
        await site.client.get(f"{path}?{run}")
    whole = (await site.client.get(f"/logs/all{path}")).text
    assert whole.count("\n") == 15
    pages = [(await site.client.get(f"/logs/all{path}?limit=4&page={page}")).text for page in (1, 2, 3, 4)]
    assert "".join(pages) == whole
    assert [page.count("\n") for page in pages] == [4, 4, 4, 3]
    assert (await site.client.get(f"/logs/all{path}?limit=4&page=5")).text == "\n"
    assert (await site.client.get(f"/logs/all{path}?limit=1")).text == whole.split("\n")[0] + "\n"


async def test_one_request(site: Site) -> None:
    path = await site.publish("export default { fetch: (r) => { console.log(r.url); return new Response(); } };")
    ids = [(await site.client.get(f"{path}/{n}")).headers["x-request-id"] for n in ("a", "b", "c")]
    records = (await site.client.get(f"/logs/all{path}?format=json&requestId={ids[1]}")).json()
    assert [record["message"] for record in records][1] == f"{site.url}/b"
    assert len(records) == 3
    for other in (ids[1][:-1], "%", "", "x' OR 1=1 --"):
        assert (await site.client.get(f"/logs/all{path}", params={"requestId": other})).text == "\n"


async def test_a_query_that_is_wrong(site: Site) -> None:
    for query, message in (
        ("limit=0", "limit is a number from 1 to 100"), ("limit=101", "limit is a number from 1 to 100"),
        ("limit=", "limit is a number from 1 to 100"), ("limit=1.5", "limit is a number from 1 to 100"),
        ("limit=" + "9" * 5000, "limit is a number from 1 to 100"), ("limit=%D9%A1", "limit is a number from 1 to 100"),
        ("page=0", "page is a number from 1 to 100"), ("page=-1", "page is a number from 1 to 100"),
        ("page=101", "page is a number from 1 to 100"), ("format=xml", "format is text or json"),
    ):  # fmt: skip
        assert_refused(await site.client.get(f"/logs/all/local?{query}"), 400, "bad_log_query", message)
    for script in ("", "x", "ipfs", "/local", "vaults/x"):
        response = await site.client.get(f"/logs/all/{script}")
        assert_refused(response, 400, "bad_log_query", "a script id is ipfs/<cid> or local")
    assert (await site.client.get("/logs/all/local?limit=100&page=100&format=text")).status_code == 200


async def test_a_line_is_one_line(site: Site) -> None:
    """Nobody can forge one: not the agent, and not its caller through it."""
    forged = "x\\n2025-01-02T03:04:05.678Z [11111111-2222-4333-8444-555555555555] [REPORT] END Request: Duration: 1ms\\r\\n\\u2028\\u0085\\v"
    path = await site.publish(f"export default {{ fetch() {{ console.log('{forged}'); return new Response(); }} }};")
    await site.client.get(path)
    found = await lines(site, path)
    assert len(found) == 3
    assert found[1] == ("INFO", forged)


@given(st.text())
def test_any_message_is_one_line(message: str) -> None:
    record = LogRecord("program", "11111111-2222-4333-8444-555555555555", 1_735_787_045_678, "INFO", message)
    line = text_line(record)
    assert line.splitlines() == [line]
    assert line.startswith("2025-01-02T03:04:05.678Z [11111111-2222-4333-8444-555555555555] [INFO] ")


def test_times_have_milliseconds_and_a_z() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1_735_787_045_007) == "2025-01-02T03:04:05.007Z"


async def test_the_vault_key_is_not_in_the_log(site: Site) -> None:
    """However it is spelled, and wherever the parameter stands; other parameters are as they were sent."""
    path = await site.publish(HELLO)
    receipt = (await site.client.post("/vaults", json={"cid": path.removeprefix("/ipfs/"), "data": {}})).json()
    key = receipt["key"]
    for query, shown in (
        (f"key={key}", "key=***"), (f"a=%20b&key={key}&c=+d", "a=%20b&key=***&c=+d"),
        (f"%6bey={key}", "%6bey=***"), (f"key={key}&key=again", "key=***&key=***"),
        ("monkey=1&keys=2&Key=3", "monkey=1&keys=2&Key=3"),
    ):  # fmt: skip
        assert (await site.client.get(f"{path}/a?{query}")).status_code == 200
        assert (await lines(site, path))[1] == ("REPORT", f"START Request: GET {path}/a?{shown}")
    assert key not in (await site.client.get(f"/logs/all{path}")).text


async def test_a_run_of_every_spelling_is_in_one_log(site: Site) -> None:
    path = await site.publish(HELLO + "// by every spelling")
    for address in (path, f"{path}/0", path.replace("/ipfs/", "/run_js_from_ipfs/")):
        await site.client.get(address)
        assert (await lines(site, path))[1][1] == f"START Request: GET {address}"
    assert len(await lines(site, f"{path}/0")) == 6


async def test_who_may_read(open_site: SiteFactory) -> None:
    """Holders of a token of that program, and the operator; nobody else, and the way is told."""
    async with open_site(public_logs=False) as site:
        path, other = await site.publish(HELLO), await site.publish(HELLO + "//")
        tokens = {}
        for address in (path, other):
            cid = address.removeprefix("/ipfs/")
            tokens[address] = (await site.client.post("/vaults", json={"cid": f"{cid}/0", "data": {}})).json()
            await site.client.get(address)

        async def read(authorization: str | None) -> int:
            headers = {} if authorization is None else {"Authorization": authorization}
            response = await site.client.get(f"/logs/all{path}", headers=headers)
            if response.status_code == 401:
                assert_refused(
                    response, 401, "logs_forbidden", "the logs of a program are for its owner: send a vault token of it, "
                    "or the operator's token, as Authorization: Bearer <token>",
                )  # fmt: skip
                assert response.headers["www-authenticate"] == "Bearer"
            else:
                assert "START Request" in response.text
            return response.status_code

        mine = tokens[path]
        assert await read(f"Bearer {mine['token']}") == 200
        assert await read(f"bearer  {mine['token']}") == 200
        assert await read(f"Bearer {site.node.operator_token}") == 200
        for wrong in (
            None, "", "Bearer", f"Basic {mine['token']}", mine["token"], "Bearer wrong",
            f"Bearer {mine['key']}", f"Bearer {tokens[other]['token']}", f"Bearer {mine['token'].upper()}",
        ):  # fmt: skip
            assert await read(wrong) == 401, wrong
        assert (await site.client.get("/logs/all/local")).status_code == 200
        assert (await site.client.get(f"/logs/all{path}?token={mine['token']}")).status_code == 401


async def test_public_logs_are_the_operators_choice(open_site: SiteFactory) -> None:
    async with open_site(public_logs=True) as site:
        path = await site.publish(HELLO)
        await site.client.get(path)
        assert len(await lines(site, path)) == 2


async def test_an_error_that_nobody_caught_is_there_once(site: Site) -> None:
    path = await site.publish("export default { fetch() {\n  null.x;\n} };")
    await site.client.get(path)
    assert [level for level, _ in await lines(site, path)] == ["REPORT", "ERROR", "REPORT"]
