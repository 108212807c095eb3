# SPDX-License-Identifier: GPL-3.0-or-later
"""Publications as text and back: the text is what the rules of a host remember a published port by."""
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import (PROTOCOLS, ExposedPort,
                                                                                        PortSpec, Publication)
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.reading import parse_publication
from hypothesis import given
from hypothesis import strategies as st

WEB = Publication("web", "0.0.0.0", 8080, "192.168.5.2", 80, "tcp")

ADDRESSES = st.ip_addresses().filter(lambda address: "%" not in str(address)).map(str)
NETWORKS = st.builds(lambda address, bits: ipaddress.ip_network((address, address.max_prefixlen - bits), strict=False),
                     st.ip_addresses(), st.integers(0, 32)).map(str)


@st.composite
def publications(draw: st.DrawFn) -> Publication:
    count = draw(st.integers(1, 1000))
    ports = st.integers(1, 65536 - count)
    return Publication("web", draw(ADDRESSES), draw(ports), draw(ADDRESSES), draw(ports),
                       draw(st.sampled_from(PROTOCOLS)), count, tuple(draw(st.lists(NETWORKS, max_size=3))))


@pytest.mark.parametrize(("publication", "text"), [
    (WEB, "0.0.0.0:8080->192.168.5.2:80/tcp"),
    (Publication("web", "0.0.0.0", 7000, "192.168.5.2", 8000, "tcp", 11),
     "0.0.0.0:7000-7010->192.168.5.2:8000-8010/tcp"),
    (Publication("web", "::", 53, "2001:db8::2", 53, "udp"), "[::]:53->[2001:db8::2]:53/udp"),
    (Publication("web", "127.0.0.1", 1, "192.168.5.2", 65535, "sctp", 1, ("10.0.0.0/8", "192.0.2.7/32")),
     "127.0.0.1:1->192.168.5.2:65535/sctp from 10.0.0.0/8,192.0.2.7/32"),
])
def test_text_of_a_publication_and_back(publication: Publication, text: str) -> None:
    assert publication.text == text
    assert parse_publication("web", text) == publication


@given(publications())
def test_every_publication_survives_its_text(publication: Publication) -> None:
    assert parse_publication("web", publication.text) == publication


@given(st.text())
def test_text_that_is_parsed_is_the_text_of_its_publication(text: str) -> None:
    try:
        assert parse_publication("web", text).text == text
    except ValueError:
        pass


@pytest.mark.parametrize("text", [
    "", "web", "8080:80", "0.0.0.0:8080->192.168.5.2:80",
    "0.0.0.0:08080->192.168.5.2:80/tcp", "0.0.0.0:0->192.168.5.2:80/tcp", "0.0.0.0:8080->192.168.5.2:65536/tcp",
    "0.0.0.0:8080->192.168.5.2:80/icmp", "0.0.0.0:8080->192.168.5.2:80/TCP", "0.0.0.0:8080->192.168.5.2:80/tcp ",
    "0.0.0.0:8080->192.168.5.2:80/tcp\n", "0.0.0:8080->192.168.5.2:80/tcp", "0.0.0.0:8080->192.168.05.2:80/tcp",
    "[0.0.0.0]:8080->192.168.5.2:80/tcp", "::1:8080->192.168.5.2:80/tcp", "[::01]:8080->[::2]:80/tcp",
    "0.0.0.0:7000-7010->192.168.5.2:8000-8009/tcp", "0.0.0.0:7000->192.168.5.2:8000-8010/tcp",
    "0.0.0.0:7000-7010->192.168.5.2:8000/tcp", "0.0.0.0:7000-7000->192.168.5.2:8000-8000/tcp",
    "0.0.0.0:7010-7000->192.168.5.2:8010-8000/tcp", "0.0.0.0:65535-65536->192.168.5.2:1-2/tcp",
    "0.0.0.0:8080->192.168.5.2:80/tcp from ", "0.0.0.0:8080->192.168.5.2:80/tcp from 10.0.0.1/8",
    "0.0.0.0:8080->192.168.5.2:80/tcp from 10.0.0.1", "0.0.0.0:8080->192.168.5.2:80/tcp from 10.0.0.0/8,",
    "٠.0.0.0:8080->192.168.5.2:80/tcp",
])
def test_other_text_is_no_publication(text: str) -> None:
    with pytest.raises(ValueError, match="published port|form"):
        parse_publication("web", text)


def test_family_is_that_of_the_host_address() -> None:
    assert WEB.family == "ipv4"
    assert Publication("web", "::1", 8080, "2001:db8::2", 80, "tcp").family == "ipv6"


def test_publications_sort_by_container_then_host_address_then_port() -> None:
    db = Publication("db", "0.0.0.0", 9000, "192.168.5.3", 80, "tcp")
    low = Publication("web", "0.0.0.0", 443, "192.168.5.2", 443, "tcp")
    assert sorted([WEB, low, db]) == [db, low, WEB]


def test_text_of_an_exposed_port() -> None:
    assert ExposedPort(5432, 5432, "tcp").text == "5432/tcp"
    assert ExposedPort(8000, 8010, "udp").text == "8000-8010/udp"


@pytest.mark.parametrize(("spec", "text", "explicit"), [
    (PortSpec("", None, (80, 80), "tcp"), "80/tcp", False),
    (PortSpec("127.0.0.1", None, (53, 53), "udp"), "127.0.0.1::53/udp", False),
    (PortSpec("", (8080, 8080), (80, 80), "tcp"), "8080:80/tcp", True),
    (PortSpec("::1", (7000, 7010), (8000, 8010), "tcp"), "[::1]:7000-7010:8000-8010/tcp", True),
    (PortSpec("", (7000, 7010), (80, 80), "tcp"), "7000-7010:80/tcp", False),
])
def test_text_of_a_spec_and_whether_it_leaves_a_choice(spec: PortSpec, text: str, explicit: bool) -> None:
    assert (spec.text, spec.explicit) == (text, explicit)
