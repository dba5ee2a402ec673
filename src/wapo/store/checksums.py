"""Checksums of rows: SQLite notices a page that makes no sense, but not a byte that has become another.

What is sealed needs none, nor does what is named by its hash. CRC-32 is for accidents: whoever writes to the disk on
purpose can write a checksum, too.
"""

from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

import msgspec
from sqlalchemy import RowMapping, Table

from wapo.store.database import StoreDamaged

__all__ = ["checked", "summed"]

_NAME: Final = "checksum"


def summed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its checksum, to be written."""
    values = _values(row)
    return values | {_NAME: _sum(values)}


def checked(table: Table, row: RowMapping) -> dict[str, Any]:
    """The row as it was written, without its checksum.

    Args:
        row: every column of ``table``, as it was read.

    Raises:
        StoreDamaged.
    """
    values = _values(row)
    if row[_NAME] is not None and row[_NAME] != _sum(values):
        (name,) = (row[column.name] for column in table.primary_key.columns)
        raise StoreDamaged(f"the row {name!r} of {table.name} is damaged; bring back a backup with 'wapo restore'")
    return values


def _values(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name != _NAME}


def _sum(values: Mapping[str, Any]) -> int:
    return crc32(msgspec.msgpack.encode(sorted(values.items())))
