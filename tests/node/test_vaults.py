"""Secrets of programs: sealed at rest, bound to one program, inherited and merged."""

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from wapo.node.vaults import (
    MAX_DATA_BYTES,
    AccessDenied,
    Delivery,
    InheritFromOther,
    InheritNotFound,
    InvalidVaultData,
    InvalidVaultKey,
    NoSuchVault,
    Vaults,
    merge,
)
from wapo.store.database import Database
from wapo.store.schema import vaults as table
from wapo.trust.keys import NodeKeys
from wapo.trust.seal import Unsealable

KEYS = NodeKeys(bytes(range(32)))


@pytest.fixture
def vaults(database: Database) -> Vaults:
    return Vaults(database, KEYS)


async def secret(vaults: Vaults, program: str, key: str) -> Any:
    return msgspec.json.decode((await vaults.delivery(program, key)).secret)


class TestKeeping:
    async def test_key_and_token_read_it_back_and_the_key_delivers_it(self, vaults: Vaults) -> None:
        data = {"apiKey": "k", "deep": {"list": [1, None, 1.5, "é"]}}
        receipt = await vaults.create("p", data)
        item = await vaults.read(receipt.key, receipt.token)
        assert (item.key, item.program, item.data, item.inherit, item.parents) == (receipt.key, "p", data, None, {})
        assert await secret(vaults, "p", receipt.key) == data

    async def test_keys_and_tokens_cannot_be_guessed(self, vaults: Vaults) -> None:
        receipts = [await vaults.create("p", {"same": "data"}) for _ in range(20)]
        assert all(re.fullmatch("[0-9a-f]{32}", receipt.key) for receipt in receipts)
        assert all(re.fullmatch("[0-9a-f]{64}", receipt.token) for receipt in receipts)
        assert len({receipt.key for receipt in receipts} | {receipt.token for receipt in receipts}) == 40

    async def test_the_token_is_the_items_own(self, vaults: Vaults) -> None:
        first, second = await vaults.create("p", {"a": 1}), await vaults.create("p", {"a": 2})
        for token in (second.token, "", first.token.upper(), first.token[:-1], first.token + "0", first.key):
            with pytest.raises(AccessDenied):
                await vaults.read(first.key, token)

    async def test_an_unknown_key(self, vaults: Vaults) -> None:
        with pytest.raises(NoSuchVault):
            await vaults.read("00", "11")

    async def test_another_program_gets_nothing_and_not_the_reason(self, vaults: Vaults) -> None:
        """Neither before nor after the right one has asked."""
        receipt = await vaults.create("p", {"a": 1})
        messages = []
        for program, key in [("q", receipt.key), ("p", "0" * 32), ("", receipt.key)]:
            for ask_first in (False, True):
                if ask_first:
                    await vaults.delivery("p", receipt.key)
                with pytest.raises(InvalidVaultKey) as caught:
                    await vaults.delivery(program, key)
                messages.append(str(caught.value))
                assert vaults.cached(program, key) is None
        assert set(messages) == {"invalid key"}

    async def test_what_has_been_opened_is_at_hand(self, vaults: Vaults) -> None:
        receipt = await vaults.create("p", {"a": 1})
        assert vaults.cached("p", receipt.key) is None
        await vaults.delivery("p", receipt.key)
        assert vaults.cached("p", receipt.key) == Delivery('{"a":1}', None)

    async def test_tokens_prove_ownership_of_their_program(self, vaults: Vaults) -> None:
        receipts = [await vaults.create("p", {"a": number}) for number in range(3)]
        assert all([await vaults.owns("p", receipt.token) for receipt in receipts])
        assert not await vaults.owns("q", receipts[0].token)
        assert not await vaults.owns("p", receipts[0].key)
        assert not await vaults.owns("p", "")


class TestAtRest:
    async def test_neither_secret_nor_token_is_in_the_database(self, database_file: Path) -> None:
        """Not in the file, and not in its journal, while it is open and after."""
        planted, inherited = "planted-secret-93b1", "inherited-secret-4c0e"
        async with Database(database_file) as database:
            vaults = Vaults(database, KEYS)
            parent = await vaults.create("p", {"name": inherited})
            child = await vaults.create("p", {"name": planted}, parent.key, parent.token)
            await vaults.delivery("p", child.key)
            words = [planted, inherited, parent.token, child.token]
            found = self.words_in(database_file.parent, words)
        assert found == self.words_in(database_file.parent, words) == set()
        assert self.words_in(database_file.parent, [parent.key]) == {parent.key}  # keys are public

    @staticmethod
    def words_in(folder: Path, words: list[str]) -> set[str]:
        """Which words are in any file, as text or as the bytes that they are the hex of."""
        content = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
        assert b"SQLite format 3" in content
        return {word for word in words if word.encode() in content or (is_hex(word) and bytes.fromhex(word) in content)}

    async def test_the_hash_of_a_token_is_kept(self, vaults: Vaults, database: Database) -> None:
        receipt = await vaults.create("p", {"a": 1})
        async with database.reading() as connection:
            (row,) = (await connection.execute(select(table))).mappings().all()
        assert row["token_hash"] == hashlib.sha256(receipt.token.encode()).digest()

    async def test_another_nodes_key_does_not_open_it(self, vaults: Vaults, database: Database) -> None:
        receipt = await vaults.create("p", {"a": 1})
        with pytest.raises(Unsealable):
            await Vaults(database, NodeKeys(bytes(32))).read(receipt.key, receipt.token)

    @pytest.mark.parametrize("change", [{"program": "q"}, {"key": "moved"}])
    async def test_an_item_that_was_moved_in_the_database_does_not_open(
        self, vaults: Vaults, database: Database, change: dict[str, str]
    ) -> None:
        """Whoever can write to the file cannot give a program another's secret."""
        receipt = await vaults.create("p", {"a": 1})
        async with database.writing() as connection:
            await connection.execute(update(table).values(**change))
        with pytest.raises(Unsealable):
            await vaults.delivery(change.get("program", "p"), change.get("key", receipt.key))

    async def test_a_restart_keeps_everything(self, vaults: Vaults, database: Database) -> None:
        receipt = await vaults.create("p", {"a": 1})
        again = Vaults(database, KEYS)
        assert (await again.read(receipt.key, receipt.token)).data == {"a": 1}
        assert await secret(again, "p", receipt.key) == {"a": 1}


#: As they come with a request; the value is to be found nowhere.
HIDDEN = {"openai": {"hosts": ["api.example.com"], "headers": {"Authorization": "Bearer planted-credential-5d1a"}}}


class TestCredentials:
    async def test_the_program_is_told_that_it_has_one_and_the_host_gets_it(self, vaults: Vaults) -> None:
        receipt = await vaults.create("p", {"a": 1}, credentials=HIDDEN)
        delivery = await vaults.delivery("p", receipt.key)
        told = {"a": 1, "credentials": {"openai": {"hosts": ["api.example.com"]}}}
        assert msgspec.json.decode(delivery.secret) == told
        assert delivery.credentials is not None
        assert delivery.credentials.by_name["openai"].headers == (("authorization", "Bearer planted-credential-5d1a"),)

    async def test_nobody_is_told_what_it_is(self, vaults: Vaults) -> None:
        receipt = await vaults.create("p", {"a": 1}, credentials=HIDDEN)
        item = await vaults.read(receipt.key, receipt.token)
        shown = {"openai": {"hosts": ["api.example.com"], "headers": ["authorization"]}}
        assert (item.credentials and item.credentials.shown(), item.data) == (shown, {"a": 1})
        (summary,) = await vaults.summaries("p")
        assert (summary.members, summary.credentials) == (["a"], shown)
        assert "planted" not in repr(item) + repr(summary)

    async def test_it_is_not_in_the_database(self, database_file: Path) -> None:
        async with Database(database_file) as database:
            vaults = Vaults(database, KEYS)
            receipt = await vaults.create("p", {}, credentials=HIDDEN)
            await vaults.delivery("p", receipt.key)
            found = TestAtRest.words_in(database_file.parent, ["planted-credential-5d1a"])
        assert found == TestAtRest.words_in(database_file.parent, ["planted-credential-5d1a"]) == set()

    async def test_it_cannot_be_moved_to_another_item_nor_be_taken_for_its_data(
        self, vaults: Vaults, database: Database
    ) -> None:
        """Whoever can write to the database cannot give it to another program, or have it read as a secret."""
        mine = await vaults.create("p", {}, credentials=HIDDEN)
        other = await vaults.create("q", {"a": 1})
        async with database.reading() as connection:
            sealed = (await connection.execute(select(table.c.credentials).where(table.c.key == mine.key))).scalar()
        for change, key in (({"credentials": sealed}, other.key), ({"data": sealed}, mine.key)):
            async with database.writing() as connection:
                await connection.execute(update(table).where(table.c.key == key).values(**change))
            with pytest.raises(Unsealable):
                await vaults.delivery("q" if key == other.key else "p", key)

    async def test_it_is_inherited_whole_and_replaced_whole(self, vaults: Vaults) -> None:
        parent = await vaults.create("p", {"a": 1}, credentials=HIDDEN)
        child = await vaults.create("p", {"b": 2}, parent.key, parent.token)
        delivery = await vaults.delivery("p", child.key)
        assert delivery.credentials is not None
        assert delivery.credentials.encoded() == (await vaults.delivery("p", parent.key)).credentials.encoded()  # type: ignore[union-attr]
        own = {"openai": {"hosts": ["evil.example.com"], "query": {"k": "another-key-0"}}}
        replaced = await vaults.create("p", {}, parent.key, parent.token, credentials=own)
        found = (await vaults.delivery("p", replaced.key)).credentials
        assert found is not None
        assert found.encoded() == own

    @pytest.mark.parametrize("where", ["own", "inherited", "the other way round"])
    async def test_data_cannot_say_which_there_are(self, vaults: Vaults, where: str) -> None:
        """A program believes what the member says."""
        match = "cannot have a member 'credentials'"
        if where == "own":
            with pytest.raises(InvalidVaultData, match=match):
                await vaults.create("p", {"credentials": 1}, credentials=HIDDEN)
            return
        first, second = ({"credentials": 1}, None), ({}, HIDDEN)
        (data, parent_has), (more, child_has) = (first, second) if where == "inherited" else (second, first)
        parent = await vaults.create("p", data, credentials=parent_has)
        with pytest.raises(InvalidVaultData, match=match):
            await vaults.create("p", more, parent.key, parent.token, credentials=child_has)

    async def test_data_without_credentials_may_be_called_so(self, vaults: Vaults) -> None:
        receipt = await vaults.create("p", {"credentials": 1})
        assert await secret(vaults, "p", receipt.key) == {"credentials": 1}

    async def test_they_count_for_the_size(self, vaults: Vaults) -> None:
        many = {
            f"n{n}": {"hosts": [f"h{n}.example"], "headers": {f"x-{m}": "x" * 2000 for m in range(4)}} for n in range(9)
        }
        with pytest.raises(InvalidVaultData, match="at most 65536 are allowed"):
            await vaults.create("p", {}, credentials=many)


class TestRemoving:
    async def test_what_is_removed_is_delivered_no_more(self, vaults: Vaults) -> None:
        receipt = await vaults.create("p", {"a": 1})
        await vaults.delivery("p", receipt.key)
        with pytest.raises(AccessDenied):
            await vaults.remove(receipt.key, "00" * 32)
        await vaults.remove(receipt.key, receipt.token)
        with pytest.raises(InvalidVaultKey):
            await vaults.delivery("p", receipt.key)
        for token in (receipt.token, None):
            with pytest.raises(NoSuchVault):
                await vaults.remove(receipt.key, token)

    async def test_another_process_notices_after_some_seconds(
        self, vaults: Vaults, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Vaults(database, KEYS)
        receipt = await vaults.create("p", {"a": 1})
        await other.delivery("p", receipt.key)
        await vaults.remove(receipt.key, None)
        now = time.monotonic()
        assert other.cached("p", receipt.key) is not None
        monkeypatch.setattr("wapo.node.vaults.time.monotonic", lambda: now + 5)
        with pytest.raises(InvalidVaultKey):
            await other.delivery("p", receipt.key)

    async def test_what_was_inherited_stays(self, vaults: Vaults) -> None:
        parent = await vaults.create("p", {"a": 1})
        child = await vaults.create("p", {"b": 2}, parent.key, parent.token)
        await vaults.remove(parent.key, parent.token)
        assert await secret(vaults, "p", child.key) == {"a": 1, "b": 2}


def is_hex(word: str) -> bool:
    return re.fullmatch("(?:[0-9a-f]{2})+", word) is not None


class TestRefusals:
    @pytest.mark.parametrize("data", [None, [], "text", 5, True])
    async def test_data_is_an_object(self, vaults: Vaults, data: Any) -> None:
        with pytest.raises(InvalidVaultData, match="data must be an object"):
            await vaults.create("p", data)

    async def test_its_size_is_bounded_with_all_that_it_inherits(self, vaults: Vaults) -> None:
        frame = len('{"a":""}')
        with pytest.raises(InvalidVaultData, match=f"at most {MAX_DATA_BYTES} are allowed"):
            await vaults.create("p", {"a": "x" * (MAX_DATA_BYTES - frame + 1)})
        largest = await vaults.create("p", {"a": "x" * (MAX_DATA_BYTES - frame)})
        with pytest.raises(InvalidVaultData):
            await vaults.create("p", {"b": 1}, largest.key, largest.token)

    @pytest.mark.parametrize("depth", [65, 5000])
    @pytest.mark.parametrize("kind", ["objects", "arrays"])
    async def test_nesting_without_end_is_refused(self, vaults: Vaults, depth: int, kind: str) -> None:
        """It could be stored, and then neither be read nor merged."""
        value: Any = 1
        for _ in range(depth):
            value = {"a": value} if kind == "objects" else [value]
        with pytest.raises(InvalidVaultData, match="nested more than 64 levels deep"):
            await vaults.create("p", {"a": value})

    @pytest.mark.parametrize("value", ["\ud800", {1j: 1}, object()])
    async def test_what_json_has_no_word_for_is_refused(self, vaults: Vaults, value: Any) -> None:
        with pytest.raises(InvalidVaultData, match="data is not JSON"):
            await vaults.create("p", {"a": value})


class TestInheritance:
    async def test_a_child_has_its_own_data_over_its_ancestors(self, vaults: Vaults) -> None:
        """Of its parent, and of all before it; reading it back shows its own only."""
        first = await vaults.create("p", {"a": 1, "list": [1], "deep": {"x": 1}})
        second = await vaults.create("p", {"b": 2, "list": [2], "deep": {"y": 2}}, first.key, first.token)
        third = await vaults.create("p", {"a": 3, "list": [3], "deep": {"x": 3}}, second.key, second.token)
        assert await secret(vaults, "p", third.key) == {"a": 3, "b": 2, "list": [1, 2, 3], "deep": {"x": 3, "y": 2}}
        item = await vaults.read(third.key, third.token)
        assert (item.data, item.inherit) == ({"a": 3, "list": [3], "deep": {"x": 3}}, second.key)
        assert await secret(vaults, "p", first.key) == {"a": 1, "list": [1], "deep": {"x": 1}}

    async def test_it_needs_the_parents_token(self, vaults: Vaults) -> None:
        """A key is public: it is in URLs."""
        parent = await vaults.create("p", {"a": 1})
        with pytest.raises(AccessDenied, match="inheriting needs the parent's token"):
            await vaults.create("p", {}, parent.key)
        with pytest.raises(AccessDenied):
            await vaults.create("p", {}, parent.key, "00" * 32)

    async def test_the_key_alone_is_enough_where_an_operator_says_so_but_a_wrong_token_never_is(
        self, vaults: Vaults
    ) -> None:
        parent = await vaults.create("p", {"a": 1})
        child = await vaults.create("p", {"b": 2}, parent.key, by_key_alone=True)
        assert await secret(vaults, "p", child.key) == {"a": 1, "b": 2}
        with pytest.raises(AccessDenied):
            await vaults.create("p", {}, parent.key, "00" * 32, by_key_alone=True)

    async def test_not_from_another_program_even_with_its_token(self, vaults: Vaults) -> None:
        """Else a program could be made to hand out another's secret."""
        parent = await vaults.create("p", {"a": 1})
        with pytest.raises(InheritFromOther, match="Inherit from different cid is not allow"):
            await vaults.create("q", {}, parent.key, parent.token)
        with pytest.raises(InheritFromOther):
            await vaults.create("q", {}, parent.key, by_key_alone=True)

    async def test_not_from_nothing(self, vaults: Vaults) -> None:
        with pytest.raises(InheritNotFound, match="inherit not found"):
            await vaults.create("p", {}, "00" * 16, "11")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)


class TestMerging:
    @settings(deadline=None, max_examples=50)
    @given(objects)
    def test_nothing_is_neutral(self, value: dict[str, Any]) -> None:
        assert merge({}, value) == merge(value, {}) == value

    @settings(deadline=None, max_examples=50)
    @given(objects, objects, objects)
    def test_it_does_not_matter_in_which_order_generations_are_merged(self, a: Any, b: Any, c: Any) -> None:
        """Parents are merged when an item is made; what is delivered must be the same as merging all at once."""
        assert merge(merge(a, b), c) == merge(a, merge(b, c)) or has_mixed_kinds(a, b, c)

    @settings(deadline=None, max_examples=50)
    @given(objects, objects)
    def test_it_changes_neither(self, parent: dict[str, Any], child: dict[str, Any]) -> None:
        before = msgspec.json.encode([parent, child])
        merge(parent, child)
        assert msgspec.json.encode([parent, child]) == before

    @settings(deadline=None, max_examples=50)
    @given(objects, objects)
    def test_every_name_is_there_and_the_child_decides(self, parent: dict[str, Any], child: dict[str, Any]) -> None:
        merged = merge(parent, child)
        assert set(merged) == set(parent) | set(child)
        for name, value in merged.items():
            if name not in child:
                assert value == parent[name]
            elif name not in parent:
                assert value == child[name]
            elif isinstance(parent[name], list) and isinstance(child[name], list):
                assert value == parent[name] + child[name]
            elif not (isinstance(parent[name], dict) and isinstance(child[name], dict)):
                assert value == child[name]
            else:
                assert value == merge(parent[name], child[name])


def has_mixed_kinds(*values: Any) -> bool:
    """Whether one name holds an object or a list in one generation and something else in the next: that is replaced."""
    kinds = {type(value) if isinstance(value, dict | list) else None for value in values}
    if len(kinds) > 1:
        return True
    if all(isinstance(value, dict) for value in values):
        names = {name for value in values for name in value}
        return any(has_mixed_kinds(*[value[name] for value in values if name in value]) for name in names)
    return False
