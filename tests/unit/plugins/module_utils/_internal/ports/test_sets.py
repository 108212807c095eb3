# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and merged ranges of ports, and what stands in the way of a range, against the same one port at a time."""
from __future__ import annotations

from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.occupied import Occupied, addresses_collide
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.sets import PortSet, is_in, merge
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.steps import Steps
from hypothesis import given
from hypothesis import strategies as st

PORTS = st.integers(1, 700)
RANGES = st.tuples(PORTS, st.integers(0, 300)).map(lambda pair: (pair[0], pair[0] + pair[1]))
HELD = st.tuples(st.sampled_from(["tcp", "udp"]), st.sampled_from(["0.0.0.0", "::", "192.0.2.1", "192.0.2.2", "::1"]),
                 PORTS, st.sampled_from([1, 1, 2, 300]))


@given(st.lists(RANGES, max_size=8), PORTS)
def test_merged_ranges_and_sets_have_the_same_ports(ranges: list[tuple[int, int]], port: int) -> None:
    expected = any(first <= port <= last for first, last in ranges)
    found = PortSet(("tcp", first, last) for first, last in ranges)
    assert is_in(port, merge(ranges)) is expected
    assert (("tcp", port) in found, ("udp", port) in found) == (expected, False)
    assert (port in found.find_others("tcp", 1, 1000)) is not expected


def test_ranges_that_touch_are_one() -> None:
    assert merge([(6, 7), (3, 4), (1, 2)]) == [(1, 4), (6, 7)]


@given(st.lists(RANGES, max_size=8), RANGES)
def test_what_of_a_range_is_not_in_a_set(ranges: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    found = PortSet(("tcp", first, last) for first, last in ranges)
    assert list(found.find_others("tcp", *asked)) == [
        port for port in range(asked[0], asked[1] + 1) if not any(first <= port <= last for first, last in ranges)]


@given(st.lists(HELD, max_size=12), HELD, st.integers(0, 4))
def test_the_first_port_that_is_taken_is_found(held: list[tuple[str, str, int, int]], asked: tuple[str, str, int, int],
                                               withdrawn: int) -> None:
    publications = [Publication(f"c{number}", address, first, "10.0.0.2", 1, protocol, count)
                    for number, (protocol, address, first, count) in enumerate(held)]
    index = Occupied()
    for publication in publications:
        index.publish(publication)
    for publication in publications[:withdrawn]:
        index.withdraw(publication)
    protocol, address, first, count = asked
    taken = {port: [p for p in publications[withdrawn:] if p.protocol == protocol
                    and addresses_collide(p.host_ip, address) and p.host_port <= port < p.host_port + p.count]
             for port in range(first, first + count)}
    expected = next((port for port, owners in taken.items() if owners), None)
    found = index.find_taken(*asked)
    assert (found[0] if found else None) == expected
    assert found is None or found[1] in taken[found[0]]


@given(st.lists(st.integers(0, 30), max_size=40))
def test_steps_lead_past_what_is_known(places: list[int]) -> None:
    steps, known = Steps(), set()
    for place in places:
        found = steps.follow(place)
        assert found == next(each for each in range(place, 100) if each not in known)
        steps.add(found, found + 1)
        known.add(found)
