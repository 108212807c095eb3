# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to: whatever was asked for, the file leads to the same host again."""
from __future__ import annotations


from ansible_collections.mooring.net.plugins.module_utils.applied.model import NAME, POLICIES, Applied
from ansible_collections.mooring.net.plugins.module_utils.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils.persist.replay import parts
from documents import Document, documents, seen
from hypothesis import event, given
from hypothesis import strategies as st
from world import World


def kept() -> World:
    """A host that is to come back to what it is asked for. It forwards already: who switches that on guards it."""
    world = World()
    world.state.sysctls.update({key: "1" for key in world.state.sysctls if key[1].endswith("forward")
                                or key[1].endswith("all/forwarding")})
    world.state.persistent = True
    return world


def order(world: World) -> Applied:
    return parse(world.state.lasting[NAME])


def fresh(world: World) -> World:
    """The same host after a reboot: nothing is there but the file."""
    again = kept()
    again.state.lasting = dict(world.state.lasting)
    return again


def replayed(world: World) -> World:
    again = fresh(world)
    again.converge(parts(order(world)))
    return again


def say_links_again(world: World) -> None:
    """A link keeps the ports that its target exposed when it was asked for, until it is asked for again."""
    links = [dict(options) for options in order(world).of(POLICIES) if options.get("links")]
    world.run("icc_policy", config=links)


@given(st.lists(documents(), min_size=1, max_size=4))
def test_a_host_comes_back_as_it_was(found: list[Document]) -> None:
    world, count = kept(), 0
    for document in found:
        try:
            world.document(document)
            count += 1
        except MooringError:
            continue
        assert world.converge(parts(order(world))).operations == ()
        say_links_again(world)
        again = replayed(world)
        assert seen(again) == seen(world)
        assert order(again) == order(world)
    event(f"{count} documents")
