"""Programs by address: what a path names, who it is, what is set for it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from wapo.content.errors import ContentNotFound, InvalidCid, IsADirectory
from wapo.content.importer import KUBO_V1
from wapo.content.library import Library
from wapo.node.limits import AgentLimits, InvalidLimit
from wapo.node.programs import LOCAL, LocalProgramMissing, Programs
from wapo.store.database import Database
from wapo.store.schema import agents

SOURCE = b"export default {};"
NOT_HERE = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


@pytest.fixture
def programs(library: Library, database: Database) -> Programs:
    return Programs(library, database, AgentLimits(), None)


class TestLocating:
    async def test_every_spelling_of_a_program_is_one_identity(self, programs: Programs, library: Library) -> None:
        v0 = await library.publish(SOURCE)
        identity = str(v0.v1())
        for text, segments, rest in [
            (str(v0), (), ()), (identity, (), ()), (str(v0), ("0",), ()), (str(v0), ("a", "b"), ("a", "b")),
            (identity, ("0", "a"), ("a",)), (str(v0), ("",), ("",)),
        ]:  # fmt: skip
            located = await programs.locate(text, segments)
            assert (located.identity, located.image_key, located.rest) == (identity, identity, rest)
            assert await programs.source(located) == SOURCE

    async def test_the_second_time_it_is_told_at_once_and_the_same(self, programs: Programs, library: Library) -> None:
        text = str(await library.publish(SOURCE))
        assert programs.known(text, ()) is None
        await programs.locate(text, ())
        for segments in [(), ("0",), ("0", "0"), ("a",), ("0", "a"), ("a", "0")]:
            known, located = programs.known(text, segments), await programs.locate(text, segments)
            assert known is not None
            assert (known.identity, known.image_key, known.rest) == (located.identity, located.image_key, located.rest)
            assert await programs.source(known) == SOURCE

    async def test_a_program_in_a_directory(self, programs: Programs, library: Library, tmp_path: Path) -> None:
        """It is the same program as the file alone."""
        (tmp_path / "site" / "deep").mkdir(parents=True)
        (tmp_path / "site" / "deep" / "app.js").write_bytes(SOURCE)
        folder = str(await library.publish(tmp_path / "site"))
        alone = str((await library.publish(SOURCE)).v1())
        located = await programs.locate(folder, ("deep", "app.js", "its", "own"))
        assert (located.identity, located.rest) == (alone, ("its", "own"))
        assert programs.known(folder, ("deep", "app.js")) is None
        with pytest.raises(IsADirectory):
            await programs.locate(folder, ("deep",))

    async def test_what_is_not_there(self, programs: Programs) -> None:
        with pytest.raises(ContentNotFound):
            await programs.locate(NOT_HERE, ())
        with pytest.raises(InvalidCid):
            await programs.locate("nonsense", ())

    async def test_what_was_not_there_may_come(self, programs: Programs, library: Library) -> None:
        with pytest.raises(ContentNotFound):
            await programs.locate(NOT_HERE, ())
        assert str(await library.publish(b"hello\n", layout=KUBO_V1)) != NOT_HERE
        assert programs.known(NOT_HERE, ()) is None


class TestIdentityOf:
    async def test_an_address_may_be_pasted_as_it_is(self, programs: Programs, library: Library) -> None:
        v0 = await library.publish(SOURCE)
        for path in (
            f"{v0}",
            f"ipfs/{v0}",
            f"/ipfs/{v0}",
            f"{v0}/0",
            f"/ipfs/{v0}/0",
            f"{v0}/its/own/path",
            str(v0.v1()),
        ):
            assert await programs.identity_of(path) == str(v0.v1())

    @pytest.mark.parametrize("path", ["local", "/local"])
    async def test_the_local_program(self, programs: Programs, path: str) -> None:
        assert await programs.identity_of(path) == LOCAL

    async def test_what_is_not_here_stands_for_itself(self, programs: Programs) -> None:
        assert await programs.identity_of(NOT_HERE) == NOT_HERE
        assert await programs.identity_of(f"{NOT_HERE}/0") == NOT_HERE

    @pytest.mark.parametrize(
        "path", ["", "/", "ipfs/", "nonsense", "nonsense/0", "ipfs", "locals", "LOCAL", "ipfs/local/x"]
    )
    async def test_what_is_no_address(self, programs: Programs, path: str) -> None:
        with pytest.raises(InvalidCid):
            await programs.identity_of(path)


class TestLocal:
    def test_the_file_is_read_anew(self, library: Library, database: Database, tmp_path: Path) -> None:
        file = tmp_path / "agent.js"
        programs = Programs(library, database, AgentLimits(), file)
        with pytest.raises(LocalProgramMissing, match=r"agent\.js cannot be read: No such file or directory"):
            programs.local()
        file.write_bytes(b"1")
        first = programs.local()
        assert (first.identity, first.rest, first.read(), first.name) == (LOCAL, (), b"1", "agent.js")
        file.write_bytes(b"2")
        second = programs.local()
        assert second.read() == b"2"
        assert first.image_key != second.image_key
        file.write_bytes(b"1")
        assert programs.local().image_key == first.image_key

    def test_there_need_not_be_one(self, programs: Programs) -> None:
        with pytest.raises(LocalProgramMissing, match="no local program was given to this node"):
            programs.local()

    def test_a_directory_is_none(self, library: Library, database: Database, tmp_path: Path) -> None:
        with pytest.raises(LocalProgramMissing, match="cannot be read: Is a directory"):
            Programs(library, database, AgentLimits(), tmp_path).local()


class TestLimits:
    async def test_the_nodes_hold_until_others_are_set(self, programs: Programs) -> None:
        assert await programs.limits("p") == AgentLimits()
        assert await programs.settings("p") == {}
        assert await programs.set_limits("p", {"time_s": 2}) == AgentLimits(time_s=2)
        assert await programs.limits("p") == AgentLimits(time_s=2)
        assert await programs.settings("p") == {"time_s": 2}
        assert await programs.limits("q") == AgentLimits()

    async def test_setting_replaces_and_nothing_forgets(self, programs: Programs, database: Database) -> None:
        await programs.set_limits("p", {"time_s": 2})
        await programs.set_limits("p", {"burst_s": 0.5})
        assert await programs.settings("p") == {"burst_s": 0.5}
        await programs.set_limits("p", {})
        async with database.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(agents))).scalar() == 0

    async def test_what_makes_no_sense_changes_nothing(self, programs: Programs) -> None:
        await programs.set_limits("p", {"time_s": 2})
        for settings in ({"time_s": -1}, {"colour": 1}, {"memory_bytes": 1}):
            with pytest.raises(InvalidLimit):
                await programs.set_limits("p", settings)
        assert await programs.settings("p") == {"time_s": 2}

    async def test_more_than_the_nodes_is_the_nodes_until_it_is_raised(
        self, library: Library, database: Database
    ) -> None:
        small = Programs(library, database, AgentLimits(time_s=1), None)
        await small.set_limits("p", {"time_s": 5})
        assert (await small.limits("p")).time_s == 1
        assert (await Programs(library, database, AgentLimits(), None).limits("p")).time_s == 5

    async def test_another_process_is_noticed_after_a_few_seconds_and_not_asked_before(
        self, programs: Programs, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1000.0
        monkeypatch.setattr("wapo.node.programs.time.monotonic", lambda: now)
        assert programs.known_limits("p") is None
        await programs.limits("p")
        async with database.writing() as connection:
            await connection.execute(insert(agents).values(program="p", settings='{"time_s": 3}'))
        now += 3.9
        assert programs.known_limits("p") == await programs.limits("p") == AgentLimits()
        now += 4.2
        assert programs.known_limits("p") is None
        assert await programs.limits("p") == AgentLimits(time_s=3)

    async def test_who_is_in_use_does_not_wait_for_what_has_changed(
        self, programs: Programs, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limits of before apply to the request that notices, and the new ones soon after."""
        now = 1000.0
        monkeypatch.setattr("wapo.node.programs.time.monotonic", lambda: now)
        await programs.limits("p")
        async with database.writing() as connection:
            await connection.execute(insert(agents).values(program="p", settings='{"time_s": 3}'))
        now += 4.1
        assert programs.known_limits("p") == programs.known_limits("p") == AgentLimits()
        while programs.known_limits("p") == AgentLimits():
            await asyncio.sleep(0)
        assert programs.known_limits("p") == AgentLimits(time_s=3)
