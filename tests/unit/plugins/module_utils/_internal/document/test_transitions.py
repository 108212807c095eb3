# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever two documents say: the roles step by step and host_network in one task lead to the same host."""
from __future__ import annotations

from typing import Any

from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import KNOWN_AFTER_APPLY
from ansible_collections.mooring.net.plugins.module_utils._internal.document import document as of
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import diff
from documents import Document, documents, seen
from hypothesis import event, given
from hypothesis import strategies as st
from world import World, picture

def step_by_step(world: World, document: Document) -> int:
    """What the roles bridge_host and containers do; how many operations that takes."""
    tasks = (("docker_bridge", of.bridges), ("netns_attach", of.endpoints),
             ("port_publish", of.publications), ("icc_policy", of.links), ("container_dns", of.names))
    return sum(len(world.run(module, config=config(document)).operations) for module, config in tasks)


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
    assert (shown.steps, shown.actions, diff(shown), shown.assumed) == (done.steps, done.actions, diff(done), ())
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
            assert world.document(document).steps == shown.steps
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
