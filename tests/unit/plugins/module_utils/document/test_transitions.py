# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever two documents say: the roles step by step and host_network in one task lead to the same host."""
from __future__ import annotations

import re
from typing import Any

from ansible_collections.mooring.net.plugins.module_utils.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils.core.names import KNOWN_AFTER_APPLY
from ansible_collections.mooring.net.plugins.module_utils.document import document as of
from ansible_collections.mooring.net.plugins.module_utils.run.frame import diff
from hypothesis import event, given
from hypothesis import strategies as st
from world import World, picture

Document = list[dict[str, Any]]
BRIDGES = {"br0": "10.8.0", "br1": "10.9.0"}
PORTS = ["8080:80", "8081:80/udp", "127.0.0.1::443", "9000-9003:9000-9003", "192.0.2.10:8080:81"]


@st.composite
def containers(draw: st.DrawFn, names: list[str], subnet: str) -> Document:
    found = []
    here = [name for name in names if draw(st.booleans())]
    for name in here:
        said: dict[str, Any] = {"name": name, "published_ports": draw(st.lists(
            st.sampled_from(PORTS), max_size=2, unique=True))}
        said["state"] = draw(st.sampled_from(["present", "present", "present", "absent"]))
        if draw(st.booleans()):
            said["address"] = f"{subnet}.{draw(st.integers(2, 6))}"
        if draw(st.booleans()):
            said["exposed_ports"] = [5432]
        if draw(st.booleans()):
            said["links"] = [draw(st.sampled_from([other for other in here if other != name] or [name]))]
        if draw(st.booleans()):
            said["allow_from"] = draw(st.sampled_from([["192.0.2.0/24"], ["10.0.0.0/8", "192.0.2.9"]]))
        if draw(st.booleans()):
            said["hostname"] = draw(st.sampled_from(["front", "back"]))
        found.append(said)
    return found


@st.composite
def documents(draw: st.DrawFn, ipv6: st.SearchStrategy = st.booleans()) -> Document:  # noqa: B008
    found, free = [], list("abcd")
    for name, subnet in BRIDGES.items():
        if name == "br1" and draw(st.booleans()):
            continue
        listed = draw(containers(list(free), subnet))
        free = [each for each in free if each not in {container["name"] for container in listed}]
        network: dict[str, Any] = {
            "name": name, "bip": f"{subnet}.{draw(st.sampled_from([1, 1, 9]))}/24", "force": True, "containers": listed,
            "icc": draw(st.sampled_from([None, True, False])), "mtu": draw(st.sampled_from([None, "1400"])),
            "ip_masq": draw(st.sampled_from([None, False])), "gateway_mode": draw(st.sampled_from([None, None, "nat"])),
            "fixed_cidr_v6": f"2001:db8:{name[-1]}::/64" if draw(ipv6) else None,
            "allow_bridges": draw(st.sampled_from([None, [], [next(other for other in BRIDGES if other != name)]])),
            "state": draw(st.sampled_from(["present"] * 5 + ["absent"]))}
        found.append({key: value for key, value in network.items() if value is not None})
    return found


def step_by_step(world: World, document: Document) -> int:
    """What the roles bridge_host and containers do; how many operations that takes."""
    tasks = (("docker_bridge", of.bridges), ("icc_policy", of.access), ("netns_attach", of.endpoints),
             ("port_publish", of.publications), ("icc_policy", of.links), ("container_dns", of.names))
    return sum(len(world.run(module, config=config(document)).operations) for module, config in tasks)


def seen(world: World) -> dict[str, Any]:
    """The host without what only its history tells: MAC addresses that the kernel chose, the order of addresses."""
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {repr(key): without(each) for key, each in value.items()}
        if isinstance(value, (tuple, list)):
            return [without(each) for each in value]
        return re.sub(r"0a:00:00:00:[0-9a-f:]{5}", "MAC", repr(value))

    found = picture(world.state)
    # A sysctl that a task has set stays set; which task was the first to need it is not part of the result.
    return without({key: value for key, value in found.items() if key != "sysctls"})


# When a bridge gets IPv6, tasks of their own give addresses also to containers that the next task takes away. So there
# is one choice for both documents.
@given(st.booleans().flatmap(lambda ipv6: st.tuples(documents(st.just(ipv6)), documents(st.just(ipv6)))))
def test_roles_and_one_task_lead_to_the_same_host(pair: tuple[Document, Document]) -> None:
    world, (first, second) = World(), pair
    try:
        step_by_step(world, first)
    except MooringError:
        event("the first document is refused")
        return
    whole = world.copy()
    assert whole.document(first).operations == ()
    try:
        step_by_step(world, second)
    except MooringError as error:
        event("the second document is refused")
        try:
            whole.document(second)
        except MooringError as refused:
            assert "did not end up" not in str(refused), str(error)
        return
    shown = whole.document(second, False)
    done = whole.document(second)
    event("both accept it")
    assert (shown.actions, diff(shown), shown.assumed) == (done.actions, diff(done), ())
    assert KNOWN_AFTER_APPLY not in diff(shown)["after"]
    assert seen(whole) == seen(world)
    assert whole.document(second).operations == () and step_by_step(whole, second) == 0
    assert world.document(second).operations == () and step_by_step(world, second) == 0
    assert whole.info()["drift"] == world.info()["drift"] == []


@given(st.lists(documents(), min_size=2, max_size=4))
def test_any_document_after_any_other_converges(found: list[Document]) -> None:
    world = World()
    for document in found:
        before = picture(world.state)
        try:
            shown = world.document(document, False)
        except MooringError:
            assert picture(world.state) == before
            continue
        if not shown.assumed:
            assert world.document(document).actions == shown.actions
            assert world.document(document).operations == () and world.info()["drift"] == []


def published(found: dict[str, Any]) -> set[str]:
    """Containers with their host ports of IPv4."""
    return {text.partition("->")[0] for text in found["published_ports"] if "[" not in text}


@given(documents(), documents())
def test_an_exclusive_document_leaves_what_it_says_and_nothing_else(first: Document, second: Document) -> None:
    fresh, world = World(), World()
    try:
        world.document(first)
        fresh.document(second)
    except MooringError:
        return
    try:
        world.document(second, exclusive=True)
    except MooringError as error:
        assert "did not end up" not in str(error)
        return
    assert world.document(second, exclusive=True).operations == ()
    found, wanted = world.info(), fresh.info()
    for key in ("namespaces", "veth_pairs", "drift", "leftovers"):
        assert found[key] == wanted[key]
    assert [bridge["name"] for bridge in found["bridges"]] == [bridge["name"] for bridge in wanted["bridges"]]
    assert [each["container"] for each in found["endpoints"]] == [each["container"] for each in wanted["endpoints"]]
    # Addresses of containers that stay are kept, and so is what the document does not say of a bridge, as its IPv6.
    assert published(found) == published(wanted)
    world.document([], exclusive=True)
    assert not any(world.info().values())
