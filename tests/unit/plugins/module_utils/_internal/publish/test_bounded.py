# SPDX-License-Identifier: GPL-3.0-or-later
"""What planning of ports costs is counted in calls of functions: seconds depend on the machine."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.host.fake import fresh_state
from ansible_collections.mooring.net.plugins.module_utils._internal.publish.model import LocatedPorts
from ansible_collections.mooring.net.plugins.module_utils._internal.publish.plan import scope
from world import World, desired

ALL = "1-65535"


class TooMany(Exception):
    """More calls than were allowed."""


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """The block, ended as soon as it has called more functions, or gone on with more generators, than that."""
    left = calls

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            sys.setprofile(None)
            raise TooMany(f"more than {calls} calls")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def addresses(number: int) -> list[str]:
    return [f"127.0.{each // 250}.{each % 250 + 1}" for each in range(number)]


PUBLISHED: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    "all ports": lambda n: {"published_ports": [f"{ALL}:{ALL}"] * bool(n), "dynamic_port_range": "50000-50000"},
    "one of all ports, often": lambda n: {"published_ports": [f"{ALL}:80"] * n},
    "one of many ranges": lambda n: {"published_ports": [f"{1 + i}-{60000 + i}:80" for i in range(n)]},
    "any port, often": lambda n: {"published_ports": ["80"] * n},
    "rows of ports": lambda n: {"published_ports": ["1-16"] * n},
    "one port of many addresses": lambda n: {"published_ports": [f"{a}:80:80" for a in addresses(n)]},
    "one of all ports of many addresses": lambda n: {"published_ports": [f"{a}:{ALL}:80" for a in addresses(n)]},
    "exposed ranges": lambda n: {"publish_all_ports": True, "exposed_ports": [f"{65000 - i}-65535" for i in range(n)],
                                 "dynamic_port_range": "1-65535"},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_many_ranges_cost_grows_with_their_number_and_not_with_its_square(name: str) -> None:
    world = World()
    world.bridge()
    world.attach("web")
    with at_most(900_000):
        world.check("port_publish", container="web", **PUBLISHED[name](1000))


def test_a_range_is_read_as_one() -> None:
    items = desired("port_publish", {"container": "web", "published_ports": [
        f"{1 + number}-{60000 + number}:80" for number in range(100)]})
    located = [LocatedPorts.at(item, "web", "") for item in items]
    assert len(scope(located, fresh_state()).ports or ()) == 100


def test_all_ports_of_many_addresses() -> None:
    """Each of them is cut into some two hundred rules, which are what it costs."""
    world = World()
    world.bridge()
    world.attach("web")
    with at_most(2_500_000):
        world.check("port_publish", container="web", published_ports=[f"{a}:{ALL}:{ALL}" for a in addresses(40)])


@pytest.mark.parametrize("asked", [["80"], [f"{ALL}:80"]])
def test_to_refuse_costs_a_look_at_each_port(asked: Sequence[str]) -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    world.publish("db", f"{ALL}:{ALL}")
    with at_most(2_000_000), pytest.raises(MooringError, match="no free port left"):
        world.check("port_publish", container="web", published_ports=asked, dynamic_port_range="50000-50000")


def test_connections_to_all_ports_of_many_addresses_are_known_at_once() -> None:
    flush = ConntrackFlush("ipv4", tuple(("udp", 1, 65535) for _address in range(1000)), local=("192.0.2.10",))
    with at_most(10_000):
        assert flush.concerns("udp", "192.0.2.10", 80, "192.0.2.10", "192.0.2.9")
        assert not flush.concerns("tcp", "192.0.2.10", 80, "192.0.2.10", "192.0.2.9")
