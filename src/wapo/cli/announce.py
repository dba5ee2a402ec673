"""What a running node leaves in its data directory for commands to find: its token, and where its apps are managed."""

import os
import socket
from pathlib import Path

from wapo.cli.admin_client import AdminAccess
from wapo.node.node import Node

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
    """Writes where commands find the node's apps; it is to be withdrawn when the node ends."""
    access = AdminAccess(urls[0], admin_token, urls[1])
    access.write(node.settings.data_dir)
    return access


def token_path(data_dir: Path) -> Path:
    """Of the operator's token."""
    return data_dir / "operator.token"


def write_token(node: Node) -> None:
    """The token follows from the key: where the key was replaced, another one is in the file."""
    path, text = token_path(node.settings.data_dir), node.operator_token + "\n"
    if path.exists() and path.read_text() == text:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
