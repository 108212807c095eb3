# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of ``-p`` against Docker's own client (tests/unit/data/ports/record.py), and its messages."""
from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import PROTOCOLS, PortSpec
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import parse_host_ip, parse_port_spec
from hypothesis import example, given
from hypothesis import strategies as st

RECORDED = json.loads((Path(__file__).parents[4] / "data/ports/docker_client.json").read_text(encoding="utf-8"))["rows"]

# What Docker's client takes and we refuse, on purpose, with a word that our message must say.
REFUSED_HERE = {
    # Port 0 exists on neither side. Docker takes host port 0 for "choose one" and sends container port 0 nowhere.
    "port 0": ["0", "0-2", "0:80", "8080:0", "0:0", "00:80", "0-2:80", "0-2:80-82", "7000-7002:0-2", "127.0.0.1:0:80",
               "127.0.0.1::0", "[::1]:0:80", "[::1]:8080:0"],
    # Docker drops what follows a second slash: 53/tcp/udp publishes tcp only.
    "one protocol": ["80//", "80//tcp", "80/tcp/", "80/tcp/udp", "80/tcp/80"],
    # Docker drops what follows a second hyphen.
    "neither a number nor a range": ["80-82-84", "80-82-", "7000-7002-7004:80", "7000-7002:80-82-84"],
    # One syntax is enough, and Docker ignores fields that it does not know, such as host_ip.
    "long syntax": ["target=80", "target=80,published=8080", "target=80,published=8080,protocol=udp",
                    "published=8080,target=80", "target=80,published=8080,mode=host", "target=80,published=7000-7002",
                    "target=80-82,published=7000-7002", "target=0", "target=80,host_ip=127.0.0.1",
                    "target=80,published=127.0.0.1:8080"],
    # The same, and Docker ignores " published" for its space: the port becomes a dynamic one.
    "has a space": ["target=80, published=8080"],
}
# What it refuses and we take: the name of an interface in the place of an address.
INTERFACES = {"eth0:8080:80", "example.com::80"}
DIFFERENT = {spec: word for word, specs in REFUSED_HERE.items() for spec in specs}


def parsed(text: object) -> PortSpec | None:
    try:
        return parse_port_spec(text)
    except OptionError:
        return None


def refusal(text: object) -> str:
    with pytest.raises(OptionError) as caught:
        parse_port_spec(text)
    return str(caught.value)


def bindings(spec: PortSpec) -> list[tuple[str, str, str, str]]:
    """A spec as Docker's client sends it: a binding for each container port."""
    first, last = spec.container_ports
    if spec.host_ports is None:
        hosts = [""] * (last - first + 1)
    elif spec.explicit:
        hosts = [str(port) for port in range(spec.host_ports[0], spec.host_ports[1] + 1)]
    else:
        hosts = [f"{spec.host_ports[0]}-{spec.host_ports[1]}"]
    return sorted((spec.host_ip, host, str(first + index), spec.protocol) for index, host in enumerate(hosts))


def recorded_bindings(row: dict) -> list[tuple[str, str, str, str]]:
    """The client passes addresses on as written; the engine reads IPv4 mapped into IPv6 as IPv4."""
    return sorted((canonical(binding["host_ip"]), binding["host_port"], binding["container_port"], binding["protocol"])
                  for binding in row["bindings"])


def canonical(text: str) -> str:
    if not text:
        return ""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


@pytest.mark.parametrize("row", RECORDED, ids=[ascii(row["spec"]) for row in RECORDED])
def test_as_dockers_client(row: dict) -> None:
    spec = parsed(row["spec"])
    if row["spec"] in INTERFACES:
        assert spec is not None and spec.interface and "refused" in row
    elif "refused" in row:
        assert spec is None
    elif row["spec"] in DIFFERENT:
        assert DIFFERENT[row["spec"]] in refusal(row["spec"])
    else:
        assert spec is not None
        assert bindings(spec) == recorded_bindings(row)


def test_differences_from_docker_are_in_the_record() -> None:
    accepted = {row["spec"] for row in RECORDED if "bindings" in row}
    assert len(RECORDED) >= 150
    assert DIFFERENT.keys() <= accepted


@pytest.mark.parametrize(("text", "message"), [
    ("", "published_ports: '' is empty"),
    ("80 81", "has a space or a line break in it. Remove it"),
    ("http:80", "has 'http' as a host port, which is neither a number nor a range"),
    ("8080:", "has no container port"),
    ("0:80", "has port 0 as a host port. Leave the host port out"),
    ("8080:0", "has port 0 as a container port. Use a port from 1 to 65535"),
    ("8080:65536", "has the container port 65536, above the highest port there is. Use a port from 1 to 65535."),
    ("9" * 5000, "above the highest port there is"),
    ("7010-7000:80", "has the host ports 7010-7000, which run backwards. Write 7000-7010."),
    ("7000-7002:8000-8001", "has 3 host port(s), 7000-7002, for 2 container ports, 8000-8001"),
    ("8080:80-82", "has 1 host port(s), 8080, for 3 container ports, 80-82"),
    ("80/icmp", "has the unknown protocol 'icmp'. Use one of tcp, udp, sctp."),
    ("53/tcp/udp", "has 'tcp/udp' as its protocol. Give one protocol, and one entry for each"),
    ("53/udp:53/udp", "has a protocol at the host port. The protocol comes last"),
    ("53/udp:53/udp", "the same on both sides: 53:53/udp."),
    ("[::1]:53/udp:53", "the same on both sides: [::1]:53:53/udp."),
    ("localhost:8080:80", "has 'localhost' as its host address, which is the loopback: 127.0.0.1 is its address"),
    ("[fe80::1%eth0]:8080:80", "has the host address fe80::1%eth0, which is link-local"),
    ("127.0.0.1:80", "has the address 127.0.0.1 where the host port belongs. Write 127.0.0.1::80 to have"),
    ("[::1]:80", "has a host address and only one port. Write [::1]::80 to have"),
    ("[::1]:", "Write [::1]::CONTAINER_PORT to have"),
    ("[::1", "has a bracket that does not enclose the host address"),
    ("[::1]:1:2:3", "has more than two ports behind the host address"),
    ("target=80,published=8080,protocol=udp",
     "is in Docker's long syntax, which is not supported. Write the short form: 8080:80/udp."),
    ("target=x", "is in Docker's long syntax, which is not supported. Write [HOST_IP:]"),
    (True, "published_ports: 'True' is a truth value and no text"),
    (None, "is empty, and no text"),
    ({"target": 80}, "is a dictionary and no text"),
    (80, "published_ports: '80' is a number and no text, and YAML takes 1:20 for this one. Put it in quotes"),
    # YAML 1.1 reads 8022:22 without quotes as 8022 * 60 + 22.
    (481342, "is a number and no text, and YAML takes 8022:22 for this one. Put it in quotes"),
    ("481342", "if the playbook has 8022:22, put it in quotes"),
])
def test_messages_say_what_is_wrong_and_what_would_be_right(text: object, message: str) -> None:
    assert message in refusal(text)


def test_a_number_is_a_container_port() -> None:
    assert parse_port_spec("80") == PortSpec("", None, (80, 80), "tcp")


def test_the_whole_range_of_ports() -> None:
    assert parse_port_spec("1-65535:1-65535/udp") == PortSpec("", (1, 65535), (1, 65535), "udp")


# Arbitrary text seldom gets past the first check; text made of the right pieces does.
PIECES = st.lists(st.sampled_from([
    "80", "0", "7000-7002", "-", ":", "::", "/", "tcp", "UDP", "/udp", "[", "]", "[::1]", "::1", "127.0.0.1",
    "2001:db8::1", "=", ",", "target=", "published=", " ", "%eth0", "٣", "9" * 5000,
]), max_size=8).map("".join)
ANYTHING = st.one_of(st.text(), PIECES, st.integers(), st.booleans(), st.none(), st.floats(), st.lists(st.text()))


@given(ANYTHING)
@example("target=" * 3000)
def test_a_spec_or_an_option_error_and_nothing_else(text: object) -> None:
    spec = parsed(text)
    if spec is not None:
        assert parse_port_spec(spec.text) == spec


@st.composite
def specs(draw: st.DrawFn) -> PortSpec:
    count = draw(st.integers(1, 100))
    first, host = draw(st.integers(1, 65536 - count)), draw(st.integers(1, 65536 - count))
    container_ports = (first, first + count - 1) if draw(st.booleans()) else (first, first)
    host_ports = draw(st.sampled_from([None, (host, host + count - 1)]))
    host_ip = draw(st.one_of(st.just(""), st.ip_addresses().map(str).map(canonical)))
    return PortSpec(host_ip, host_ports, container_ports, draw(st.sampled_from(PROTOCOLS)))


@given(specs())
def test_every_spec_survives_its_text(spec: PortSpec) -> None:
    assert parse_port_spec(spec.text) == spec


@pytest.mark.parametrize("address", ["fe80::1", "fe80::1%eth0", "febf::9"])
def test_addresses_that_no_port_can_be_published_at(address: str) -> None:
    for parse in (lambda: parse_port_spec(f"[{address}]:8080:80"), lambda: parse_host_ip(address)):
        with pytest.raises(OptionError, match="is link-local") as caught:
            parse()
        assert "Give another address of the host" in str(caught.value)


@pytest.mark.parametrize("address", ["169.254.1.1", "0.0.0.0", "::", "127.0.0.1", "2001:db8::1", "fd00::1"])
def test_addresses_that_ports_can_be_published_at(address: str) -> None:
    assert parse_host_ip(address) == address
