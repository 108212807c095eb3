# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of where containers may send, under runs that are killed: no container ever sends where neither the document
before lets it send nor the one after."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME, Applied
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES, ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.started import narrow
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.run.converge import Manner
from documents import Document, documents
from egress import what_is_sent
from hypothesis import event, given
from hypothesis import strategies as st
from world import World

EACH = 5  # how many of the places at which a run can end are tried: every fifth; 1 tries them all, in a minute

A, B = ["192.0.2.53:53", "2001:db8:9::/48"], ["198.51.100.0/24", "192.0.2.53:53/udp"]
FRONT = {"name": "front", "bip": "10.10.0.1/24", "bip6": "2001:db8:10::1/64"}
BACK = {"name": "back", "bip": "10.20.0.1/24", "bip6": "2001:db8:20::1/64"}
MOVED = {"bip": "10.30.0.1/24", "bip6": "2001:db8:30::1/64"}


def network(bridge: dict[str, Any], *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**bridge, **more, "containers": list(containers)}


LISTED = {"name": "web", "allow_to": A, "published_ports": ["8080:80"]}
FIRST = [network(FRONT, LISTED, {"name": "shop"}), network(BACK, {"name": "db"}, allow_to=B)]
CHANGES: dict[str, Document] = {
    "another list": [network(FRONT, {**LISTED, "allow_to": B}, {"name": "shop", "allow_to": []})],
    "a list of the bridge instead": [network(FRONT, {**LISTED, "allow_to": "anywhere"}, {"name": "shop"}, allow_to=B)],
    "a bridge moves with its pending containers": [network({**FRONT, **MOVED}, {**LISTED, "allow_to": B}),
                                                   network(BACK, {"name": "db", "allow_to": A})],
    "mtu and gateway change as well": [network(FRONT, {**LISTED, "allow_to": B}, {"name": "shop", "allow_to": A},
                                               mtu="1400", default_gateway="10.10.0.254")],
    "containers change places": [network(FRONT, {"name": "db"}, allow_to=[]), network(BACK, LISTED, {"name": "shop"})],
    "addresses change hands": [network(FRONT, {**LISTED, "address": "10.10.0.3"},
                                       {"name": "shop", "address": "10.10.0.2"})],
    "a bridge goes": [network({"name": "front"}, state="absent", force=True),
                      network(BACK, {**LISTED, "allow_to": []}, {"name": "shop"})],
    "it becomes internal": [network(FRONT, {"name": "web", "allow_to": B, "published_ports": []}, internal=True,
                                    force=True)],
}


def first_world() -> World:
    world = World()
    world.document(FIRST)
    return world


def test_the_probes_tell_what_is_open() -> None:
    found = what_is_sent(first_world())
    assert {each[1:] for each in found if each[0] == "web"} == {
        ("192.0.2.53", "tcp", 53), ("192.0.2.53", "udp", 53),
        *(("2001:db8:9::9", protocol, port) for protocol in ("tcp", "udp") for port in (53, 443))}
    assert len({each[1:] for each in found if each[0] == "shop"}) == 20
    assert {each[1:] for each in found if each[0] == "db"} == {
        ("192.0.2.53", "udp", 53), *(("198.51.100.7", protocol, port) for protocol in ("tcp", "udp")
                                     for port in (53, 443))}


@pytest.mark.parametrize("change", ["all at once", *CHANGES])
def test_no_prefix_of_a_run_opens_a_container(change: str) -> None:
    before = World() if change == "all at once" else first_world()
    document = FIRST if change == "all at once" else CHANGES[change]
    after = before.copy()
    operations = after.document(document).operations
    allowed = what_is_sent(before) | what_is_sent(after)
    problems = []
    for number in (*range(0, len(operations), EACH), len(operations)):
        problems += [f"{number} {what}: {sorted(found - allowed)}"
                     for what, found in _after_kill(before, operations, number, document) if found - allowed]
    assert not problems, f"{len(problems)} of {len(operations)}\n" + "\n".join(problems)


def _after_kill(before: World, operations: Sequence[Any], number: int, document: Document) -> list[tuple[str, Any]]:
    """What is open when the run ends there, after a run about something else, and in each moment of the same one."""
    world = before.copy()
    world.host.execute(operations[:number])
    found = [(operations[number - 1].describe() if number else "nothing", what_is_sent(world))]
    other, again = world.copy(), world.copy()
    other.run("icc_policy", config=[])
    found.append(("a run about something else", what_is_sent(other)))
    for steps in ([], [], again.document(document, False).operations[:3]):
        again.host.execute(steps)
    found.append(("three operations of the same task", what_is_sent(again)))
    other.document(document)
    return [*found, ("the same task", what_is_sent(other))]


def _try(do: Callable[[], Any]) -> bool:
    try:
        do()
    except MooringError:
        event("a document is refused")
        return False
    return True


@given(documents(), documents(), st.floats(0, 1))
def test_any_document_that_ends_anywhere_opens_nobody(first: Document, second: Document, share: float) -> None:
    before = World()
    if not _try(lambda: before.document(first)):
        return
    after = before.copy()
    operations: list[Any] = []
    if not _try(lambda: operations.extend(after.document(second).operations)) or not operations:
        return
    allowed = what_is_sent(before) | what_is_sent(after)
    world = before.copy()
    world.host.execute(operations[:round(share * len(operations))])
    assert what_is_sent(world) <= allowed
    world.run("icc_policy", config=[])
    assert what_is_sent(world) <= allowed
    world.document(second)
    assert what_is_sent(world) == what_is_sent(after)


# -- containers that come later ---------------------------------------------------------------------------------------

def wire(world: World, order: Applied, changing: bool = True) -> Any:
    """What the program does for a container that an engine has started."""
    with world._system():
        return pipeline.converge(parts(narrow(order, ["job"])), world.host, changing, Manner(changing, certain=True))


@pytest.fixture
def lasting() -> World:
    world = World()
    world.state.persistent = True
    world.start("job")
    world.document([network(FRONT, {"name": "job", "container": "job", "allow_to": A}, {"name": "shop"})])
    return world


def flush(world: World) -> None:
    for family in FAMILIES:
        world.state.tables[family, "mangle"] = ObservedTable()
    world.state.sets.clear()


@pytest.mark.parametrize("meanwhile", ["nothing", "its rules and sets go", "its bridge goes"])
def test_who_starts_later_is_limited_before_the_first_packet(lasting: World, meanwhile: str) -> None:
    """Wherever the run that wires it is killed, and whatever was lost before."""
    allowed = what_is_sent(lasting)
    lasting.stop("job")
    order = parse(lasting.state.lasting[NAME])
    if meanwhile == "its rules and sets go":
        flush(lasting)
    elif meanwhile == "its bridge goes":
        del lasting.state.host.links["front"]
        lasting.host.end_namespace("/run/netns/shop")
    lasting.start("job")
    after = lasting.copy()
    operations = wire(after, order).operations
    assert {each for each in what_is_sent(after) if each[0] == "job"} == {each for each in allowed if each[0] == "job"}
    for number in range(len(operations)):
        world = lasting.copy()
        world.host.execute(operations[:number])
        assert what_is_sent(world) <= allowed, operations[number - 1].describe()


def test_what_a_version_without_lists_has_left_means_what_it_meant() -> None:
    """Neither its marks nor its file says anything of lists."""
    world = World()
    world.state.persistent = True
    world.start("job")
    world.document([network(FRONT, {"name": "job", "container": "job"})])
    order = parse(world.state.lasting[NAME])
    assert not any("allow_to" in options for options in order.items.values()) and " to=" not in "".join(
        link.alias for link in world.state.host.links.values())
    assert wire(world, order).operations == () and world.info()["drift"] == []
    assert [each["allow_to"] for each in world.info()["endpoints"]] == [None] and len(what_is_sent(world)) == 20
    world.run("netns_attach", container="job", allow_to=A)
    assert len(what_is_sent(world)) == 6 and wire(world, parse(world.state.lasting[NAME])).operations == ()
