"""Chunks of receipts: what comes out is what went in, whatever they were made of."""

import hashlib
import tracemalloc
import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wapo.node.receipt_chunks import NO_CONTENT, NO_FIELDS, Chunk, WrittenChunk
from wapo.trust.merkle import HASH_BYTES, leaf_hash
from wapo.trust.receipts import Receipt, beginning, ending, fields_of

KEY = "k" * 43
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20).map(
    lambda text: text.strip().encode("latin-1")
)
HEADERS = st.lists(st.tuples(st.sampled_from([b"a", b"b-c", b"set-cookie"]), VALUES), max_size=4)
IDS = st.uuids(version=4).map(str)
COMMON = st.tuples(
    st.sampled_from(["bafk", "Qm"]), st.sampled_from([b"/", b"/a?b=%20"]), st.integers(100, 599), HEADERS
)
BRIEFS = st.tuples(COMMON, IDS, st.binary(max_size=9) | st.sampled_from([b"x" * 1024, b"y" * 5000]))
ENTRIES = st.tuples(
    st.sampled_from([b"one", b"other"]), IDS, st.text("abc", max_size=9), st.sampled_from([bytes(32), bytes(range(32))]),
    st.integers(0, 1 << 40), st.integers(0, 1 << 40),
)  # fmt: skip


@given(st.lists(st.one_of(BRIEFS, ENTRIES), min_size=1, max_size=90, unique_by=lambda one: one[1]))
def test_what_was_added_is_read_again(added: list[tuple]) -> None:  # type: ignore[type-arg]
    chunk, expected = Chunk(), {}
    for one in added:
        if len(one) == 6:
            chunk.add(one)
            expected[one[1]] = one[0] + ending(*one[1:])
            continue
        (program, target, status, headers), name, content = one
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        chunk.add_brief((KEY, program, target, status, lines), name, content, 0.25)
        expected[name] = Receipt(
            KEY, name, program, "GET", target.decode(), NO_FIELDS, NO_CONTENT, "", status, fields_of(headers),
            hashlib.sha256(content).digest(), 0, 0,
        )  # fmt: skip
    chunk.settle()
    assert len(chunk) == len(added)
    written, ids = WrittenChunk(chunk.encoded()), chunk.ids()
    for number in range(len(chunk)):
        form, name = written[number], str(uuid.UUID(bytes=ids[16 * number : 16 * number + 16]))
        assert chunk.leaves[number * HASH_BYTES : (number + 1) * HASH_BYTES] == leaf_hash(form)
        known = expected[name]
        if isinstance(known, Receipt):
            read = Receipt.parse(form)
            assert read.ended_ms - read.started_ms == 250
            assert read == replace(known, started_ms=read.started_ms, ended_ms=read.ended_ms)
        else:
            assert form == known


def test_large_headers_do_not_stay_in_memory() -> None:
    """Neither in what waits for the disk, nor in what is remembered."""
    chunk = Chunk()
    tracemalloc.start()
    for number in range(200):
        headers = [(b"x-%d" % number, b"v" * 60_000), (b"n" * 30_000, b"%d" % number)]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        chunk.add_brief((KEY, "bafk", b"/", 200, lines), str(uuid.uuid4()), b"", 0.001)
        beginning(KEY, "bafk", "GET", f"/{number}", fields_of([]), bytes(32), 200, fields_of(headers))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * chunk.size + 1_000_000
