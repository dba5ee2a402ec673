"""Tables, and the migrations that make them. A migration is a function that ran once, recorded with what it did.

The names that are recorded are the schema's version: a database that knows a name which is not here was made by a newer
wapo. A migration that has been released never changes: ``tests/store/schemas`` has what each one left, with data in it.
"""

from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
)  # fmt: skip

from wapo.errors import HostError

__all__ = [
    "MIGRATIONS", "NewerSchema", "agent_use", "agents", "apps", "check_names", "log_chunks", "metadata", "migrate",
    "vaults", "worker_state",
]  # fmt: skip


class NewerSchema(HostError):
    """The database was made by a newer wapo: this one would not understand it, and does not touch it."""

    code = "newer_schema"


metadata = MetaData()

_migrations = Table("migrations", metadata, Column("name", String, primary_key=True))

#: Secrets, sealed. ``program`` is the CID that the secret is bound to, or ``local``; ``credentials`` are those of the
#: item with what it inherits.
vaults = Table(
    "vaults",
    metadata,
    Column("key", String, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("program", String, nullable=False, index=True),
    Column("data", LargeBinary, nullable=False),
    Column("inherit", String),
    Column("parents", LargeBinary),
    Column("created_ms", BigInteger, nullable=False),
    Column("credentials", LargeBinary),
)

#: Log records of runs, many to a row: MessagePack of [[time in ms, level, message], ...] in the order of writing.
#: Before it come the byte C1 and its CRC-32 (big-endian), but in the oldest rows. A run that ends within a second has
#: one row. ``ended_ms`` is null while a run goes on.
log_chunks = Table(
    "log_chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("program", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("ended_ms", BigInteger),
    Column("records", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("log_chunks_by_program", "program", "id"),
    Index("log_chunks_by_request", "request_id"),
)

#: What an operator has set for one program: limits lower than the node's, as JSON.
#: ``checksum``, here and below, is of the whole row (``wapo.store.checksums``); null in rows of before there was one.
agents = Table(
    "agents",
    metadata,
    Column("program", String, primary_key=True),
    Column("settings", Text, nullable=False),
    Column("checksum", BigInteger),
)

#: What agents that have a budget have used, by hour and by day of UTC: ``period`` is ``hour`` or ``day``, ``start`` its
#: first second since the epoch. ``told``: the log of the agent says that the budget is used up. Processes add to rows,
#: so that there is no checksum: what a flipped bit does here is over with the day.
agent_use = Table(
    "agent_use",
    metadata,
    Column("program", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("cpu_us", BigInteger, nullable=False),
    Column("egress_bytes", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False),
)


#: Apps that are deployed here. ``address`` is hex; ``manifest`` SCALE; ``target`` how many instances are wanted;
#: ``usage`` JSON of what ended instances have used since the deployment.
apps = Table(
    "apps",
    metadata,
    Column("address", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("session", LargeBinary, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("reuse_instances", Boolean, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("usage", Text, nullable=False),
    Column("checksum", BigInteger),
)

#: What the worker itself must remember, by name, as JSON.
worker_state = Table(
    "worker_state",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("checksum", BigInteger),
)


def _statements(*statements: str) -> Callable[[Connection], None]:
    """A migration. It is written out, and not made from the tables above: these change, and what was released does
    not."""

    def run(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return run


_FIRST: Final = _statements(
    "CREATE TABLE vaults ("
    "key VARCHAR NOT NULL PRIMARY KEY, token_hash BLOB NOT NULL, program VARCHAR NOT NULL, data BLOB NOT NULL, "
    "inherit VARCHAR, parents BLOB, created_ms BIGINT NOT NULL)",
    "CREATE INDEX ix_vaults_program ON vaults (program)",
    "CREATE TABLE log_chunks ("
    "id INTEGER NOT NULL PRIMARY KEY, program VARCHAR NOT NULL, request_id VARCHAR NOT NULL, ended_ms BIGINT, "
    "records INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE INDEX log_chunks_by_program ON log_chunks (program, id)",
    "CREATE INDEX log_chunks_by_request ON log_chunks (request_id)",
    "CREATE TABLE agents (program VARCHAR NOT NULL PRIMARY KEY, settings TEXT NOT NULL)",
)

_APPS: Final = _statements(
    "CREATE TABLE apps ("
    "address VARCHAR NOT NULL PRIMARY KEY, number BIGINT NOT NULL, session BLOB NOT NULL, manifest BLOB NOT NULL, "
    "reuse_instances BOOLEAN NOT NULL, target BIGINT NOT NULL, usage TEXT NOT NULL)",
    "CREATE TABLE worker_state (name VARCHAR NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
)

_CHECKSUMS: Final = _statements(
    "ALTER TABLE agents ADD COLUMN checksum BIGINT",
    "ALTER TABLE apps ADD COLUMN checksum BIGINT",
    "ALTER TABLE worker_state ADD COLUMN checksum BIGINT",
)

_AGENT_USE: Final = _statements(
    "CREATE TABLE agent_use ("
    "program VARCHAR NOT NULL, period VARCHAR NOT NULL, start BIGINT NOT NULL, requests BIGINT NOT NULL, "
    "cpu_us BIGINT NOT NULL, egress_bytes BIGINT NOT NULL, told BOOLEAN NOT NULL, "
    "PRIMARY KEY (program, period, start))",
)

_CREDENTIALS: Final = _statements("ALTER TABLE vaults ADD COLUMN credentials BLOB")


_MIGRATIONS: tuple[tuple[str, Callable[[Connection], None]], ...] = (
    ("0001-first", _FIRST),
    ("0002-apps", _APPS),
    ("0003-checksums", _CHECKSUMS),
    ("0004-agent-use", _AGENT_USE),
    ("0005-credentials", _CREDENTIALS),
)


#: Names of all migrations, in the order in which they run.
MIGRATIONS: Final = tuple(name for name, _ in _MIGRATIONS)


def migrate(connection: Connection) -> list[str]:
    """Runs what has not been run; returns the names. The caller's transaction makes it all or nothing.

    Raises:
        NewerSchema: something ran there that is not known here.
    """
    if not inspect(connection).has_table(_migrations.name):
        _migrations.create(connection)
    done = set(connection.execute(select(_migrations.c.name)).scalars())
    check_names(done)
    ran = []
    for name, step in _MIGRATIONS:
        if name not in done:
            step(connection)
            connection.execute(insert(_migrations).values(name=name))
            ran.append(name)
    return ran


def check_names(done: Iterable[str]) -> None:
    """
    Raises:
        NewerSchema: one of the names of migrations that ran is not known here.
    """
    unknown = sorted(set(done) - set(MIGRATIONS))
    if unknown:
        raise NewerSchema(
            f"it was made by a newer wapo (its schema has {unknown[-1]!r}, and this one ends with {MIGRATIONS[-1]!r}): "
            "install that version again, or restore a backup of before"
        )
