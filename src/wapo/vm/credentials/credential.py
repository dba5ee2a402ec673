"""What a credential is: for requests to these hosts, these headers, query parameters, or a signature.

Its form is the one in which it comes with a vault item (docs/credentials.md)::

    {"hosts": ["api.example.com"], "headers": {"Authorization": "Bearer ..."}, "query": {"key": "..."},
     "aws": {"accessKeyId": "...", "secretAccessKey": "...", "sessionToken": "...", "region": "...", "service": "..."}}
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from wapo.errors import CallerError
from wapo.vm.credentials.asking import ASK_BY
from wapo.vm.http_client import OF_THE_CONNECTION, valid_header

__all__ = ["AwsKey", "Credential", "Credentials", "InvalidCredential"]

#: What is shorter could be guessed: a program that has a host repeat a megabyte of guesses sees which of them is gone.
_MIN_SECRET: Final = 12
#: So long a part of a longer secret is a secret, too: a server may well repeat a cookie without the others.
_MIN_PART: Final = 16
_MAX_SECRET: Final = 2048
_MAX_HOSTS: Final = 16
_MAX_FIELDS: Final = 8
_MAX_CREDENTIALS: Final = 16
#: Each of them is looked for in every answer.
_MAX_SECRETS: Final = 256

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST: Final = re.compile(
    r"(?=.{1,253}(?::|\Z))((?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?::([0-9]{1,5}))?"
)
_VISIBLE: Final = re.compile(r"[!-~]+(?: +[!-~]+)*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]* +(?=.)")
_PART: Final = re.compile(r"[^\s,;:\"']+")

#: What the host says about a request that has a credential, so that no credential can.
_OF_THE_HOST: Final = OF_THE_CONNECTION | {"host", "accept-encoding", "range", "if-range", ASK_BY}
_SIGNED: Final = frozenset(("authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"))
_MEMBERS: Final = frozenset(("hosts", "headers", "query", "aws"))
_AWS_MEMBERS: Final = ("accessKeyId", "secretAccessKey", "region", "service")


class InvalidCredential(CallerError):
    """A credential that cannot be kept. The message never repeats a value."""

    code = "credential_invalid"
    status = 400


@dataclass(frozen=True, slots=True, repr=False)
class AwsKey:
    """What requests are signed with (AWS Signature Version 4)."""

    key_id: str
    secret: str
    token: str | None
    region: str
    service: str


@dataclass(frozen=True, repr=False)
class Credential:
    """One credential; it has no ``repr``, so that no message can show it.

    Attributes:
        hosts: lower case, with ``:port`` where that is not 443.
        headers: names in lower case, and values.
        query: names and values, not encoded.
    """

    name: str
    hosts: frozenset[str]
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    aws: AwsKey | None = None

    @classmethod
    def parse(cls, name: str, value: Any) -> "Credential":
        """
        Raises:
            InvalidCredential: naming what is wrong, and what is allowed.
        """
        if not _NAME.fullmatch(name):
            raise InvalidCredential("a credential's name has 1 to 64 of the characters A-Z a-z 0-9 . _ -")
        if not isinstance(value, dict):
            raise _wrong(name, "must be an object")
        unknown = sorted(set(value) - _MEMBERS)
        if unknown:
            raise _wrong(name, f"has an unknown member; allowed are {', '.join(sorted(_MEMBERS))}")
        made = cls(
            name,
            _hosts(name, value.get("hosts")),
            tuple((field.lower(), text) for field, text in _fields(name, "headers", value.get("headers"))),
            tuple(_fields(name, "query", value.get("query"))),
            _aws(name, value.get("aws")),
        )
        for field, _ in made.headers:
            if field in _OF_THE_HOST or not valid_header(field.encode(), b""):
                raise _wrong(name, "cannot put a header of that name on a request")
        if len({field for field, _ in made.headers}) < len(made.headers):
            raise _wrong(name, "has a header twice")
        if not (made.headers or made.query or made.aws):
            raise _wrong(name, "needs headers, query or aws: what is to be put on a request")
        if made.aws is not None and not _SIGNED.isdisjoint(field for field, _ in made.headers):
            raise _wrong(name, "has a header that the signature sets")
        return made

    def encoded(self) -> dict[str, Any]:
        """As :meth:`parse` takes it."""
        value: dict[str, Any] = {"hosts": sorted(self.hosts)}
        if self.headers:
            value["headers"] = dict(self.headers)
        if self.query:
            value["query"] = dict(self.query)
        if self.aws is not None:
            key = self.aws
            value["aws"] = dict(zip(_AWS_MEMBERS, (key.key_id, key.secret, key.region, key.service), strict=True))
            if key.token is not None:
                value["aws"]["sessionToken"] = key.token
        return value

    def shown(self) -> dict[str, Any]:
        """What its owner is told of it: everything but values."""
        value: dict[str, Any] = {"hosts": sorted(self.hosts)}
        if self.headers:
            value["headers"] = [name for name, _ in self.headers]
        if self.query:
            value["query"] = [name for name, _ in self.query]
        if self.aws is not None:
            value["aws"] = {"region": self.aws.region, "service": self.aws.service}
        return value

    @property
    def places(self) -> Iterator[tuple[str, str]]:
        """Where it writes on a request: kind and name."""
        names = {name for name, _ in self.headers} | (_SIGNED if self.aws is not None else frozenset())
        yield from (("header", name) for name in sorted(names))
        yield from (("parameter", name) for name, _ in self.query)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What nobody else may see, longest first."""
        found = [part for _, value in self.headers for part in _secrets_in(value)]
        found += [value for _, value in self.query]
        if self.aws is not None:
            found += [self.aws.secret, *([self.aws.token] if self.aws.token is not None else ())]
        return tuple(sorted(set(found), key=len, reverse=True))


class Credentials:
    """Those of one vault item, by name.

    Args:
        items: have been checked, as :meth:`parse` does.
    """

    def __init__(self, items: Mapping[str, Credential]) -> None:
        self.by_name = dict(items)
        self._hosts = {_name_of(host) for item in items.values() for host in item.hosts}

    @classmethod
    def parse(cls, value: Any) -> "Credentials":
        """From an object, by name.

        Raises:
            InvalidCredential
        """
        if not isinstance(value, dict):
            raise InvalidCredential("credentials must be an object: a credential by its name")
        return cls({name: Credential.parse(name, item) for name, item in value.items()}).checked()

    def checked(self) -> "Credentials":
        """Itself, if there are not too many and none overwrites another.

        Raises:
            InvalidCredential
        """
        if len(self.by_name) > _MAX_CREDENTIALS:
            raise InvalidCredential(f"an item may have {_MAX_CREDENTIALS} credentials, with what it inherits")
        if sum(len(item.secrets) for item in self.by_name.values()) > _MAX_SECRETS:
            raise InvalidCredential(f"the credentials of an item may have {_MAX_SECRETS} secrets and parts of secrets")
        taken: dict[tuple[str, str, str], str] = {}
        for credential in self.by_name.values():
            for host in sorted(credential.hosts):
                for kind, place in credential.places:
                    other = taken.setdefault((host, kind, place), credential.name)
                    if other != credential.name:
                        raise InvalidCredential(
                            f"the credentials {other!r} and {credential.name!r} both set the {kind} {place!r} "
                            f"of requests to {host}"
                        )
        return self

    def over(self, parents: "Credentials") -> "Credentials":
        """With those of an item that is inherited from; one's own replaces one of the same name whole: nobody who
        inherits a credential can send it elsewhere.

        Raises:
            InvalidCredential
        """
        return Credentials(parents.by_name | self.by_name).checked()

    def at(self, host: str) -> list[Credential]:
        """Those for requests to that host (as in :attr:`Credential.hosts`)."""
        return [item for item in self.by_name.values() if host in item.hosts]

    def knows(self, name: str) -> bool:
        """Whether there is one for that host, at whichever port."""
        return name in self._hosts

    def encoded(self) -> dict[str, Any]:
        """As :meth:`parse` takes them."""
        return {name: item.encoded() for name, item in self.by_name.items()}

    def shown(self) -> dict[str, Any]:
        """What the owner is told."""
        return {name: item.shown() for name, item in self.by_name.items()}

    def told(self) -> dict[str, Any]:
        """What the guest is told: that it has them, and for which hosts."""
        return {name: {"hosts": sorted(item.hosts)} for name, item in self.by_name.items()}

    def __len__(self) -> int:
        return len(self.by_name)


def _wrong(name: str, what: str) -> InvalidCredential:
    return InvalidCredential(f"the credential {name!r} {what}")


def _name_of(host: str) -> str:
    return host.partition(":")[0]


def _hosts(name: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_HOSTS:
        raise _wrong(name, f"needs hosts, a list of 1 to {_MAX_HOSTS} names")
    hosts = set()
    for text in value:
        match = _HOST.fullmatch(text.lower()) if isinstance(text, str) else None
        if match is None or not 0 < int(match[2] or 443) < 65536:
            raise _wrong(
                name,
                "has a host that is none: allowed are whole names (api.example.com, api.example.com:8443; "
                "xn--... for what is not ASCII), and no address, URL, pattern or dot at the end",
            )
        hosts.add(match[1] if int(match[2] or 443) == 443 else f"{match[1]}:{int(match[2])}")
    return frozenset(hosts)


def _fields(name: str, kind: str, value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, dict) or len(value) > _MAX_FIELDS:
        raise _wrong(name, f"must have {kind} as an object of at most {_MAX_FIELDS} names and values")
    for field, text in value.items():
        if not _VISIBLE.fullmatch(field) or len(field) > 256:
            raise _wrong(name, f"has a name in {kind} that is not visible ASCII")
        _checked(name, kind, text)
    return list(value.items())


def _checked(name: str, kind: str, text: Any) -> str:
    """A value with a secret in it."""
    if not isinstance(text, str) or len(text) > _MAX_SECRET or not _VISIBLE.fullmatch(text):
        raise _wrong(name, f"has a value in {kind} that is not visible ASCII of at most {_MAX_SECRET} characters")
    user, password = _basic(text) or ("", text)
    if len(_without_scheme(text)) < _MIN_SECRET or (len(user) < _MIN_PART and len(password) < _MIN_SECRET):
        raise _wrong(
            name,
            f"has a secret in {kind} of less than {_MIN_SECRET} characters, which can be guessed",
        )
    return text


def _aws(name: str, value: Any) -> AwsKey | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - {"sessionToken"} != set(_AWS_MEMBERS):
        raise _wrong(name, f"must have in aws {', '.join(_AWS_MEMBERS)}, and may have sessionToken")
    for member, text in value.items():
        if not isinstance(text, str) or not re.fullmatch(r"[!-~]{1,2048}", text):
            raise _wrong(name, f"has in aws a {member} that is not visible ASCII")
    _checked(name, "aws", value["secretAccessKey"])
    return AwsKey(
        value["accessKeyId"], value["secretAccessKey"], value.get("sessionToken"), value["region"], value["service"]
    )


def _without_scheme(value: str) -> str:
    scheme = _SCHEME.match(value)
    return value[scheme.end() :] if scheme is not None else value


def _basic(value: str) -> tuple[str, str] | None:
    """User and password (RFC 7617), if a header's value has them."""
    whole = _without_scheme(value)
    if value[: len(value) - len(whole)].strip().lower() != "basic":
        return None
    try:
        padded = whole + "=" * (-len(whole) % 4)  # which servers do not insist on
        user, _, password = base64.b64decode(padded, validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return None
    return user, password


def _secrets_in(value: str) -> Iterator[str]:
    """The secrets of a header's value: what stands after its scheme, parts of it, and what ``Basic`` stands for."""
    whole = _without_scheme(value)
    yield whole
    if (pair := _basic(value)) is not None:
        user, password = pair
        yield from (text for text in (f"{user}:{password}", password) if len(text) >= _MIN_SECRET)
        if len(user) >= _MIN_PART:  # with many services the key is the user
            yield user
    for part in _PART.findall(whole):
        if len(part) >= _MIN_PART:
            yield part
        value = part.partition("=")[2]
        if len(value) >= _MIN_SECRET:  # it alone is what a cookie is, or a key that has a name
            yield value
