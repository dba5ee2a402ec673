"""``wapo backup`` and ``wapo restore``, as they are typed."""

import signal
from pathlib import Path

import httpx

from tests.cli.support import running, wapo


def test_a_node_that_runs_is_backed_up_and_its_copy_answers(data: Path, agent: Path, folder: Path) -> None:
    address = wapo("publish", agent, "--url", "").out.strip()
    with running("serve", "--port", "0", "--admin-port", "0", "--user-port", "0") as node:
        url = node.wait_for("listening on").split()[-1]
        cid = address.removeprefix("/ipfs/")
        key = httpx.post(f"{url}/vaults", json={"cid": cid, "data": {"name": "kept"}}, trust_env=False).json()["key"]
        (folder / "passphrase").write_text("correct horse\n")
        result = wapo("backup", folder / "b.tar", "--passphrase-file", folder / "passphrase")
        assert (result.code, result.out) == (0, f"{folder / 'b.tar'}\n")
        assert node.stop(signal.SIGTERM) == 0
    check = wapo("restore", folder / "b.tar", "--check", "--passphrase-file", folder / "passphrase")
    assert (check.code, check.out) == (0, "the backup is good\n")
    restored = wapo(
        "restore", folder / "b.tar", "--data-dir", "other", "--passphrase-file", "-", stdin=b"correct horse"
    )
    assert (restored.code, restored.out) == (0, "other\n")
    for name in ("node.key", "worker.key"):
        assert (folder / "other" / name).read_bytes() == (data / name).read_bytes()
    with running("serve", "--port", "0", "--no-apps", "--data-dir", "other", "--upstream", "none") as node:
        url = node.wait_for("listening on").split()[-1]
        answer = httpx.get(f"{url}{address}?key={key}", trust_env=False, timeout=30).json()
        assert answer == {"secret": "kept"}


def test_without_a_passphrase_the_key_stays_out_and_one_is_told(data: Path, folder: Path) -> None:
    wapo("secret", "set", "local", "a=b")
    (folder / "backups").mkdir()
    result = wapo("backup", folder / "backups", "--json")
    assert result.code == 0
    assert result.json["key"] is False
    assert "the node's key is not in it: keep a copy of node/node.key" in result.err
    [file] = (folder / "backups").iterdir()
    assert str(file) == result.json["file"]
    assert file.name.startswith("wapo-")
    refused = wapo("restore", file, "--data-dir", "other")
    assert refused.code == 1
    assert "the node's key is needed: it is not in the backup; --key gives it" in refused.error
    done = wapo("restore", file, "--data-dir", "other", "--key", data / "node.key", "--json")
    assert (done.code, done.json["key_checked"], done.json["restored"]) == (0, True, "other")


def test_what_is_wrong_is_one_sentence(data: Path, folder: Path, agent: Path) -> None:
    nothing = wapo("backup", folder / "b.tar")
    assert (nothing.code, nothing.error) == (1, "there is no node in node")
    wapo("publish", agent)
    assert wapo("backup", folder / "b.tar").code == 0
    again = wapo("backup", folder / "b.tar")
    assert (again.code, again.error) == (1, f"{folder / 'b.tar'} exists; a backup never replaces one")
    nowhere = wapo("backup", folder / "no" / "b.tar")
    assert nowhere.code == 1
    assert "No such file or directory" in nowhere.error
    assert "node is not empty" in wapo("restore", folder / "b.tar").error
    assert "not a tar archive" in wapo("restore", agent, "--data-dir", "other").error
    empty = folder / "empty"
    empty.touch()
    assert "there is no passphrase" in wapo("backup", folder / "c.tar", "--passphrase-file", empty).error
    assert wapo("backup", folder / "c.tar", "--passphrase-file", empty).code == 2
    assert "cannot be read" in wapo("restore", folder / "b.tar", "--check", "--key", folder / "none").error


def test_a_damaged_block_makes_it_fail_and_is_named(data: Path, folder: Path, agent: Path) -> None:
    wapo("publish", agent)
    [block] = [path for path in (data / "content" / "blocks").rglob("*") if path.is_file()]
    block.write_bytes(b"other")
    result = wapo("backup", folder / "b.tar")
    assert result.code == 1
    assert f"damaged on the disk, and left out: {block.relative_to(data)}" in result.err
    assert wapo("restore", folder / "b.tar", "--check").code == 0
