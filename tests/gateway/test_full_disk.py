"""A disk that is full: what cannot be kept is refused, nothing is half-done, agents go on, and so does all when there is
room again."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Site, SiteFactory
from tests.disk import SmallDisk, small_disk
from tests.gateway.conftest import ListeningFactory
from tests.gateway.support import HELLO
from wapo.store.database import StoreFailed

LOGGING = "export default { fetch: () => { console.log('x'.repeat(2000)); return new Response('logged'); } };"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 6 << 20) as mounted:
        yield mounted


def files(folder: Path) -> dict[str, int]:
    """Files that are the node's own, without the database's, which come and go."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "wapo.db" not in path.name and path.name != "filler"
    }


def refused(response: httpx.Response, code: str, message: str) -> None:
    assert (response.status_code, response.headers["x-wapo-error"]) == (503, code)
    assert message in response.json()["error"]
    assert response.headers["retry-after"]


async def lost_logs(site: Site) -> float:
    headers = {"Authorization": f"Bearer {site.node.operator_token}"}
    text = (await site.client.get("/metrics", headers=headers)).text
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("wapo_logs_lost_total")))


async def test_what_cannot_be_kept_is_refused_and_agents_go_on(open_site: SiteFactory, disk: SmallDisk) -> None:
    async with open_site(data_dir=disk.path / "node") as site:
        headers = {"Authorization": f"Bearer {site.node.operator_token}"}
        path = await site.publish(LOGGING)
        assert (await site.client.get(path)).text == "logged"
        receipt = (await site.client.post("/vaults", json={"cid": path[6:], "data": {"a": "b"}})).json()
        await site.node.logs.flush()
        disk.fill()
        before = files(disk.path)

        secret = {"cid": path[6:], "data": {"a": secrets.token_hex(8_000)}}
        refused(await site.client.post("/vaults", json=secret), "store_failed", "full")
        for size in (100, 300_000):
            response = await site.client.post("/ipfs", content=os.urandom(size), headers=headers)
            refused(response, "block_store_failed", "No space left on device")
        assert files(disk.path) == before

        for _ in range(20):
            assert (await site.client.get(path)).text == "logged"
        read = await site.client.get(f"/vaults/{receipt['key']}/{receipt['token']}")
        assert read.json()["data"] == {"a": "b"}
        await site.node.logs.flush()
        assert await lost_logs(site) > 0

        disk.free()
        lost = await lost_logs(site)
        assert (await site.client.get(path)).text == "logged"
        await site.node.logs.flush()
        assert await lost_logs(site) == lost
        assert (await site.run(HELLO)).text == "hello"
        assert (await site.client.post("/ipfs", content=b"x" * 300_000, headers=headers)).status_code == 200
        await site.node.programs.set_limits("local", {"time_s": 5})
    async with open_site(data_dir=disk.path / "node") as site:  # and it was sound all the time
        assert (await site.client.get(path)).text == "logged"
        assert await site.node.programs.settings("local") == {"time_s": 5}


async def test_secrets_that_were_refused_are_not_there_and_others_are(open_site: SiteFactory, disk: SmallDisk) -> None:
    async with open_site(data_dir=disk.path / "node") as site:
        vaults, kept, failed = site.node.vaults, [], 0
        disk.fill()
        while failed < 5:
            data = {"a": secrets.token_hex(8_000)}
            try:
                kept.append((await vaults.create("p", data), data))
            except StoreFailed:
                failed += 1
        disk.free()
        kept.append((await vaults.create("p", {"a": 1}), {"a": 1}))
    async with open_site(data_dir=disk.path / "node") as site:
        for receipt, data in kept:
            assert (await site.node.vaults.read(receipt.key, receipt.token)).data == data
        assert len(await _keys(site)) == len(kept)


async def _keys(site: Site) -> list[str]:
    async with site.node.programs._database.reading() as connection:
        return list((await connection.exec_driver_sql("SELECT key FROM vaults")).scalars())


async def test_apps_and_blobs_are_refused_whole(open_listeners: ListeningFactory, disk: SmallDisk) -> None:
    (disk.path / "node").mkdir()
    async with open_listeners(data_dir=disk.path / "node") as listening:
        app = await listening.site.deploy(label="before")
        disk.fill()
        before = files(disk.path)
        for size in (10, 2_000_000):
            response = await listening.admin.post("/blob/sha256:", content=os.urandom(size))
            assert response.status_code == 503
            assert "No space left on device" in response.text
        assert files(disk.path) == before

        records = listening.site.worker._records
        with pytest.raises(StoreFailed, match="full"):  # noqa: PT012 - the database has room of its own at first
            for number in range(10_000):
                await records.set_state(f"filler-{number}", "x" * 2000)
        assert "full" in await listening.call("Operation.AppStop", 400, address=app.address.hex())
        assert "full" in await listening.call("Operation.AppRemove", 400, address=app.address.hex())
        assert len(app.instances) == 1  # what was refused was not done either
        assert listening.site.worker.apps == [app]
        disk.free()
        await listening.call("Operation.AppStop", address=app.address.hex())
        assert app.instances == []
    async with open_listeners(data_dir=disk.path / "node") as listening:
        [app] = listening.site.worker.apps
        assert (app.manifest.label, app.target) == ("before", 0)
