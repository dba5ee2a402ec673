"""What can be kept as a credential, what cannot, and which of its parts are secret."""

from base64 import b64encode
from typing import Any

import pytest

from wapo.vm.credentials.credential import Credential, Credentials, InvalidCredential

TOKEN = "sk-0123456789abcdef"
AWS = {"accessKeyId": "AKID", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG", "region": "eu-central-1", "service": "s3"}


def value(**members: Any) -> dict[str, Any]:
    return {"hosts": ["api.example.com"], "headers": {"Authorization": f"Bearer {TOKEN}"}} | members


class TestParsing:
    def test_what_is_kept_is_what_was_given(self) -> None:
        given = {
            "hosts": ["API.example.com", "b.example:8443", "c.example:443"],
            "headers": {"X-Key": TOKEN}, "query": {"Key": "a b" + TOKEN}, "aws": AWS | {"sessionToken": "t" * 20},
        }  # fmt: skip
        kept = Credential.parse("n", given)
        assert kept.hosts == {"api.example.com", "b.example:8443", "c.example"}
        assert kept == Credential.parse("n", kept.encoded())
        assert kept.shown() == {
            "hosts": ["api.example.com", "b.example:8443", "c.example"], "headers": ["x-key"], "query": ["Key"],
            "aws": {"region": "eu-central-1", "service": "s3"},
        }  # fmt: skip

    @pytest.mark.parametrize(
        "host",
        [
            "", "*", "*.example.com", ".example.com", "example.com.", "1.2.3.4", "[::1]", "::1", "0x7f.1", "a..b", "-a.com",
            "https://example.com", "example.com/", "example.com:0", "example.com:65536", "example.com:", "u@example.com",
            "exämple.com", "ex ample.com", "example.com\n", "a" * 64 + ".com", "a." * 127 + "com", 7, None, "example.com?",
            "%65xample.com", "a,b", "example.123",
        ],
    )  # fmt: skip
    def test_hosts_are_whole_names(self, host: Any) -> None:
        with pytest.raises(InvalidCredential, match="'n' has a host that is none: allowed are whole names"):
            Credential.parse("n", value(hosts=["good.example", host]))

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ([], "must be an object"),
            (value(hosts=[]), "needs hosts"),
            (value(hosts="api.example.com"), "needs hosts"),
            (value(hosts=["a.b"] * 17), "needs hosts"),
            (value(host=["a.b"]), "has an unknown member; allowed are aws, headers, hosts, query"),
            ({"hosts": ["a.b"]}, "needs headers, query or aws"),
            (value(headers=[]), "must have headers as an object"),
            (value(headers={f"a{n}": TOKEN for n in range(9)}), "must have headers as an object of at most 8"),
            (value(headers={"a b": TOKEN}), "cannot put a header of that name"),
            (value(headers={"a\r\nb": TOKEN}), "has a name in headers that is not visible ASCII"),
            (value(headers={"Host": TOKEN}), "cannot put a header of that name"),
            (value(headers={"Content-Length": TOKEN}), "cannot put a header of that name"),
            (value(headers={"Transfer-Encoding": TOKEN}), "cannot put a header of that name"),
            (value(headers={"Range": TOKEN}), "cannot put a header of that name"),
            (value(headers={"wapo-credential": TOKEN}), "cannot put a header of that name"),
            (value(headers={"a": TOKEN, "A": TOKEN}), "has a header twice"),
            (value(headers={"a": f"{TOKEN}\r\nb: c"}), "has a value in headers that is not visible ASCII"),
            (value(headers={"a": f" {TOKEN}"}), "has a value in headers that is not visible ASCII"),
            (value(headers={"a": "ä" * 9}), "has a value in headers that is not visible ASCII"),
            (value(headers={"a": "x" * 2049}), "of at most 2048 characters"),
            (value(headers={"a": "Bearer short"}), "has a secret in headers of less than 12 characters"),
            (value(headers={"a": f"Basic {b64encode(b'administrator:short').decode()}"}), "has a secret in headers of less"),
            (value(headers={"a": f"basic {b64encode(b'a-user-to-guess').decode()}"}), "has a secret in headers of less"),
            (value(headers={"a": 7}), "has a value in headers"),
            (value(query={"a": "short"}), "has a secret in query of less than 12 characters"),
            (value(aws={}), "must have in aws accessKeyId, secretAccessKey, region, service"),
            (value(aws=AWS | {"more": "x"}), "must have in aws"),
            (value(aws=AWS | {"region": "a/b c"}), "has in aws a region that is not visible ASCII"),
            (value(aws=AWS), "has a header that the signature sets"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named_and_never_repeated(self, wrong: Any, reason: str) -> None:
        with pytest.raises(InvalidCredential, match=f"^the credential 'n' .*{reason}") as caught:
            Credential.parse("n", wrong)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 65, "ä", "a\n"])
    def test_names(self, name: str) -> None:
        with pytest.raises(InvalidCredential, match="a credential's name has 1 to 64"):
            Credential.parse(name, value())

    def test_no_representation_shows_it(self) -> None:
        everything = Credentials.parse({"n": value(), "m": {"hosts": ["m.example"], "aws": AWS}})
        shown = repr(everything) + repr(everything.by_name) + str(everything.by_name["m"].aws)
        assert TOKEN not in shown + repr(everything.told()) + repr(everything.shown())
        assert AWS["secretAccessKey"] not in shown + repr(everything.told()) + repr(everything.shown())


class TestSecrets:
    @pytest.mark.parametrize(
        ("header", "secrets"),
        [
            (f"Bearer {TOKEN}", {TOKEN}),
            (TOKEN, {TOKEN}),
            ("token abc def-ghi-jkl", {"abc def-ghi-jkl"}),
            ("session=0123456789ab; theme=dark",
             {"session=0123456789ab; theme=dark", "session=0123456789ab", "0123456789ab"}),
            (f"session={TOKEN}; theme=dark",
             {f"session={TOKEN}; theme=dark", f"session={TOKEN}", TOKEN}),
            (f'Token token="{TOKEN}"', {f'token="{TOKEN}"', TOKEN}),
            ("Basic " + b64encode(b"user:pass-word-012").decode(),
             {b64encode(b"user:pass-word-012").decode(), "user:pass-word-012", "pass-word-012"}),
            ("Basic " + b64encode(f"{TOKEN}:".encode()).decode(),
             {b64encode(f"{TOKEN}:".encode()).decode(), f"{TOKEN}:", TOKEN}),
            ("Basic " + b64encode(b"user:pass-word-0123").decode().rstrip("="),
             {b64encode(b"user:pass-word-0123").decode().rstrip("="), "user:pass-word-0123", "pass-word-0123"}),
            ("Basic not-base64-at-all!", {"not-base64-at-all!"}),
        ],
    )  # fmt: skip
    def test_of_a_header(self, header: str, secrets: set[str]) -> None:
        made = Credential.parse("n", value(headers={"a": header}))
        assert set(made.secrets) == secrets

    def test_of_the_rest(self) -> None:
        made = Credential.parse(
            "n", {"hosts": ["a.b"], "query": {"k": "query-key-012"}, "aws": AWS | {"sessionToken": "t" * 20}}
        )
        assert set(made.secrets) == {"query-key-012", AWS["secretAccessKey"], "t" * 20}


class TestTogether:
    def test_none_overwrites_another(self) -> None:
        with pytest.raises(
            InvalidCredential, match=r"'a' and 'b' both set the header 'authorization' .* api\.example\.com"
        ):
            Credentials.parse({"a": value(), "b": value()})
        with pytest.raises(InvalidCredential, match="both set the parameter 'k'"):
            Credentials.parse({name: value(headers=None, query={"k": TOKEN}) for name in "ab"})
        assert len(Credentials.parse({"a": value(), "b": value(hosts=["b.example"])})) == 2
        assert len(Credentials.parse({"a": value(), "b": value(headers={"x-key": TOKEN})})) == 2

    def test_there_are_only_so_many(self) -> None:
        with pytest.raises(InvalidCredential, match="an item may have 16 credentials"):
            Credentials.parse({f"n{n}": value(hosts=[f"h{n}.example"]) for n in range(17)})

    def test_there_are_only_so_many_parts(self) -> None:
        """Each is looked for in every answer."""
        cookie = "; ".join(f"name-{n}=value-of-the-cookie-{n}" for n in range(40))
        with pytest.raises(InvalidCredential, match="256 secrets and parts of secrets"):
            Credentials.parse({f"n{n}": value(hosts=[f"h{n}.example"], headers={"cookie": cookie}) for n in range(8)})

    def test_who_inherits_cannot_send_it_elsewhere(self) -> None:
        """A credential of the same name takes the place of the whole one."""
        parent = Credentials.parse({"a": value(), "b": value(hosts=["b.example"])})
        child = Credentials.parse({"a": {"hosts": ["evil.example"], "query": {"k": "another-key-0"}}})
        merged = child.over(parent)
        assert merged.by_name["a"].encoded() == {"hosts": ["evil.example"], "query": {"k": "another-key-0"}}
        assert merged.by_name["b"] == parent.by_name["b"]

    def test_who_inherits_cannot_overwrite_it(self) -> None:
        with pytest.raises(InvalidCredential, match="both set the header"):
            Credentials.parse({"c": value()}).over(Credentials.parse({"a": value()}))

    def test_what_the_program_is_told(self) -> None:
        assert Credentials.parse({"a": value()}).told() == {"a": {"hosts": ["api.example.com"]}}
