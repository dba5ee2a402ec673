"""Backups: made while others write, whole or not at all, and read back only if every byte is what it was."""

import asyncio
import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.node.data import CODE, SECRET, Known, fill, look
from wapo.content.library import open_library
from wapo.errors import WapoError
from wapo.node.archive import BadBackup
from wapo.node.backup import BackedUp, CannotBackUp, back_up
from wapo.node.keys import open_keys
from wapo.node.restore import CannotRestore, KeyNeeded, check_backup, restore
from wapo.node.vaults import Vaults
from wapo.store.database import Database, StoreDamaged
from wapo.store.schema import NewerSchema
from wapo.trust.keys import UnusableKey
from wapo.trust.passphrase import WrongPassphrase

PASSPHRASE = b"correct horse"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
async def known(source: Path) -> Known:
    return await fill(source)


@pytest.fixture
async def archive(source: Path, known: Known, tmp_path: Path) -> Path:
    """Without the key."""
    await asyncio.to_thread(back_up, source, tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def key_of(folder: Path) -> bytes:
    return (folder / "node.key").read_bytes()


class TestMaking:
    async def test_what_was_there_is_there_again(self, source: Path, known: Known, archive: Path) -> None:
        target = source.with_name("other")
        done = restore(archive, target, key=key_of(source))
        assert done.key_checked
        await look(target, known)
        assert target.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()} == {0o600}

    async def test_with_a_passphrase_the_key_is_in_it(self, source: Path, known: Known, tmp_path: Path) -> None:
        done = back_up(source, tmp_path / "b.tar", PASSPHRASE)
        assert done.key
        shutil.rmtree(source)
        restore(tmp_path / "b.tar", source, passphrase=PASSPHRASE)
        await look(source, known)

    async def test_nothing_that_is_secret_can_be_read_in_it(self, source: Path, known: Known, tmp_path: Path) -> None:
        back_up(source, tmp_path / "b.tar", PASSPHRASE)
        content = (tmp_path / "b.tar").read_bytes()
        assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
        for secret in (SECRET["apiKey"].encode(), key_of(source), known.vault_token.encode(), known.boot_data):
            assert secret not in content
        assert CODE in content  # so it would have been found

    async def test_the_usual_tools_can_read_and_check_it(self, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        await asyncio.to_thread(subprocess.run, ["tar", "xf", archive, "-C", tmp_path / "x"], check=True)
        check = ["sha256sum", "--quiet", "-c", "SHA256SUMS"]
        await asyncio.to_thread(subprocess.run, check, cwd=tmp_path / "x", check=True)

    async def test_what_was_forgotten_is_not_in_it(self, source: Path, known: Known, tmp_path: Path) -> None:
        """A page that was freed still has what it had."""
        mark = b"forgotten-" * 20
        with sqlite3.connect(source / "wapo.db") as connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("INSERT INTO agents(program, settings) VALUES ('x', ?)", (mark.decode(),))
        with sqlite3.connect(source / "wapo.db") as connection:
            connection.execute("DELETE FROM agents WHERE program = 'x'")
        connection.close()
        assert mark in b"".join(path.read_bytes() for path in source.glob("wapo.db*"))
        back_up(source, tmp_path / "b.tar")
        assert mark not in (tmp_path / "b.tar").read_bytes()

    async def test_it_is_one_moment_of_a_node_that_goes_on(self, source: Path, known: Known, tmp_path: Path) -> None:
        """Each backup has what was acknowledged before it began, and every secret, program and pin in it is whole."""
        acknowledged: list[tuple[str, str, Any]] = []
        stop = asyncio.Event()

        async def write() -> None:
            async with Database(source / "wapo.db") as database, open_library(source / "content") as library:
                vaults = Vaults(database, await open_keys(source, database))
                while not stop.is_set():
                    cid = await library.publish(os.urandom(300_000))
                    receipt = await vaults.create("p", {"cid": str(cid)})
                    acknowledged.append((receipt.key, receipt.token, cid))

        writer = asyncio.create_task(write())
        try:
            for turn in range(3):
                while len(acknowledged) < 5 * (turn + 1):
                    await asyncio.sleep(0.001)
                before = list(acknowledged)
                await asyncio.to_thread(back_up, source, tmp_path / f"{turn}.tar")
                target = tmp_path / f"restored-{turn}"
                await asyncio.to_thread(restore, tmp_path / f"{turn}.tar", target, key=key_of(source))
                async with Database(target / "wapo.db") as database, open_library(target / "content") as library:
                    vaults = Vaults(database, await open_keys(target, database))
                    pinned = {pin.cid for pin in await library.pinned()}
                    for key, token, cid in before:
                        assert (await vaults.read(key, token)).data == {"cid": str(cid)}
                        assert cid in pinned
                    for cid in pinned:
                        assert (await library.program(cid)).size
        finally:
            stop.set()
            await writer

    async def test_a_damaged_block_is_named_and_left_out(self, source: Path, known: Known, tmp_path: Path) -> None:
        block = max((source / "content" / "blocks").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
        flip(block, 1000)
        blob = source / "blobs" / known.blob.digest
        flip(blob, 3)
        done = back_up(source, tmp_path / "b.tar")
        assert set(done.damaged) == {block.relative_to(source).as_posix(), f"blobs/{blob.name}"}
        check_backup(tmp_path / "b.tar")

    async def test_a_damaged_database_is_not_backed_up(self, source: Path, known: Known, tmp_path: Path) -> None:
        zero_page(source / "wapo.db", table="vaults")
        with pytest.raises(StoreDamaged, match=r"wapo\.db"):
            back_up(source, tmp_path / "b.tar")
        assert not list(tmp_path.glob("b.tar*"))

    async def test_a_backup_never_replaces_one(self, source: Path, archive: Path) -> None:
        before = archive.read_bytes()
        with pytest.raises(CannotBackUp, match="exists"):
            back_up(source, archive)
        assert archive.read_bytes() == before

    async def test_what_a_killed_backup_left_is_in_nobodys_way(
        self, source: Path, known: Known, tmp_path: Path
    ) -> None:
        for left in ("b.tar.partial", "b.tar.partial.db"):
            (tmp_path / left).write_bytes(b"x" * 5_000_000)
        back_up(source, tmp_path / "b.tar")
        assert [path.name for path in tmp_path.glob("b.tar*")] == ["b.tar"]
        check_backup(tmp_path / "b.tar")

    async def test_a_node_without_a_key_has_a_backup_without_one(self, source: Path, tmp_path: Path) -> None:
        source.mkdir()
        async with Database(source / "wapo.db"):
            pass
        done: BackedUp = back_up(source, tmp_path / "b.tar", PASSPHRASE)
        assert (done.key, done.key_needed) == (False, False)
        restore(tmp_path / "b.tar", tmp_path / "other")

    async def test_a_newer_schema_is_refused(self, source: Path, known: Known, tmp_path: Path) -> None:
        with sqlite3.connect(source / "wapo.db") as connection:
            connection.execute("INSERT INTO migrations VALUES ('9999-later')")
        connection.close()
        with pytest.raises(NewerSchema, match="9999-later"):
            back_up(source, tmp_path / "b.tar")


class TestKeys:
    async def test_without_the_key_nothing_is_restored(self, source: Path, archive: Path, tmp_path: Path) -> None:
        with pytest.raises(KeyNeeded, match=r"not in the backup; --key"):
            restore(archive, tmp_path / "other")
        assert not (tmp_path / "other").exists()
        assert not check_backup(archive).key_checked

    async def test_anothers_key_is_refused(self, archive: Path, tmp_path: Path) -> None:
        for key, message in ((bytes(32), "another node's"), (b"short", "5 bytes")):
            with pytest.raises(UnusableKey, match=message):
                check_backup(archive, key=key)
            with pytest.raises(UnusableKey, match=message):
                restore(archive, tmp_path / "other", key=key)
        assert not (tmp_path / "other").exists()

    async def test_a_wrong_passphrase_is_refused(self, source: Path, known: Known, tmp_path: Path) -> None:
        back_up(source, tmp_path / "b.tar", PASSPHRASE)
        with pytest.raises(WrongPassphrase):
            restore(tmp_path / "b.tar", tmp_path / "other", passphrase=PASSPHRASE + b" ")
        with pytest.raises(KeyNeeded, match="--passphrase-file"):
            restore(tmp_path / "b.tar", tmp_path / "other")
        assert not (tmp_path / "other").exists()
        assert check_backup(tmp_path / "b.tar", passphrase=PASSPHRASE).key_checked

    async def test_a_passphrase_for_a_backup_without_a_key_is_a_mistake(self, archive: Path, tmp_path: Path) -> None:
        with pytest.raises(KeyNeeded, match="not in this backup"):
            restore(archive, tmp_path / "other", passphrase=PASSPHRASE)


class TestWhereTo:
    async def test_an_empty_directory_is_filled(
        self, source: Path, known: Known, archive: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        restore(archive, tmp_path / "other", key=key_of(source))
        await look(tmp_path / "other", known)

    async def test_what_is_there_is_never_touched(self, source: Path, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x")
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        for target in (source, tmp_path / "file", tmp_path / "link"):
            with pytest.raises(CannotRestore, match=r"not empty|not a directory"):
                restore(archive, target, key=key_of(source))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "file", "link", "node"]

    async def test_a_directory_that_fills_meanwhile_is_not_replaced(
        self, source: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "other"
        target.mkdir()
        monkeypatch.setattr(os, "sync", lambda: (target / "new").write_bytes(b"somebody's"))
        with pytest.raises(CannotRestore, match="not empty any more"):
            restore(archive, target, key=key_of(source))
        assert [path.name for path in target.iterdir()] == ["new"]
        assert not list(tmp_path.glob(".*"))


def flip(path: Path, position: int) -> None:
    """Makes one byte another."""
    content = bytearray(path.read_bytes())
    content[position] ^= 0x20
    path.write_bytes(content)


def zero_page(path: Path, table: str) -> None:
    """Empties the page where a table begins."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def refused(archive: Path, match: str) -> None:
    """Neither a check nor a restore takes it, and nothing is left."""
    target = archive.with_name("target")
    for attempt in (lambda: check_backup(archive), lambda: restore(archive, target, key=bytes(32))):
        with pytest.raises(BadBackup, match=match):
            attempt()
    assert not target.exists()
    assert not list(archive.parent.glob(".target*"))


class TestDamage:
    async def test_one_byte_that_is_another_is_noticed_wherever_it_is(self, archive: Path) -> None:
        """In names, sizes, contents, sums; but not in the padding, and not in what no one reads."""
        whole = archive.read_bytes()
        with tarfile.open(archive) as opened:
            members = opened.getmembers()
        inside = [member.offset_data + member.size // 2 for member in members if member.size]
        headers = [member.offset + shift for member in members for shift in (0, 3, 124, 148)]
        for position in inside + headers:
            content = bytearray(whole)
            content[position] ^= 0x01
            archive.write_bytes(content)
            refused(archive, r"damaged|no backup|cut short|makes no sense|format")

    async def test_one_that_was_cut_short_is_noticed_wherever(self, archive: Path) -> None:
        whole = archive.read_bytes()
        with tarfile.open(archive) as opened:
            ends = [member.offset_data + (member.size + 511) // 512 * 512 for member in opened.getmembers()]
        last = ends.pop()
        for length in [0, 1, 511, 512, 1000, *ends, *(end - 100 for end in ends), last - 600]:
            archive.write_bytes(whole[:length])
            refused(archive, r"cut short|damaged|empty")

    async def test_other_files_are_no_backups(self, tmp_path: Path, archive: Path) -> None:
        await asyncio.to_thread(subprocess.run, ["gzip", "-k", archive], check=True)
        refused(tmp_path / "backup.tar.gz", "not a tar archive")
        (tmp_path / "noise").write_bytes(os.urandom(100_000))
        refused(tmp_path / "noise", "not a tar archive")
        with pytest.raises(CannotRestore, match="nowhere"):
            check_backup(tmp_path / "nowhere")
        with pytest.raises(CannotRestore, match="directory"):
            check_backup(tmp_path)


Member = tuple[tarfile.TarInfo, bytes]


def members_of(archive: Path) -> list[Member]:
    with tarfile.open(archive) as opened:
        return [(member, opened.extractfile(member).read()) for member in opened]  # type: ignore[union-attr]


def write(archive: Path, members: list[Member], *, sums: bool = True) -> Path:
    """An archive of those files, with sums that are right."""
    path = archive.with_name("hostile.tar")
    path.unlink(missing_ok=True)
    lines = ""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as opened:
        for member, content in members:
            if member.name == "SHA256SUMS" and sums:
                content = lines.encode("utf-8", "surrogateescape")
            if member.isreg():
                member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
            lines += f"{hashlib.sha256(content).hexdigest()}  {member.name}\n"
    return path


def file(name: str, content: bytes = b"x", **fields: Any) -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, content


class TestStrangers:
    @pytest.mark.parametrize(
        "name",
        [
            "../escaped", "/etc/wapo", "blobs/../../escaped", "content/pins/../../../escaped", "content/pins/.x", "node.key",
            "./wapo.db", "wapo.db-wal", "admin.json", "content/blocks/aa/" + "ab" * 34, "blobs/" + "A" * 64, "blobs//x",
            "content/pins/\udcff", "content/pins/" + "a" * 300, "blobs/" + "a" * 64 + "\n",
        ],
    )  # fmt: skip
    async def test_other_names_are_refused(self, archive: Path, name: str) -> None:
        members = members_of(archive)
        refused(write(archive, [*members[:-1], file(name), members[-1]]), "no backup has a file")

    @pytest.mark.parametrize(
        "fields",
        [
            {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
            {"type": tarfile.LNKTYPE, "linkname": "wapo.db"},
            {"type": tarfile.DIRTYPE},
            {"type": tarfile.FIFOTYPE},
            {"type": tarfile.CHRTYPE},
            {"type": tarfile.CONTTYPE},
        ],
        ids=["symlink", "hard link", "directory", "pipe", "device", "contiguous"],
    )
    async def test_what_is_no_plain_file_is_refused(self, archive: Path, fields: dict[str, Any]) -> None:
        members = members_of(archive)
        refused(write(archive, [*members[:-1], file("blobs/" + "a" * 64, b"", **fields), members[-1]]), "no backup")

    async def test_a_sparse_file_is_refused_before_it_swells(self, archive: Path) -> None:
        members = members_of(archive)
        headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 50),
                   "GNU.sparse.map": f"0,0,{1 << 50},0"}  # fmt: skip
        hole = file("blobs/" + "a" * 64, b"", pax_headers=headers)
        refused(write(archive, [*members[:-1], hole, members[-1]]), "not a plain file")

    async def test_a_header_that_claims_too_much_is_not_believed(self, archive: Path) -> None:
        members = members_of(archive)
        path = write(archive, [members[0], file("content/pins/a", b"" * 10), *members[1:]])
        for size in (b"\x80" + bytes(3) + (1 << 50).to_bytes(8, "big"), b"\xff" * 12, b"\xff" + bytes(11)):
            for kind in (b"x", b"L", b"g", b"0"):
                content = bytearray(path.read_bytes())
                at = 512 + 512  # the second member
                header = content[at : at + 512]
                header[124:136], header[156:157] = size, kind
                header[148:156] = b" " * 8
                header[148:156] = b"%06o\0 " % sum(header)
                content[at : at + 512] = header
                path.write_bytes(content)
                refused(path, r"no backup|damaged|cut short")

    async def test_a_long_chain_of_headers_ends(self, archive: Path) -> None:
        member = tarfile.TarInfo("x")
        member.type = b"x"
        archive.write_bytes(member.tobuf(tarfile.USTAR_FORMAT) * 50_000)
        refused(archive, r"damaged|no backup")

    async def test_a_name_that_comes_twice_is_refused(self, archive: Path) -> None:
        members = members_of(archive)
        refused(write(archive, [*members[:-1], members[1], members[-1]]), "twice")

    async def test_what_follows_the_sums_is_refused(self, archive: Path) -> None:
        refused(write(archive, [*members_of(archive), file("blobs/" + "a" * 64)]), "follows SHA256SUMS")

    async def test_a_block_that_is_not_its_name_is_refused_whatever_the_sums_say(self, archive: Path) -> None:
        for wanted in ("content/blocks/", "blobs/"):
            members = members_of(archive)
            place = next(i for i, (m, _) in enumerate(members) if m.name.startswith(wanted) and "boot" not in m.name)
            members[place] = members[place][0], b"something else"
            refused(write(archive, members), "not what its name says")

    async def test_sums_must_be_of_all_files(self, archive: Path) -> None:
        members = members_of(archive)
        place = next(i for i, (m, _) in enumerate(members) if m.name.endswith("bootdata"))
        changed = [*members]
        changed[place] = members[place][0], members[place][1][:-1] + b"?"
        refused(write(archive, changed, sums=False), "bootdata is not what it was")
        refused(write(archive, [*members[:place], *members[place + 1 :]], sums=False), "SHA256SUMS is not of the files")

    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("CREATE TRIGGER t AFTER INSERT ON vaults BEGIN DELETE FROM agents; END", "trigger"),
            ("CREATE VIEW v AS SELECT * FROM vaults", "view"),
            ("CREATE TABLE other (a)", "table"),
            ("DROP TABLE migrations", "not a node's database"),
            ("INSERT INTO migrations VALUES ('0000-other')", "0000-other"),
        ],
    )
    async def test_a_database_with_more_than_a_nodes_is_refused(
        self, archive: Path, statement: str, match: str
    ) -> None:
        members = members_of(archive)
        path = archive.with_name("changed.db")
        path.write_bytes(members[1][1])
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
        members[1] = members[1][0], path.read_bytes()
        changed = write(archive, members)
        for attempt in (lambda: check_backup(changed), lambda: restore(changed, archive.with_name("t"), key=bytes(32))):
            with pytest.raises((BadBackup, NewerSchema), match=match):
                attempt()
        assert not archive.with_name("t").exists()

    async def test_another_format_says_which_is_read(self, archive: Path) -> None:
        members = members_of(archive)
        about = msgspec.json.decode(members[0][1])
        for changes, match in (
            ({"format": "wapo-backup/2"}, "format is 'wapo-backup/2'"),
            ({"migrations": 1}, "makes no sense"),
            ({"key": True}, "node.key.sealed is missing"),
        ):
            members[0] = members[0][0], msgspec.json.encode(about | changes)
            refused(write(archive, members), match)
        for content in (b"[]", b"{", b"[" * 50_000, b"\xff", b"x" * 70_000):
            members[0] = members[0][0], content
            refused(write(archive, members), r"makes no sense|format|bytes")

    async def test_times_that_make_no_sense_are_now(self, source: Path, archive: Path) -> None:
        members = members_of(archive)
        for (member, _), moment in zip(members, ("nan", "-1e300", "1e300", "inf", "-5"), strict=False):
            member.pax_headers = {"mtime": moment}
        target = archive.with_name("target")
        restore(write(archive, members), target, key=key_of(source))
        now = time.time()
        assert all(abs(path.stat().st_mtime - now) < 3600 for path in target.rglob("*"))


async def test_any_change_is_refused_or_harmless(archive: Path, source: Path, known: Known) -> None:
    """Bytes at random: what is restored all the same is what was backed up."""
    import random

    choose = random.Random(7)
    whole = archive.read_bytes()
    path = archive.with_name("mutated.tar")
    taken = 0
    for turn in range(60):
        content = bytearray(whole)
        for _ in range(choose.choice((1, 1, 5))):
            place = choose.randrange(min(len(content), 4096)) if turn % 2 else choose.randrange(len(content))
            content[place] = choose.randrange(256)
        path.write_bytes(content)
        target = archive.with_name(f"target-{turn}")
        try:
            restore(path, target, key=key_of(source))
        except WapoError:
            assert not target.exists()
            continue
        taken += 1
        await look(target, known)
    assert taken < 60
