"""Tables, and the migrations that make them. A migration is a function that ran once, recorded with what it did."""

from collections.abc import Callable

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

__all__ = ["agents", "apps", "log_chunks", "metadata", "migrate", "vaults", "worker_state"]

metadata = MetaData()

_migrations = Table("migrations", metadata, Column("name", String, primary_key=True))

#: Secrets, sealed. ``program`` is the CID that the secret is bound to, or ``local``.
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
)

#: Log records of runs, many to a row: MessagePack of [[time in ms, level, message], ...] in the order of writing.
#: A run that ends within a second has one row. ``ended_ms`` is null while a run goes on.
log_chunks = Table(
    "log_chunks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("program", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("ended_ms", BigInteger),
    Column("records", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("log_chunks_by_program", "program", "id"),
    Index("log_chunks_by_request", "request_id"),
)

#: What an operator has set for one program: limits lower than the node's, as JSON.
agents = Table(
    "agents",
    metadata,
    Column("program", String, primary_key=True),
    Column("settings", Text, nullable=False),
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
)

#: What the worker itself must remember, by name, as JSON.
worker_state = Table(
    "worker_state",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[vaults, log_chunks, agents])


def _apps(connection: Connection) -> None:
    metadata.create_all(connection, tables=[apps, worker_state])


_MIGRATIONS: tuple[tuple[str, Callable[[Connection], None]], ...] = (
    ("0001-first", _first),
    ("0002-apps", _apps),
)


def migrate(connection: Connection) -> list[str]:
    """Runs what has not been run; returns the names. The caller's transaction makes it all or nothing."""
    if not inspect(connection).has_table(_migrations.name):
        _migrations.create(connection)
    done = set(connection.execute(select(_migrations.c.name)).scalars())
    ran = []
    for name, step in _MIGRATIONS:
        if name not in done:
            step(connection)
            connection.execute(insert(_migrations).values(name=name))
            ran.append(name)
    return ran
