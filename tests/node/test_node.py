"""The node: it opens and closes everything, keeps what is its own, and brings the way of a request together."""

import asyncio
import gc
import os
import sqlite3
from pathlib import Path

import pytest

from wapo.agents.image import ImageKind
from wapo.agents.messages import AgentFailed, AgentRequest, AgentResponse, TimeLimitReached
from wapo.content.errors import InvalidUpstream
from wapo.node.admission import NodeFull, TooManyRequests
from wapo.node.limits import AgentLimits
from wapo.node.node import Node, open_node
from wapo.node.programs import Located
from wapo.node.settings import DataDirUnusable, NodeSettings
from wapo.store.database import StoreFailed
from wapo.trust.keys import UnusableKey
from wapo.vm.http_client import UnusableCaFile

ECHO = "export default { fetch: (request) => { console.log('asked'); return new Response(request.url); } };"
SLOW = "export default { fetch: () => new Promise((resolve) => setTimeout(resolve, 1e6)) };"


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    return NodeSettings(data_dir=tmp_path / "node", upstreams=())


async def located(node: Node, source: str) -> Located:
    return await node.programs.locate(str(await node.library.publish(source.encode())), ())


async def ask(node: Node, source: str | Located, request_id: str = "r") -> AgentResponse:
    program = await located(node, source) if isinstance(source, str) else source
    request = AgentRequest("GET", "http://agent.example/", [], request_id=request_id)
    return await (await node.invoke(program, request, "GET /")).response()


async def log(node: Node, program: Located) -> list[str]:
    """The program's log, the oldest line first, once its runs have ended."""
    while program.identity in node.admission._by_program:
        await asyncio.sleep(0)
    return [f"{record.level} {record.message}" for record in reversed(await node.logs.read(program.identity))]


class TestOpening:
    async def test_a_node_opened_twice_on_one_directory_keeps_what_is_its_own(self, settings: NodeSettings) -> None:
        """Vaults, tokens, derived secrets, limits, logs, content."""
        source = "export default { fetch: () => new Response(Wapo.deriveSecret('path').toHex()) };"
        async with open_node(settings) as node:
            program = await located(node, source)
            receipt = await node.vaults.create(program.identity, {"a": 1})
            await node.programs.set_limits(program.identity, {"time_s": 2})
            first = (node.operator_token, (await ask(node, program)).body, await log(node, program))
        async with open_node(settings) as node:
            program = await node.programs.locate(program.identity, ())
            assert (await node.vaults.read(receipt.key, receipt.token)).data == {"a": 1}
            assert (await node.programs.limits(program.identity)).time_s == 2
            before = await log(node, program)
            assert (node.operator_token, (await ask(node, program)).body, before) == first
        assert len(first[1]) == 128

    async def test_another_node_has_other_secrets(self, settings: NodeSettings, tmp_path: Path) -> None:
        source = "export default { fetch: () => new Response(Wapo.deriveSecret('path').toHex()) };"
        async with (
            open_node(settings) as first,
            open_node(NodeSettings(data_dir=tmp_path / "other", upstreams=())) as second,
        ):
            assert first.operator_token != second.operator_token
            assert (await ask(first, source)).body != (await ask(second, source)).body

    async def test_the_data_directory_is_for_its_owner_only(self, settings: NodeSettings) -> None:
        async with open_node(settings):
            pass
        assert settings.data_dir.stat().st_mode & 0o777 == 0o700
        assert {path.name: path.stat().st_mode & 0o077 for path in settings.data_dir.iterdir() if path.is_file()} == {
            "node.key": 0, "wapo.db": 0,
        }  # fmt: skip

    async def test_everything_it_opened_is_closed(self, settings: NodeSettings) -> None:
        """Descriptors, threads of its own and tasks, after runs of every kind."""

        async def use() -> None:
            async with open_node(settings) as node:
                await ask(node, ECHO)
                for source in ("let x = ;", "export default { fetch() { throw new Error('x'); } };"):
                    with pytest.raises(AgentFailed):
                        await ask(node, source)
                left = asyncio.create_task(ask(node, SLOW))
                while not node.admission.machines:
                    await asyncio.sleep(0)
            assert isinstance((await asyncio.gather(left, return_exceptions=True))[0], BaseException)

        def figures() -> tuple[int, int, int]:
            gc.collect()
            with open("/proc/self/maps") as maps:
                memory_files = sum("memfd:wapo-image" in line for line in maps)
            return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), memory_files

        await use()
        before = figures()
        for _ in range(3):
            await use()
        assert figures() == before

    @pytest.mark.parametrize("image_is_there", [True, False])
    async def test_a_run_that_is_ended_with_the_node_is_in_the_log(
        self, settings: NodeSettings, image_is_there: bool
    ) -> None:
        """Whether it has begun or still waits for its image."""
        async with open_node(settings) as node:
            program = await located(node, SLOW)
            if image_is_there:
                await node.inspect(program)
            left = asyncio.create_task(ask(node, program))
            while not node.admission.machines:
                await asyncio.sleep(0)
        await asyncio.gather(left, return_exceptions=True)
        async with open_node(settings) as node:
            lines = await log(node, program)
            assert lines[0] == "REPORT START Request: GET /"
            assert lines[-1].startswith("REPORT END Request: Duration: ")


class TestWhatCannotBeOpened:
    async def opening(self, settings: NodeSettings) -> None:
        async with open_node(settings):
            pass

    async def test_a_data_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path / "file", tmp_path / "file" / "node"):
            with pytest.raises(DataDirUnusable):
                await self.opening(NodeSettings(data_dir=path, upstreams=()))

    async def test_a_cache_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DataDirUnusable):
            await self.opening(NodeSettings(data_dir=tmp_path / "node", cache_dir=tmp_path / "file", upstreams=()))

    async def test_a_key_of_another_size(self, settings: NodeSettings) -> None:
        settings.make_data_dir()
        (settings.data_dir / "node.key").write_bytes(b"short")
        (settings.data_dir / "node.key").chmod(0o600)
        with pytest.raises(UnusableKey, match="has 5 bytes; 32 are expected"):
            await self.opening(settings)
        assert (settings.data_dir / "node.key").read_bytes() == b"short"

    async def test_a_database_that_is_none(self, settings: NodeSettings) -> None:
        settings.make_data_dir()
        (settings.data_dir / "wapo.db").write_bytes(b"nonsense " * 200)
        with pytest.raises(StoreFailed):
            await self.opening(settings)

    async def test_an_upstream_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidUpstream):
            await self.opening(NodeSettings(data_dir=tmp_path / "node", upstreams=("foo",)))

    @pytest.mark.parametrize(
        ("content", "message"),
        [(None, "cannot be read: No such file or directory"), (b"no pem", "has no certificate in PEM form")],
    )
    async def test_certificate_authorities_that_are_none(
        self, tmp_path: Path, content: bytes | None, message: str
    ) -> None:
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(UnusableCaFile, match=message):
            await self.opening(NodeSettings(data_dir=tmp_path / "node", upstreams=(), extra_roots=(str(file),)))

    async def test_a_failure_half_way_leaves_nothing_open(self, settings: NodeSettings) -> None:
        settings.make_data_dir()
        (settings.data_dir / "wapo.db").write_bytes(b"nonsense " * 200)
        counts = []
        for _ in range(3):
            with pytest.raises(StoreFailed):
                await self.opening(settings)
            gc.collect()
            counts.append(len(os.listdir("/proc/self/fd")))
        assert len(set(counts)) == 1


class TestInvoking:
    @pytest.fixture
    async def node(self, settings: NodeSettings):  # type: ignore[no-untyped-def]
        async with open_node(settings) as opened:
            yield opened

    async def test_a_request_is_answered_logged_and_counted(self, node: Node) -> None:
        program = await located(node, ECHO)
        response = await ask(node, program)
        assert (response.status, response.body) == (200, b"http://agent.example/")
        lines = await log(node, program)
        assert lines[:2] == ["REPORT START Request: GET /", "INFO asked"]
        assert lines[2].startswith("REPORT END Request: Duration: ")
        assert lines[2].endswith("ms")
        assert len(lines) == 3
        assert node.admission.machines == 0
        assert node.status() | {"image_bytes": 0, "uptime_s": 0} == {
            "machines": 0, "max_machines": node.admission.max_machines, "images": 1, "image_bytes": 0,
            "cold_images": 0, "cold_image_bytes": 0, "uptime_s": 0,
        }  # fmt: skip

    async def test_a_failure_is_in_the_log_with_its_line(self, node: Node) -> None:
        program = await located(node, "export default { fetch() {\n  throw new Error('boom');\n} };")
        with pytest.raises(AgentFailed):
            await ask(node, program)
        assert (await log(node, program))[1] == "ERROR Error: boom\n    at fetch (agent.js:2:13)"

    async def test_a_program_that_is_none_is_in_the_log(self, node: Node) -> None:
        program = await located(node, "let x = ;")
        for _ in range(2):
            with pytest.raises(AgentFailed):
                await ask(node, program)
        lines = await log(node, program)
        assert [line.partition(" ")[0] for line in lines] == ["REPORT", "ERROR", "REPORT"] * 2
        assert "SyntaxError" in lines[1]
        assert node.admission.machines == 0

    async def test_what_the_top_level_says_is_in_the_log_of_the_first_request(self, node: Node) -> None:
        program = await located(node, "console.log('loaded'); export default { fetch: () => new Response() };")
        await ask(node, program, "first")
        await ask(node, program, "second")
        records = [record for record in await node.logs.read(program.identity) if record.level == "INFO"]
        assert [(record.request_id, record.message) for record in records] == [("first", "loaded")]

    async def test_a_limit_is_in_the_log(self, node: Node) -> None:
        program = await located(node, SLOW)
        await node.inspect(program)
        await node.programs.set_limits(program.identity, {"time_s": 0.05})
        with pytest.raises(TimeLimitReached):
            await ask(node, program)
        assert (await log(node, program))[1] == "ERROR the machine was ended: the time limit of 0.05 s was reached"

    async def test_limits_of_a_program_hold_and_others_have_the_nodes(self, node: Node) -> None:
        program = await located(node, SLOW)
        await node.programs.set_limits(program.identity, {"concurrency": 1})
        first = asyncio.create_task(ask(node, program))
        while not node.admission.machines:
            await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await ask(node, program)
        assert (await ask(node, ECHO)).status == 200
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    async def test_secrets_are_derived_for_the_program_and_its_path(self, node: Node) -> None:
        source = "export default {{ fetch: () => new Response([Wapo.deriveSecret('a'), Wapo.deriveSecret('b'), Wapo.deriveSecret('a')].map((s) => s.toHex()).join()) }}; // {}"
        one = (await ask(node, source.format(1))).body.decode().split(",")
        two = (await ask(node, source.format(2))).body.decode().split(",")
        assert one[0] == one[2] != one[1]
        assert len({*one, *two}) == 4
        program = await located(node, source.format(1))
        assert one[0] == node._services._keys.agent_secret(program.identity, b"a").hex()

    async def test_an_abandoned_request_gives_its_place_back(self, node: Node) -> None:
        program = await located(node, SLOW)
        invocation = await node.invoke(program, AgentRequest("GET", "http://a/", []), "GET /")
        assert node.admission.machines == 1
        invocation.abandon()
        assert node.admission.machines == 0
        assert node.status()["machines"] == 0

    async def test_a_caller_that_gives_up_while_an_image_is_made_gives_its_place_back(self, node: Node) -> None:
        program = await located(node, ECHO)
        asking = asyncio.create_task(ask(node, program))
        while not node.admission.machines:
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert node.admission.machines == 0
        assert (await ask(node, program)).status == 200
        assert len(await log(node, program)) == 5

    async def test_inspecting_makes_the_image_that_requests_use(self, node: Node) -> None:
        program = await located(node, ECHO)
        image = await node.inspect(program)
        assert (image.kind, image.convention) == (ImageKind.INITIALISED, "fetch")
        await ask(node, program)
        assert len(node.images) == 1
        with pytest.raises(AgentFailed, match="the program is empty"):
            await node.inspect(await located(node, " "))

    async def test_warming_up_makes_what_the_first_request_would_wait_for(self, node: Node) -> None:
        await node.warm_up()
        base = await node.images.base()
        await ask(node, ECHO)
        assert await node.images.base() is base


async def test_a_full_node_refuses_before_anything_is_made(tmp_path: Path) -> None:
    async with open_node(NodeSettings(data_dir=tmp_path / "node", upstreams=(), max_machines=1)) as node:
        program = await located(node, SLOW)
        await node.invoke(program, AgentRequest("GET", "http://a/", []), "GET /")
        other = await located(node, ECHO)
        with pytest.raises(NodeFull):
            await ask(node, other)
        assert await log(node, other) == []
        assert len(node.images) == 1


async def test_the_local_file_is_run_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "own.js"
    async with open_node(NodeSettings(data_dir=tmp_path / "node", upstreams=(), local_file=file)) as node:
        for answer in ("one", "two"):
            file.write_text(f"export default {{ fetch: () => new Response('{answer}') }};")
            assert (await ask(node, node.programs.local())).body == answer.encode()
        file.write_text("export default { fetch() { nothing.at.all } };")
        with pytest.raises(AgentFailed, match=r"at fetch \(own\.js:1:"):
            await ask(node, node.programs.local())


async def test_a_node_with_small_limits_takes_no_large_program(tmp_path: Path) -> None:
    limits = AgentLimits(program_bytes=100)
    async with open_node(NodeSettings(data_dir=tmp_path / "node", upstreams=(), limits=limits)) as node:
        with pytest.raises(Exception, match="100") as caught:
            await located(node, "1;" * 100)
        assert caught.value.status == 413


async def test_two_processes_may_share_a_directory(settings: NodeSettings) -> None:
    """As workers do: what one stores the other finds."""
    async with open_node(settings) as first, open_node(settings) as second:
        assert first.operator_token == second.operator_token
        program = await located(first, ECHO)
        receipt = await first.vaults.create(program.identity, {"a": 1})
        assert (await second.vaults.delivery(program.identity, receipt.key)).secret == '{"a":1}'
        assert (await ask(second, await second.programs.locate(program.identity, ()))).status == 200
        await asyncio.gather(*(ask(node, program) for node in (first, second) for _ in range(10)))
        await first.logs.flush()
        await second.logs.flush()
        assert len(await first.logs.read(program.identity, limit=1000)) == 21 * 3
    with sqlite3.connect(settings.data_dir / "wapo.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
