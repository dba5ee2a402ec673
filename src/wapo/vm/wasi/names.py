"""What is done to names in directories: all of WASI that takes a path, but opening. Blocks: on threads only.

Each finds the directory that the last component is in, beneath the guest's, and then makes one call that does not
follow that component; or it opens what the whole path names with ``O_PATH``, which opens nothing and waits for nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wapo.vm.wasi.beneath import locate, open_beneath
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.layout import Status, status_of
from wapo.vm.wasi.system_calls import set_times

__all__ = [
    "create_directory",
    "link",
    "read_link",
    "remove_directory",
    "rename",
    "status",
    "symlink",
    "touch",
    "unlink",
]

_NEW_DIRECTORY_MODE: Final = 0o777


@contextmanager
def _located(directory: int, path: bytes) -> Iterator[tuple[int, bytes]]:
    parent, name = locate(directory, path)
    try:
        yield parent, name
    finally:
        os.close(parent)


@contextmanager
def _found(directory: int, path: bytes, flags: int = 0) -> Iterator[int]:
    descriptor = open_beneath(directory, path, os.O_PATH | flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def status(directory: int, path: bytes, *, follow: bool) -> Status:
    with _found(directory, path, 0 if follow else os.O_NOFOLLOW) as descriptor:
        return status_of(os.fstat(descriptor))


def touch(directory: int, path: bytes, accessed: int | None, modified: int | None, *, follow: bool) -> None:
    """Sets times, as ``set_times`` has them."""
    if follow or path.endswith(b"/"):
        with _found(directory, path) as descriptor:
            set_times(descriptor, accessed, modified)
    else:
        with _located(directory, path) as (parent, name):
            set_times(parent, accessed, modified, name)


def create_directory(directory: int, path: bytes) -> None:
    with _located(directory, path) as (parent, name):
        os.mkdir(name, _NEW_DIRECTORY_MODE, dir_fd=parent)


def remove_directory(directory: int, path: bytes) -> None:
    with _located(directory, path) as (parent, name):
        os.rmdir(name, dir_fd=parent)


def unlink(directory: int, path: bytes) -> None:
    with _located(directory, path) as (parent, name):
        os.unlink(name, dir_fd=parent)


def rename(directory: int, path: bytes, new_directory: int, new_path: bytes) -> None:
    with _located(directory, path) as (old_parent, old), _located(new_directory, new_path) as (new_parent, new):
        os.rename(old, new, src_dir_fd=old_parent, dst_dir_fd=new_parent)


def link(directory: int, path: bytes, new_directory: int, new_path: bytes) -> None:
    """A hard link; to the symlink itself, where the last component is one."""
    with _located(directory, path) as (old_parent, old), _located(new_directory, new_path) as (new_parent, new):
        if old.endswith(b"/"):  # linkat would follow a symlink for it
            with _found(directory, path, os.O_DIRECTORY):
                raise Failure(Errno.PERM)
        os.link(old, new, src_dir_fd=old_parent, dst_dir_fd=new_parent, follow_symlinks=False)


def symlink(target: bytes, directory: int, path: bytes) -> None:
    """A symlink with any relative target: who follows it is who must take care."""
    if target.startswith(b"/"):
        raise Failure(Errno.PERM)
    with _located(directory, path) as (parent, name):
        os.symlink(target, name, dir_fd=parent)


def read_link(directory: int, path: bytes) -> bytes:
    with _located(directory, path) as (parent, name):
        if name.endswith(b"/"):  # as above
            with _found(directory, path, os.O_DIRECTORY):
                raise Failure(Errno.INVAL)
        return os.readlink(name, dir_fd=parent)
