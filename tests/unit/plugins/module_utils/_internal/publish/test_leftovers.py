# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports on record of containers that are gone: they name the way out, or are in nobody's way."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World, uplink_state

WAY = "Container old is not attached to any bridge. If it does not come back, `port_publish container=old state=absent`"


def abandoned(*ports: str) -> World:
    """Somebody removed a container with published ports behind our back; another one wants one of them."""
    world = World()
    world.bridge()
    world.start("old")
    world.run("netns_attach", container="old")
    world.run("port_publish", container="old", published_ports=list(ports))
    world.host.end_namespace(f"/proc/{world.engine.pop('old')}/ns/net")
    world.attach("web")
    return world


def test_a_leftover_in_the_way_names_the_way_out() -> None:
    world = abandoned("8080:80")
    message = world.refuses("port_publish", netns="web", published_ports=["8080:80"])
    assert "already published by container old" in message and WAY in message
    shown = world.check("port_publish", netns="web", published_ports=["8080:80"])
    assert WAY in " ".join(assumption.warning for assumption in shown.assumed)
    assert WAY in world.document_refuses([{"name": "br0", "containers": [
        {"name": "web", "published_ports": ["8080:80"]}]}])
    world.run("port_publish", container="old", state="absent")
    assert len(world.publish("web", "8080:80")) == 1


@pytest.mark.parametrize("given", [{"published_ports": ["8080-8081:80"]},
                                   {"published_ports": ["80"], "dynamic_port_range": "8080-8081"}])
def test_leftovers_that_fill_a_range_name_it_too(given: dict[str, object]) -> None:
    world = abandoned("8080-8081:80-81")
    assert WAY in world.refuses("port_publish", netns="web", **given)


def test_a_container_that_is_there_is_named_and_no_way_out() -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    world.publish("web", "8080:80")
    message = world.refuses("port_publish", netns="db", published_ports=["8080:80"])
    assert "already published by container web" in message and "state=absent" not in message


def network(*names: str) -> dict[str, object]:
    return {"name": "br0", "bip": "192.168.5.1/24", "containers": [
        {"name": name, "published_ports": [f"808{number}:80", "127.0.0.1::443"]} for number, name in enumerate(names)]}


def rebooted(*names: str) -> World:
    """A host after a start at which somebody put all rules back: nothing else of before is there."""
    before = World()
    before.document([network(*names)])
    after = World(uplink_state())
    after.state.tables = dict(before.state.tables)
    return after


def test_rules_that_were_put_back_at_boot_are_in_nobodys_way() -> None:
    """Of the containers of before the document has but one, and another one with its port."""
    world = rebooted("old", "web")
    shown = world.document([network("new", "web")], False)
    assert not shown.assumed and "8080" not in " ".join(shown.warnings)
    world.document([network("new", "web")])
    assert world.info()["leftovers"] == []
    assert sorted(text.split(" ")[0] for text in world.info()["published_ports"]) == ["new", "new", "web", "web"]
    assert world.document([network("new", "web")]).operations == ()


def test_the_same_one_task_after_the_other() -> None:
    world = rebooted("old", "web")
    world.bridge()
    assert world.info()["published_ports"] == []
    world.attach("new")
    world.publish("new", "8080:80")


def test_a_container_that_only_restarts_gets_its_ports_back() -> None:
    world = World()
    world.bridge()
    world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["8080:80"])
    world.start("web")
    world.bridge("br1", "192.168.6.1/24")
    assert len(world.info()["published_ports"]) == 1
    world.run("netns_attach", container="web", bridge="br0")
    assert world.info()["leftovers"] == [] and len(world.info()["published_ports"]) == 1


def test_rules_of_a_bridge_that_somebody_deleted_keep_their_containers() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    world.publish("web", "8080:80")
    world.host._remove(HOST, "br0")
    world.bridge()
    assert len(world.info()["published_ports"]) == 1
