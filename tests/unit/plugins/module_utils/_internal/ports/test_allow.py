# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of destinations: what is understood, what is refused, what a list means whatever way it was written."""
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.sets import NAME_LENGTH, digest_of, sets_of
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allow import (ANYWHERE, MOST, AllowList,
                                                                                        Limit, Place)
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allow_spec import parse_allow_to, parse_texts
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("entry", "places"), [
    ("10.0.0.0/8", [("10.0.0.0/8", "", 0)]),
    ("192.0.2.53", [("192.0.2.53/32", "", 0)]),
    ("192.0.2.53:53", [("192.0.2.53/32", "tcp", 53), ("192.0.2.53/32", "udp", 53)]),
    ("10.0.0.0/8:443/tcp", [("10.0.0.0/8", "tcp", 443)]),
    ("10.0.0.0/8:443/TCP", [("10.0.0.0/8", "tcp", 443)]),
    ("192.0.2.1:8000-8002/sctp", [("192.0.2.1/32", "sctp", port) for port in (8000, 8001, 8002)]),
    ("2001:db8::/32", [("2001:db8::/32", "", 0)]),
    ("2001:DB8:0::5", [("2001:db8::5/128", "", 0)]),
    ("[2001:db8::/32]:443/udp", [("2001:db8::/32", "udp", 443)]),
    ("[2001:db8::5]", [("2001:db8::5/128", "", 0)]),
    ("::ffff:192.0.2.1", [("192.0.2.1/32", "", 0)]),
    ("0.0.0.0/0", [("0.0.0.0/0", "", 0)]),
])
def test_an_entry(entry: str, places: list) -> None:
    found = parse_allow_to([entry])
    assert isinstance(found, AllowList) and found.places == tuple(sorted(Place(*place) for place in places))


@pytest.mark.parametrize(("entry", "problem"), [
    ("example.com:443", "has 'example.com' for its network, which is neither an IP address nor a network. Give "
                        "addresses: names are not looked up."),
    ("10.0.0.1/8", "has bits set behind its prefix length. Write 10.0.0.0/8 for the network, or 10.0.0.1 for"),
    ("10.0.0.0/255.0.0.0", "has a mask in place of a prefix length. Write 10.0.0.0/8."),
    ("10.0.0.0/8/tcp", "has '10.0.0.0/8/tcp' for its network"),
    ("10.0.0.1/udp", "has the protocol udp and no port"),
    ("10.0.0.1:", "has no port"), ("10.0.0.1:0", "has port 0 as a port"),
    ("10.0.0.1:65536", "has the port 65536, above"),
    ("10.0.0.1:90-80", "has the ports 90-80, which run backwards"), ("10.0.0.1:http", "has 'http' as a port"),
    ("10.0.0.1:53/icmp", "has 'icmp' as its protocol, which has no ports"), ("10.0.0.1:53/", "has '' as its protocol"),
    ("[2001:db8::1]443", "has brackets and no port behind them"), ("[2001:db8::1", "has brackets and no port behind"),
    ("fe80::1%eth0", "has a zone. Write fe80::1."), (":53", "has '' for its network"), ("", "is empty"),
    ("10.0.0.1 :53", "has a space"),
])
def test_a_wrong_entry(entry: str, problem: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_allow_to([entry, "192.0.2.1"])
    assert str(caught.value).startswith(f"allow_to: {entry!r} {problem}")


def test_what_is_no_list() -> None:
    assert parse_allow_to(None) is None and parse_allow_to([ANYWHERE]) == ANYWHERE
    assert parse_allow_to([]) == parse_allow_to([""]) == AllowList()
    with pytest.raises(OptionError, match="says anywhere and names destinations"):
        parse_allow_to(["10.0.0.1", ANYWHERE])


@pytest.mark.parametrize("entries", [["10.0.0.1:1-65535"],
                                     [f"10.0.{n}.1:{MOST // 8}-{MOST // 4}/tcp" for n in range(9)]])
def test_a_list_has_an_end(entries: list) -> None:
    with pytest.raises(OptionError, match=f"makes more than {MOST} destinations"):
        parse_allow_to(entries)


def test_one_list_has_one_name_whatever_the_order_and_the_spelling() -> None:
    one = parse_texts(["10.0.0.0/8:80-82/tcp", "::/0", "192.0.2.53:53", "0.0.0.0/1", "128.0.0.0/1"])
    other = parse_texts(["0.0.0.0/0", "192.0.2.53:53/udp", "192.0.2.53/32:53/tcp", "10.0.0.0/8:82/tcp", "::/1",
                         "8000::/1", "10.0.0.0/8:80/tcp", "10.0.0.0/8:81/tcp"])
    assert one == other and one.digest == other.digest
    assert one.texts == ("0.0.0.0/0", "10.0.0.0/8:80-82/tcp", "192.0.2.53:53", "::/0")
    assert AllowList().digest != one.digest != parse_texts(["10.0.0.0/8:80-82/tcp"]).digest


NETWORKS = st.one_of(
    st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, 32)).map(lambda t: ipaddress.IPv4Network(t, strict=False)),
    st.tuples(st.integers(0, (1 << 128) - 1), st.integers(0, 128)).map(
        lambda t: ipaddress.IPv6Network(t, strict=False)).filter(
            lambda network: not network.subnet_of(ipaddress.IPv6Network("::ffff:0:0/96"))))
PORTS = st.one_of(st.just(("", 0)), st.tuples(st.sampled_from(["tcp", "udp", "sctp"]), st.integers(1, 65535)))
LISTS = st.lists(st.tuples(NETWORKS, PORTS), max_size=12).map(
    lambda found: AllowList.of(Place(str(network), *port) for network, port in found))


@given(LISTS)
def test_a_list_is_read_back_from_its_texts_its_notes_and_its_sets(found: AllowList) -> None:
    assert parse_texts(found.texts) == found
    notes = list(found.notes)
    assert parse_texts([text for note in notes for text in note.split(" ")]) == found
    assert all(len(note) <= 200 for note in notes)
    sets = [each for family in ("ipv4", "ipv6") for each in sets_of(found.digest, found, family)]
    assert AllowList.of(place for each in sets for place in each.places) == found
    assert all(len(each.name) <= NAME_LENGTH and digest_of(each.name) == found.digest for each in sets)
    assert all(not place.network.endswith("/0") for each in sets for place in each.places)


def test_only_our_names_are_sets_of_ours() -> None:
    assert digest_of("MOORING-LIST-0123456789ab-4p") == "0123456789ab"
    others = ("blocklist", "MOORING-LIST-0123456789ab", "MOORING-LIST-0123-5", "")
    assert [digest_of(name) for name in others] == [""] * 4


def test_a_limit_is_read_back_from_its_note() -> None:
    for limit in (Limit("br0", "0123456789ab"), Limit("br0", "0123456789ab", "veth0", "web", "eth0")):
        assert Limit.parse(limit.note) == limit
    assert [Limit.parse(note) for note in ("", "limit", "limit br0", "br0 sends", "limit a b c d")] == [None] * 5
