"""Tables, and the migrations that make them. A migration is a function that ran once, recorded with what it did."""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
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

__all__ = ["agents", "log_chunks", "metadata", "migrate", "vaults"]

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


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[vaults, log_chunks, agents])


_MIGRATIONS: tuple[tuple[str, Callable[[Connection], None]], ...] = (("0001-first", _first),)


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
