# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries of published_ports are for a container's own address, and which of them make no sense there."""
from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.direct import (publications,
                                                                                         refuse_own_address, split)
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.occupied import occupy_published
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import parse_port_spec, parse_sources

BOTH = {"ipv4": "10.30.0.10", "ipv6": "2001:db8:30::10"}
ONLY4 = {"ipv4": "10.30.0.10"}
MIXED = ("ipv6",)
ALL = ("ipv4", "ipv6")


def parts(text: str, addresses: Mapping[str, str] = BOTH, routed: Collection[str] = ALL,
          default_host_ip: str = "") -> tuple[list[str], list[str]]:
    specs = [parse_port_spec(text)]
    refuse_own_address("web", addresses, specs, default_host_ip)
    on_host, own = split("web", addresses, routed, specs, default_host_ip)
    return [spec.text for spec in on_host], [found.text for found in publications("web", addresses, own)]


IPV4, IPV6 = "10.30.0.10:80->10.30.0.10:80/tcp", "[2001:db8:30::10]:80->[2001:db8:30::10]:80/tcp"


@pytest.mark.parametrize(("text", "addresses", "routed", "on_host", "own"), [
    ("80", BOTH, ALL, [], [IPV4, IPV6]),
    ("80", ONLY4, ALL, [], [IPV4]),
    ("80", BOTH, (), ["80/tcp"], []),
    ("80", BOTH, MIXED, ["80/tcp"], [IPV6]),
    ("8080:80", BOTH, MIXED, ["8080:80/tcp"], [IPV6]),
    ("8000-8010:80", BOTH, MIXED, ["8000-8010:80/tcp"], [IPV6]),
    ("127.0.0.1:8080:80", BOTH, MIXED, ["127.0.0.1:8080:80/tcp"], []),
    ("0.0.0.0:8080:80", BOTH, MIXED, ["0.0.0.0:8080:80/tcp"], []),
    ("[::]::80", BOTH, MIXED, [], [IPV6]),
    ("0.0.0.0::80", BOTH, ALL, [], [IPV4]),
    ("[2001:db8::1]::80", ONLY4, ("ipv4",), ["[2001:db8::1]::80/tcp"], []),  # refused there: the container has no IPv6
    ("7000-7010/udp", ONLY4, ALL, [], ["10.30.0.10:7000-7010->10.30.0.10:7000-7010/udp"]),
])
def test_what_an_entry_is_for(text: str, addresses: dict, routed: tuple, on_host: list, own: list) -> None:
    assert parts(text, addresses, routed) == (on_host, own)


@pytest.mark.parametrize(("text", "routed", "message"), [
    ("8080:80", ALL, "published_ports: '8080:80/tcp' has the host port 8080, and web is reached at its own address "
                     "10.30.0.10, since its bridge is in gateway mode routed. Write 80/tcp."),
    ("80:80", ALL, "published_ports: '80:80/tcp' has the host port 80, and web is reached at its own address"),
    ("8000-8010:53/udp", ALL, "published_ports: '8000-8010:53/udp' has the host port 8000-8010, and web"),
    ("127.0.0.1::80", ALL, "published_ports: '127.0.0.1::80/tcp' has the host address 127.0.0.1, and web is reached"),
    ("[2001:db8::1]:8080:80", MIXED, "published_ports: '[2001:db8::1]:8080:80/tcp' has the host address 2001:db8::1, "
                                     "and web is reached at its own address 2001:db8:30::10, since"),
    ("[::]:8080:80", MIXED, "published_ports: '[::]:8080:80/tcp' has the host port 8080, and web is reached at its "
                            "own address 2001:db8:30::10, since its bridge is in gateway mode routed. Write "
                            "[::]::80/tcp."),
    ("10.30.0.10:80:80", (), "published_ports: '10.30.0.10:80:80/tcp' has the address 10.30.0.10, which is web's own "
                             "and none of the host. Write 80/tcp."),
])
def test_an_entry_that_no_family_has_a_use_for(text: str, routed: tuple, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parts(text, BOTH, routed)
    assert str(caught.value).startswith(message)


def test_a_default_host_address_stands_in_front_of_each_entry() -> None:
    assert parts("8080:80", BOTH, MIXED, "192.0.2.10") == (["8080:80/tcp"], [])
    assert parts("80", BOTH, ALL, "::") == ([], [IPV6])
    with pytest.raises(OptionError) as caught:
        parts("80", BOTH, ALL, "127.0.0.1")
    assert str(caught.value) == ("default_host_ip: '127.0.0.1' is a host address, and web is reached at its own "
                                 "address 10.30.0.10, since its bridge is in gateway mode routed. Leave it out.")


def test_each_family_has_its_own_sources() -> None:
    asked = [(parse_port_spec("80"), family) for family in ALL]
    sources = parse_sources(["10.0.0.0/8", "2001:db8:9::/48"])
    assert publications("web", BOTH, asked, sources) == [
        Publication("web", "10.30.0.10", 80, "10.30.0.10", 80, "tcp", 1, ("10.0.0.0/8",)),
        Publication("web", "2001:db8:30::10", 80, "2001:db8:30::10", 80, "tcp", 1, ("2001:db8:9::/48",))]
    assert [found.family for found in publications("web", BOTH, asked, sources[:1])] == ["ipv4"]


def test_a_port_that_is_asked_for_twice_is_opened_once() -> None:
    asked = [(parse_port_spec(text), "ipv4") for text in ("8080:80", "8081:80", "80")]
    assert len(publications("web", BOTH, asked)) == 1


def test_no_port_of_the_host_is_taken() -> None:
    opened = publications("web", ONLY4, [(parse_port_spec(text), "ipv4") for text in ("80", "90-99")])
    occupied = occupy_published(opened)
    assert occupied.find_taken("tcp", "0.0.0.0", 80, 20) is None
    for publication in opened:
        occupied.withdraw(publication)
