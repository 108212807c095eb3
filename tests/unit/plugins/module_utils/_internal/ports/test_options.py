# SPDX-License-Identifier: GPL-3.0-or-later
"""The other port options: exposed_ports, dynamic_port_range, allow_from, default_host_ip."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import ExposedPort
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import (parse_exposed_port,
                                                                                       parse_host_ip, parse_port_range,
                                                                                       parse_port_spec, parse_sources)
from hypothesis import given
from hypothesis import strategies as st

ANYTHING = st.one_of(st.text(), st.text("0123456789-:./[]%abc"), st.integers(), st.booleans(), st.none(), st.floats(),
                     st.lists(st.text()))


def refusal(parse: object, *arguments: object) -> str:
    with pytest.raises(OptionError) as caught:
        parse(*arguments)
    return str(caught.value)


def test_messages_name_the_option() -> None:
    assert refusal(parse_port_spec, "x", "ports").startswith("ports: 'x' has")
    assert refusal(parse_exposed_port, "x", "expose").startswith("expose: 'x' has")
    assert refusal(parse_port_range, "x", "range").startswith("range: 'x' has")
    assert refusal(parse_sources, ["x"], "sources").startswith("sources: 'x' is")
    assert refusal(parse_host_ip, "x", "ip").startswith("ip: 'x' is")


@given(ANYTHING)
def test_a_value_or_an_option_error_and_nothing_else(text: object) -> None:
    for parse, argument in ((parse_exposed_port, text), (parse_port_range, text), (parse_sources, [text]),
                            (parse_host_ip, text)):
        try:
            parse(argument)
        except OptionError as error:
            assert repr(str(text)) in str(error)


@pytest.mark.parametrize(("text", "port"), [
    (5432, ExposedPort(5432, 5432, "tcp")),
    ("5432", ExposedPort(5432, 5432, "tcp")),
    ("5432/TCP", ExposedPort(5432, 5432, "tcp")),
    ("8000-8010/udp", ExposedPort(8000, 8010, "udp")),
])
def test_exposed_port(text: object, port: ExposedPort) -> None:
    assert parse_exposed_port(text) == port


@pytest.mark.parametrize(("text", "message"), [
    ("8080:80", "exposed_ports: '8080:80' has a colon"),
    ("/udp", "has no container port"),
    ("0", "has port 0"),
    ("8010-8000", "Write 8000-8010"),
    ("80/icmp", "unknown protocol 'icmp'"),
])
def test_refused_exposed_ports(text: str, message: str) -> None:
    assert message in refusal(parse_exposed_port, text)


def test_port_range() -> None:
    assert parse_port_range("49153-65535") == (49153, 65535)
    assert parse_port_range(8080) == (8080, 8080)


@pytest.mark.parametrize(("text", "message"), [
    ("0-100", "dynamic_port_range: '0-100' has port 0 as a dynamic port. Use a port from 1 to 65535."),
    ("60000-50000", "has the dynamic ports 60000-50000, which run backwards. Write 50000-60000."),
    ("32768 60999", "has a space"),
    ("49153-70000", "has the dynamic port 70000, above the highest port there is"),
    ("49153-65535/tcp", "is neither a number nor a range. Write FIRST-LAST, for example 49153-65535."),
])
def test_refused_port_ranges(text: str, message: str) -> None:
    assert message in refusal(parse_port_range, text)


def test_sources_are_canonical_sorted_and_unique() -> None:
    assert parse_sources(["9.0.0.0/8", "2001:DB8:0::/32", "10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "::1"]) == (
        "10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "9.0.0.0/8", "::1/128")


def test_ipv4_mapped_into_ipv6_is_ipv4() -> None:
    assert parse_sources(["::ffff:192.0.2.7", "::ffff:10.0.0.0/104"]) == ("10.0.0.0/8", "192.0.2.7/32")
    assert parse_host_ip("[::ffff:192.0.2.7]") == "192.0.2.7"


@pytest.mark.parametrize(("text", "message"), [
    ("10.0.0.1/8", "allow_from: '10.0.0.1/8' has bits set behind its prefix length. Write 10.0.0.0/8 for the network, "
                   "or 10.0.0.1 for the one address."),
    ("10.0.0.0/255.0.0.0", "has a mask in place of a prefix length. Write 10.0.0.0/8."),
    ("fe80::1%eth0", "has a zone, which a source address cannot have. Write fe80::1."),
    ("10.0.0.0/33", "is neither an IP address nor a network"),
    ("office", "is neither an IP address nor a network"),
    ("10.0.0.0/8,192.0.2.7", "is neither an IP address nor a network"),
    ("", "is empty"),
])
def test_refused_sources(text: str, message: str) -> None:
    assert message in refusal(parse_sources, [text])


def test_host_ip() -> None:
    assert parse_host_ip("2001:DB8::1") == parse_host_ip("[2001:db8:0::1]") == "2001:db8::1"
    assert "names of hosts and interfaces are not looked up" in refusal(parse_host_ip, "eth0")
