"""A node whose own log, cache or data are on a disk that is full."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.support import running, wapo, wapo_process
from tests.disk import SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 3 << 20) as mounted:
        yield mounted


def test_a_log_file_that_takes_nothing_more_stops_nobody(data: Path, disk: SmallDisk, agent: Path) -> None:
    """Everything at once: data and stderr on the disk. Requests that fail would each have a line there."""
    data = disk.path / "node"
    address = wapo("publish", agent, "--data-dir", data, "--url", "").out.strip()
    log = disk.path / "stderr"
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "wapo", "serve", "--port", "0", "--no-apps", "--data-dir", str(data)]
        process = subprocess.Popen(command, stderr=stderr)
        try:
            while b"listening on" not in log.read_bytes():
                assert process.poll() is None
            url = log.read_text().split("listening on ")[1].split()[0]
            token = (data / "operator.token").read_text().strip()
            with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
                assert client.get(address).status_code == 200
                disk.fill()
                for _ in range(50):
                    refused = client.post("/ipfs", content=b"x" * 5000, headers={"Authorization": f"Bearer {token}"})
                    assert (refused.status_code, refused.headers["x-wapo-error"]) == (503, "block_store_failed")
                    assert client.get(address).json() == {"secret": None}
                disk.free()
                done = client.post("/ipfs", content=b"x" * 5000, headers={"Authorization": f"Bearer {token}"})
                assert done.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def test_a_cache_that_takes_nothing_costs_time_only(
    disk: SmallDisk, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk.path / "cache"))
    disk.fill()
    address = wapo("publish", agent, "--url", "").out.strip()
    with running("serve", "--port", "0", "--no-apps") as node:
        url = node.wait_for("listening on").split()[-1]
        assert httpx.get(url + address, trust_env=False, timeout=30).json() == {"secret": None}
        assert node.stop(signal.SIGTERM) == 0
    assert not list((disk.path / "cache").rglob(".tmp-*"))


def test_a_node_that_cannot_begin_says_why(disk: SmallDisk) -> None:
    disk.fill()
    result = wapo_process("serve", "--port", "0", "--data-dir", disk.path / "node")
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    assert "full" in result.err or "No space left" in result.err


def test_backups_and_restores_leave_nothing_half_done(disk: SmallDisk, data: Path, agent: Path, folder: Path) -> None:
    wapo("publish", agent)
    (folder / "big.js").write_bytes(b"//" + bytes(range(32, 127)) * 50_000)
    wapo("publish", folder / "big.js")
    result = wapo("backup", disk.path / "b.tar")
    assert result.code == 1
    assert "No space left on device" in result.error
    assert list(disk.path.iterdir()) == []
    assert wapo("backup", folder / "b.tar").code == 0
    result = wapo("restore", folder / "b.tar", "--data-dir", disk.path / "node")
    assert result.code == 1
    assert "No space left on device" in result.error
    assert list(disk.path.iterdir()) == []
    assert wapo("restore", folder / "b.tar", "--data-dir", folder / "other").code == 0
