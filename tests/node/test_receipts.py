"""The book of receipts: what is written is found and proven, by whichever process; what is lost is counted."""

import asyncio
import hashlib
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from wapo.node import receipt_chunks
from wapo.node import receipts as module
from wapo.node.backup import back_up
from wapo.node.identities import Identities, rotate
from wapo.node.receipt_chunks import Chunk, Entry
from wapo.node.receipts import NoSuchReceipt, NotInTheLog, ReceiptBook
from wapo.node.restore import restore
from wapo.store.database import Database, StoreDamaged, StoreFailed
from wapo.trust.keys import NodeKeys
from wapo.trust.merkle import TILE, check_consistency, check_inclusion, leaf_hash, read_head
from wapo.trust.receipt_checks import verify_receipt
from wapo.trust.receipts import Receipt, beginning, ending, fields_of, read_jwks, write_document

KEYS = NodeKeys(bytes(range(32)))


@pytest.fixture
async def identities(database: Database) -> Identities:
    made = Identities(KEYS, database)
    await made.load()
    return made


@pytest.fixture
async def book(tmp_path: Path, identities: Identities) -> AsyncIterator[ReceiptBook]:
    made = ReceiptBook(tmp_path, KEYS, identities)
    yield made
    await made.aclose()


def entry(identities: Identities, request_id: str | None = None, target: str = "/") -> Entry:
    now = int(identities.all[-1].from_s * 1000)
    common = beginning(
        identities.current.key_id, "bafk", "GET", target, fields_of([]), bytes(32), 200,
        fields_of([(b"content-type", b"text/plain")]),
    )  # fmt: skip
    return common, request_id or str(uuid.uuid4()), "nonce", bytes(32), now, now


def whole(one: Entry) -> bytes:
    return one[0] + ending(*one[1:])


def key_of(one: Entry) -> str:
    return Receipt.parse(whole(one)).key_id


async def add(book: ReceiptBook, identities: Identities, count: int) -> list[Entry]:
    entries = [entry(identities) for _ in range(count)]
    for one in entries:
        book.add(one)
    await book.write_out()
    return entries


async def test_a_receipt_is_found_signed_and_in_the_log(book: ReceiptBook, identities: Identities) -> None:
    entries = await add(book, identities, 300)
    keys = read_jwks(identities.jwks())
    head, signature = await book.head()
    assert head.size == 300
    for number in (0, 1, 255, 256, 299):
        found = await book.find(entries[number][1])
        assert (found.receipt.canonical(), found.index) == (whole(entries[number]), number)
        assert verify_receipt(write_document(found.receipt, found.signature), keys, nonce="nonce")
        proof = await book.inclusion(found.index, head.size)
        assert check_inclusion(leaf_hash(found.receipt.canonical()), found.index, head.size, proof, head.root)
    assert read_head(head.document(signature), keys) == head


async def test_what_was_added_a_moment_ago_is_found(book: ReceiptBook, identities: Identities) -> None:
    one = entry(identities)
    book.add(one)
    assert (await book.find(one[1])).index == 0


async def test_who_gives_up_waiting_loses_nothing(book: ReceiptBook, identities: Identities) -> None:
    entries = [entry(identities) for _ in range(300)]
    for one in entries:
        book.add(one)
    waiting = asyncio.create_task(book.write_out())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await book.head())[0].size == 300
    assert (await book.find(entries[-1][1])).index == 299
    assert book.lost == 0


async def test_what_is_not_there(book: ReceiptBook, identities: Identities) -> None:
    for unknown in (str(uuid.uuid4()), "x", "", "../log"):
        with pytest.raises(NoSuchReceipt):
            await book.find(unknown)
    assert (await book.head())[0].size == 0
    await add(book, identities, 3)
    for wanted in ((3, 3), (0, 4), (-1, 2), (1 << 70, 1 << 71)):
        with pytest.raises(NotInTheLog):
            await book.inclusion(*wanted)
        with pytest.raises(NotInTheLog):
            await book.consistency(wanted[1] + 1, wanted[1])
    with pytest.raises(NotInTheLog):
        await book.consistency(1, 4)
    with pytest.raises(NotInTheLog):
        await book.tile(0, 1)


async def test_processes_grow_one_log(tmp_path: Path, identities: Identities) -> None:
    books = [ReceiptBook(tmp_path, KEYS, identities) for _ in range(3)]
    for book in books:
        others = [other for other in books if other is not book]
        book.write_out_others = lambda others=others: asyncio.gather(*(other.write_out() for other in others))
    heads = []
    for _ in range(8):
        for book in books:
            for _ in range(50):
                book.add(entry(identities))
        heads.append((await books[0].head())[0])
    assert [head.size for head in heads] == list(range(150, 1201, 150))
    assert len({head.log for head in heads}) == 1
    for first, second in pairwise(heads):
        proof = await books[1].consistency(first.size, second.size)
        assert check_consistency(first.size, second.size, proof, first.root, second.root)
    tiles = [await books[2].tile(0, number) for number in range(5)]
    assert [len(tile) // 32 for tile in tiles] == [256, 256, 256, 256, 176]
    for book in books:
        await book.aclose()


async def test_the_log_goes_on_after_a_restart(tmp_path: Path, identities: Identities) -> None:
    heads = []
    for _ in range(2):
        book = ReceiptBook(tmp_path, KEYS, identities)
        await add(book, identities, 5)
        heads.append((await book.head())[0])
        await book.aclose()
    assert [head.size for head in heads] == [5, 10]
    assert heads[0].log == heads[1].log


async def test_what_was_signed_before_a_rotation_still_verifies(
    book: ReceiptBook, identities: Identities, database: Database
) -> None:
    (before,) = await add(book, identities, 1)
    await rotate(database)
    await identities.load()
    (after,) = await add(book, identities, 1)
    assert key_of(before) != key_of(after)
    keys = read_jwks(identities.jwks())
    for one in (before, after):
        found = await book.find(one[1])
        verify_receipt(write_document(found.receipt, found.signature), keys)
    assert (await book.head())[0].key_id == key_of(after)


async def test_a_key_that_another_process_has_noticed_first(
    book: ReceiptBook, database: Database, identities: Identities
) -> None:
    await rotate(database)
    others = Identities(KEYS, database)
    await others.load()
    assert others.current.key_id != identities.current.key_id
    (one,) = await add(book, others, 1)
    assert (await book.find(one[1])).receipt.key_id == others.current.key_id


async def test_the_oldest_are_forgotten_and_their_hashes_are_not(
    book: ReceiptBook, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 64)
    (first,) = await add(book, identities, 1)
    await add(book, identities, 100)
    (last,) = await add(book, identities, 1)
    with pytest.raises(NoSuchReceipt):
        await book.find(first[1])
    assert await book.find(last[1])
    head, _ = await book.head()
    proof = await book.inclusion(0, head.size)
    assert check_inclusion(leaf_hash(whole(first)), 0, head.size, proof, head.root)


async def test_large_ones_take_no_more_of_the_disk(
    book: ReceiptBook, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets have up to 64 KiB, and a caller chooses them."""
    monkeypatch.setattr(module, "_KEPT_BYTES", 1 << 20)
    names = []
    for _ in range(20):
        for _ in range(5):
            one = entry(identities, target=f"/{uuid.uuid4().hex * 1000}")
            book.add(one)
            names.append(one[1])
        await book.write_out()
    assert (await book.find(names[-1])).index == 99
    assert (await book.find(names[-25])).index == 75
    with pytest.raises(NoSuchReceipt):
        await book.find(names[40])
    with closing(sqlite3.connect(tmp_path / "receipts.db")) as database:
        (kept,) = database.execute("SELECT sum(length(data)) FROM chunks").fetchone()
    assert kept < (1 << 20) * 18 // 16 + 200_000


async def test_none_is_given_for_longer_than_a_week_nor_kept(
    book: ReceiptBook, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few there are."""
    (one,) = await add(book, identities, 1)
    assert await book.find(one[1])
    monkeypatch.setattr(module, "_KEPT_MS", -1000)
    with pytest.raises(NoSuchReceipt):
        await book.find(one[1])
    await book.forget()
    with closing(sqlite3.connect(tmp_path / "receipts.db")) as database:
        assert database.execute("SELECT count(*) FROM chunks").fetchone() == (0,)
    monkeypatch.undo()
    (later,) = await add(book, identities, 1)
    assert (await book.find(later[1])).index == 1


async def test_what_nobody_writes_about_is_forgotten_too(
    book: ReceiptBook, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(book, identities, 1)
    book._wake.clear()
    monkeypatch.setattr(module, "_KEPT_MS", -1000)
    monkeypatch.setattr(module, "_PRUNE_EVERY_S", 0.01)
    running = asyncio.create_task(book.run())
    with closing(sqlite3.connect(tmp_path / "receipts.db")) as database:
        async with asyncio.timeout(10):
            while database.execute("SELECT count(*) FROM chunks").fetchone() != (0,):
                await asyncio.sleep(0.01)
    running.cancel()


async def test_where_some_are_gone_others_are_found(book: ReceiptBook, identities: Identities, tmp_path: Path) -> None:
    """Which a clock that is set can do."""
    (first,), middle, (last,) = [await add(book, identities, count) for count in (1, 3, 1)]
    with closing(sqlite3.connect(tmp_path / "receipts.db")) as database, database:
        database.execute("DELETE FROM chunks WHERE first = 1")
    assert [(await book.find(one[1])).index for one in (first, last)] == [0, 4]
    for name in (*(one[1] for one in middle), str(uuid.UUID(int=0))):
        with pytest.raises(NoSuchReceipt):
            await book.find(name)


async def test_the_oldest_hashes_become_those_of_whole_tiles(
    book: ReceiptBook, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 64)
    monkeypatch.setattr(module, "_LEAF_TILES", 1)
    await add(book, identities, 2 * TILE)
    old = (await book.head())[0]
    await add(book, identities, 2 * TILE)
    head, _ = await book.head()
    with pytest.raises(NotInTheLog, match="not kept any more"):
        await book.inclusion(0, head.size)
    assert len(await book.inclusion(head.size - 1, head.size)) == 10
    proof = await book.consistency(old.size, head.size)
    assert check_consistency(old.size, head.size, proof, old.root, head.root)


async def test_on_the_disk_a_receipt_is_sealed(book: ReceiptBook, identities: Identities, tmp_path: Path) -> None:
    book.add(entry(identities, target="/ipfs/bafk?key=do-not-show"))
    await book.write_out()
    assert all(b"do-not-show" not in path.read_bytes() for path in tmp_path.glob("receipts.db*"))


async def test_what_the_disk_does_not_take_is_counted_and_later_ones_are_kept(
    book: ReceiptBook, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFailed("disk full")

    book.add(entry(identities))
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", full)
        with pytest.raises(StoreFailed):
            await book.write_out()
    assert book.lost == 1
    (one,) = await add(book, identities, 1)
    assert (await book.head())[0].size == 1
    book.add(entry(identities))
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", full)
        assert (await book.head())[0].size == 1  # earlier ones are still given
        assert (await book.find(one[1])).index == 0
    assert book.lost == 2


async def test_a_writer_that_cannot_keep_up_drops(
    book: ReceiptBook, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CHUNKS", 2)
    monkeypatch.setattr(receipt_chunks, "_RECEIPTS", 3)
    entries = [entry(identities) for _ in range(7)]
    for one in entries:
        book.add(one)
    assert book.lost == 1
    await book.write_out()
    assert (await book.head())[0].size == 6
    book.add(entries[6])
    await book.write_out()
    monkeypatch.setattr(receipt_chunks, "_BYTES", 1000)
    for _ in range(3):
        book.add(entry(identities, target="/" * 1000))
    assert book.lost == 2


async def test_what_comes_while_it_writes_is_for_the_next_time(
    book: ReceiptBook, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy node would never stop otherwise, and write a few with every transaction."""
    written: list[int] = []
    write = book._write

    async def and_more_come(chunk: Chunk) -> None:
        book.add(entry(identities))
        written.append(len(chunk))
        await write(chunk)

    book.add(entry(identities))
    monkeypatch.setattr(book, "_write", and_more_come)
    await book.write_out()
    assert written == [1]
    assert book._wake.is_set()
    monkeypatch.undo()
    await book.write_out()
    assert (await book.head())[0].size == 2


async def test_what_is_brief_at_first_is_the_same_receipt(book: ReceiptBook, identities: Identities) -> None:
    headers = [(b"content-type", b"text/plain"), (b"x-empty", b""), (b"x-colons", b"a: b: c\xff")]
    lines = b"content-type: text/plain\r\nx-empty: \r\nx-colons: a: b: c\xff\r\n"
    key_id, ids = identities.current.key_id, [str(uuid.uuid4()) for _ in range(200)]
    began_ms = time.time_ns() // 1_000_000
    for number, name in enumerate(ids):
        common = key_id, "bafk", b"/%d" % (number % 3), 200, lines
        content = b"%d" % number * (1 if number % 2 else 1000)
        book.add_brief(common, name, content, time.perf_counter() - 0.0015)
    ended_ms = time.time_ns() // 1_000_000
    for number in (0, 1, 63, 64, 199):
        found = (await book.find(ids[number])).receipt
        content = b"%d" % number * (1 if number % 2 else 1000)
        assert found == Receipt(
            key_id, ids[number], "bafk", "GET", f"/{number % 3}", fields_of([]), hashlib.sha256().digest(), "", 200,
            fields_of(headers), hashlib.sha256(content).digest(), found.started_ms, found.ended_ms,
        )  # fmt: skip
        assert began_ms <= found.ended_ms <= ended_ms
        assert 1 <= found.ended_ms - found.started_ms <= 1 + ended_ms - began_ms
    assert (await book.head())[0].size == 200


def _cut(database: sqlite3.Connection) -> None:
    database.execute("UPDATE tiles SET hashes = substr(hashes, 1, 32)")


def _flip(database: sqlite3.Connection) -> None:
    database.execute("UPDATE log SET size = size + 1")


@pytest.mark.parametrize("damage", [_cut, _flip])
async def test_a_damaged_log_does_not_grow(
    damage: Callable[[sqlite3.Connection], None], book: ReceiptBook, identities: Identities, tmp_path: Path
) -> None:
    await add(book, identities, 3)
    with sqlite3.connect(tmp_path / "receipts.db") as database:
        damage(database)
    database.close()
    another = ReceiptBook(tmp_path, KEYS, identities)  # which has nothing in memory
    with pytest.raises(StoreDamaged):
        await add(another, identities, 1)
    await another.aclose()


async def test_a_node_that_was_restored_begins_another_log(
    book: ReceiptBook, identities: Identities, tmp_path: Path
) -> None:
    await add(book, identities, 2)
    (tmp_path / "node.key").write_bytes(bytes(range(32)))
    (tmp_path / "node.key").chmod(0o600)
    await asyncio.to_thread(back_up, tmp_path, tmp_path / "backup.tar")
    await asyncio.to_thread(restore, tmp_path / "backup.tar", tmp_path / "restored", key=bytes(range(32)))
    assert not (tmp_path / "restored" / "receipts.db").exists()
    another = ReceiptBook(tmp_path / "restored", KEYS, identities)
    await add(another, identities, 1)
    heads = [(await one.head())[0] for one in (book, another)]
    assert [head.size for head in heads] == [2, 1]
    assert heads[0].log != heads[1].log
    await another.aclose()
