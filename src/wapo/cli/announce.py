"""What a running node leaves in its data directory for commands to find: its token, and where its apps are managed."""

import os
import socket
from pathlib import Path

from wapo.cli.admin_client import AdminAccess
from wapo.node.node import Node
from wapo.node.settings import DataDirUnusable

__all__ = ["AppUrls", "authority", "token_path", "url_of", "write_access", "write_token"]

AppUrls = tuple[str, str]
"""Of the admin listener and of the user listener."""


def url_of(listener: socket.socket) -> str:
    """Where a socket listens."""
    return f"http://{authority(*listener.getsockname()[:2])}"


def authority(host: str, port: int) -> str:
    """As in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def write_access(node: Node, admin_token: str | None, urls: AppUrls) -> AdminAccess:
    """Writes where commands find the node's apps; it is to be withdrawn when the node ends.

    Raises:
        DataDirUnusable.
    """
    access = AdminAccess(urls[0], admin_token, urls[1])
    try:
        access.write(node.settings.data_dir)
    except OSError as error:
        raise DataDirUnusable(f"{node.settings.data_dir} cannot be written: {error.strerror}") from error
    return access


def token_path(data_dir: Path) -> Path:
    """Of the operator's token."""
    return data_dir / "operator.token"


def write_token(node: Node) -> None:
    """The token follows from the key: where the key was replaced, another one is in the file.

    Raises:
        DataDirUnusable.
    """
    path, content = token_path(node.settings.data_dir), f"{node.operator_token}\n".encode()
    try:
        if path.exists() and path.read_bytes() == content:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise DataDirUnusable(f"{path} cannot be written: {error.strerror}") from error
