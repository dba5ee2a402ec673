"""Where guests may connect to: names as given, addresses however they are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.vm.egress import EgressDenied, EgressPolicy, InvalidEgressRule
from wapo.vm.net.resolver import Resolver

PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111"]
NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%3",
    "2001:db8::1", "198.18.0.1", "fec0::1", "5f00::1", "::ffff:0:7f00:1", "64:ff9b:1::7f00:1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    EgressPolicy().check_socket(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_other_addresses_are_not_allowed_unless_asked_for(address: str) -> None:
    """Private, loopback, link-local, shared, multicast, reserved; and the same inside IPv6."""
    with pytest.raises(EgressDenied, match="not allowed"):
        EgressPolicy().check_socket(address)
    EgressPolicy(allow_private=True).check_socket(address)


def test_an_allowed_network_opens_private_addresses() -> None:
    policy = EgressPolicy(allow=("10.0.0.0/8",))
    policy.check_address("10.1.2.3")
    policy.check_address("::ffff:10.1.2.3")
    with pytest.raises(EgressDenied):
        policy.check_address("192.168.1.1")
    with pytest.raises(EgressDenied, match="allow list"):
        policy.check_address("1.1.1.1", "example.com")


SPELLINGS = ["ｉnternal.example.com", "internal。example.com", "INTERNAL.Example.COM.", "internal．example．com．"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_a_denied_name_is_denied_in_every_spelling_that_a_resolver_takes_for_it(host: str) -> None:
    for rule in ("internal.example.com", "*.example.com", "ｉnternal.example.com"):
        with pytest.raises(EgressDenied):
            EgressPolicy(deny=(rule,)).check_host(host)


async def test_what_stands_before_a_nul_is_not_a_name_that_may_end_as_it_likes() -> None:
    """The system's resolver looks up 8.8.8.8 for this, and the allow list sees a name of example.org."""
    resolver = Resolver()
    try:
        for host in ("127.0.0.1\0.example.org", "8.8.8.8\0.example.org", "127.0.0.1 .example.org", "a\n"):
            with pytest.raises(UnicodeError, match="not a name"):
                await resolver.find(host)
        assert (await resolver.find("127.0.0.1"))[0][2][0] == "127.0.0.1"
    finally:
        await resolver.aclose()


def test_names_on_the_allow_list_are_reached_by_name_only() -> None:
    policy = EgressPolicy(allow=("api.example.com", "*.example.org"))
    policy.check_address("1.1.1.1", "api.example.com")
    policy.check_address("1.1.1.1", "API.example.com.")
    policy.check_address("1.1.1.1", "a.b.example.org")
    for host in ("example.org", "evil-example.org", "api.example.com.evil.net", None):
        with pytest.raises(EgressDenied):
            policy.check_address("1.1.1.1", host)


def test_an_allowed_name_does_not_open_private_addresses() -> None:
    """A name that resolves to a private address (rebinding) is refused all the same."""
    with pytest.raises(EgressDenied):
        EgressPolicy(allow=("api.example.com",)).check_address("10.0.0.1", "api.example.com")


def test_denied_names_and_addresses() -> None:
    policy = EgressPolicy(deny=("metadata.internal", "*.bad.example", "8.8.0.0/16", "# comment", ""))
    for host in ("metadata.internal", "METADATA.internal.", "x.bad.example"):
        with pytest.raises(EgressDenied):
            policy.check_host(host)
    for address in ("8.8.8.8", "::ffff:8.8.4.4"):
        with pytest.raises(EgressDenied):
            policy.check_socket(address)
    policy.check_host("good.example")


@pytest.mark.parametrize("rule", ["a b", "http://x", "*.*.x", "1.2.3.4/99", "x*"])
def test_a_bad_rule_is_named(rule: str) -> None:
    with pytest.raises(InvalidEgressRule, match="not a rule"):
        EgressPolicy(deny=(rule,))


@given(st.ip_addresses(v=4))
def test_an_address_inside_ipv6_is_judged_as_itself(address: object) -> None:
    """Mapped into IPv6, an address is allowed exactly if it is allowed as it is."""

    def allowed(text: str) -> bool:
        try:
            EgressPolicy().check_socket(text)
        except EgressDenied:
            return False
        return True

    assert allowed(f"::ffff:{address}") == allowed(str(address))
