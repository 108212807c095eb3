# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every allocation, tried on small ranges where entries get in each other's way."""
from __future__ import annotations

import itertools

from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allocate import allocate, conflicts
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import PortSpec, Publication, Socket
from hypothesis import given, settings
from hypothesis import strategies as st

BOTH = {"ipv4": "192.168.5.2", "ipv6": "2001:db8::2"}
HOST_IPS = st.sampled_from(["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1"])
PROTOCOLS = st.sampled_from(["tcp", "udp"])
PORTS = st.integers(100, 120)
DYNAMIC = (105, 118)


@st.composite
def specs(draw: st.DrawFn) -> PortSpec:
    count = draw(st.sampled_from([1, 1, 1, 2, 4]))
    host, container = draw(PORTS), draw(st.integers(80, 82))
    host_ports, container_ports = draw(st.sampled_from([
        (None, (container, container)),
        (None, (container, container + count - 1)),
        ((host, host + count - 1), (container, container + count - 1)),
        ((host, host + 9), (container, container)),
    ]))
    return PortSpec(draw(st.one_of(st.just(""), HOST_IPS)), host_ports, container_ports, draw(PROTOCOLS))


def publications(container: str) -> st.SearchStrategy[Publication]:
    return st.builds(lambda host_ip, port, inside, protocol, count: Publication(
        container, host_ip, port, BOTH["ipv6" if ":" in host_ip else "ipv4"], inside, protocol, count),
        HOST_IPS, PORTS, st.integers(80, 82), PROTOCOLS, st.sampled_from([1, 1, 2]))


HOSTS = st.fixed_dictionaries({
    "others": st.lists(publications("db"), max_size=3),
    "sockets": st.lists(st.builds(Socket, PROTOCOLS, HOST_IPS, PORTS, st.just("x (pid 1)"), st.booleans()), max_size=3),
    "reserved": st.lists(st.tuples(PORTS, st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair))), max_size=2),
    "default_host_ip": st.sampled_from(["", "", "127.0.0.1"]),
    "allow_from": st.sampled_from([(), (), ("10.0.0.0/8",)]),
})
CURRENT = st.lists(publications("web"), max_size=4)


def run(wanted: list[PortSpec], host: dict, current: object, dynamic_range: tuple[int, int] = DYNAMIC,
        ) -> tuple[Publication, ...] | None:
    """None when the entries cannot all be had, as is often so in a range this small."""
    try:
        return allocate("web", BOTH, wanted, **host, current=current, dynamic_range=dynamic_range)
    except OptionError:
        return None


@settings(max_examples=200)
@given(st.lists(specs(), max_size=6), HOSTS, CURRENT)
def test_no_two_publications_want_the_same_traffic(wanted: list[PortSpec], host: dict, current: list) -> None:
    got = run(wanted, host, current) or ()
    for one, other in itertools.combinations(got, 2):
        assert not conflicts(one, other)
    for one, other in itertools.product(got, host["others"]):
        assert not conflicts(one, other)
    assert list(got) == sorted(got)


@settings(max_examples=200)
@given(st.lists(specs(), max_size=6), HOSTS, CURRENT)
def test_a_second_run_changes_nothing(wanted: list[PortSpec], host: dict, current: list) -> None:
    first = run(wanted, host, current)
    if first is not None:
        assert run(wanted, host, first) == first


@settings(max_examples=200)
@given(st.lists(specs(), max_size=6), HOSTS)
def test_every_port_is_in_the_range_asked_for(wanted: list[PortSpec], host: dict) -> None:
    ranges = [spec.host_ports or DYNAMIC for spec in wanted]
    for publication in run(wanted, host, ()) or ():
        last = publication.host_port + publication.count - 1
        assert any(first <= publication.host_port and last <= end for first, end in ranges)


@settings(max_examples=200)
@given(st.lists(specs(), max_size=4), st.one_of(st.just(""), HOST_IPS), PROTOCOLS, HOSTS)
def test_a_new_choice_moves_no_other(wanted: list[PortSpec], host_ip: str, protocol: str, host: dict) -> None:
    roomy = (DYNAMIC[0], DYNAMIC[1] + 100)
    before = run(wanted, host, (), roomy)
    if before is not None:
        after = run([PortSpec(host_ip, None, (22, 22), protocol), *wanted], host, before, roomy)
        assert set(before) <= set(after)
