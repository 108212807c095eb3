# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole host in one plan."""
from __future__ import annotations

import contextlib

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import KNOWN_AFTER_APPLY
from ansible_collections.mooring.net.plugins.module_utils._internal.engine.inspect import inspect
from ansible_collections.mooring.net.plugins.module_utils._internal.engine.model import Answers
from ansible_collections.mooring.net.plugins.module_utils._internal.engine.places import HostPlaces
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.ledger import Ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import diff
from world import World, picture

CHECKOUT = Path(__file__).resolve().parents[6]
EXAMPLE = yaml.safe_load((CHECKOUT / "playbooks/vars/demo.yml").read_text(encoding="utf-8"))["container_networks"]


def network(*containers: Any, **options: Any) -> dict[str, Any]:
    listed = [{"name": each} if isinstance(each, str) else each for each in containers]
    return {"name": "br0", "bip": "192.168.5.1/24", "containers": listed, **options}


def test_the_example_from_nothing_in_one_plan() -> None:
    world = World()
    shown = world.document(EXAMPLE, False)
    assert shown.assumed == () and KNOWN_AFTER_APPLY not in diff(shown)["after"]
    done = world.document(EXAMPLE)
    assert (shown.steps, diff(shown), shown.warnings) == (done.steps, diff(done), done.warnings)
    found = done.after[-1][0]
    assert found["published_ports"] == ["web 0.0.0.0:8080->192.168.5.2:80/tcp",
                                        "web 127.0.0.1:49153->192.168.5.2:443/tcp"]
    assert found["links"] == ["web link db:database 192.168.5.2->192.168.5.20:5432/tcp"]
    assert found == world.info() and found["drift"] == found["leftovers"] == []
    assert "192.168.5.20\tdatabase db" in diff(shown)["after"], "the preview shows the names of links"
    assert world.document(EXAMPLE).operations == ()


def test_rules_are_written_twice_at_most() -> None:
    """Once to protect new bridges, once to open what is published."""
    tables = [(operation.family, operation.table) for operation in World().document(EXAMPLE).operations
              if type(operation).__name__ == "RestoreTable"]
    assert all(tables.count(table) <= 2 for table in tables)


def test_what_is_last_is_found_before_the_first_bridge_is_made() -> None:
    containers = [f"c{number}" for number in range(5)]
    taken = {"name": "last", "published_ports": ["8080:80", "8080:81"]}
    message = World().document_refuses([network(*containers, taken)])
    assert "8080" in message and "given twice" in message


@pytest.mark.parametrize(("document", "message"), [
    ([network({"name": "web", "address": "10.0.0.1"})], "address: '10.0.0.1' is not in 192.168.5.0/24"),
    ([network({"name": "web", "published_ports": ["x"]})],
     "networks[0] (br0): containers[0] (web): published_ports: 'x' "),
    ([network("web", bip="192.168.5.1")], "networks[0] (br0): bip: '192.168.5.1' lacks a prefix length"),
    ([network({"name": "web", "links": ["nobody"]})], "container nobody is on no bridge that this collection "
                                                           "manages"),
    ([network("web"), network("web", name="br1", bip="10.0.0.1/24")], "its interface eth0 stands at"),
    ([network("web"), network("db")], "networks[1] (br0): it stands at networks[0] (br0) as well: say all"),
    ([network({"name": "web", "state": "absent"}, {"name": "db", "links": ["web"]})], "container web is on no bridge"),
])
def test_what_is_wrong_with_a_document(document: list[dict[str, Any]], message: str) -> None:
    assert message in World().document_refuses(document)


def test_a_pair_on_the_host_becomes_an_interface_and_another_joins_two_containers() -> None:
    world = World()
    world.document(
        [network({"name": "web", "interface": "B"}, "db")],
        veth_pairs=[{"name": "A", "peer": {"name": "B"}},
                    {"name": "direct", "netns": "web", "addresses": ["10.0.0.1/30"],
                     "peer": {"name": "direct", "netns": "db", "addresses": ["10.0.0.2/30"]}}])
    inside = world.state.namespaces["/run/netns/web"].links
    assert set(inside) == {"lo", "eth0", "direct"} and world.state.host.links["A"].controller == "br0"
    assert inside["direct"].addresses == ("10.0.0.1/30",)


def test_what_the_document_does_not_name_stays_unless_it_is_exclusive() -> None:
    world = World()
    before = picture(world.state, sysctls=False)
    world.document(EXAMPLE, veth_pairs=[{"name": "A", "peer": {"name": "B"}}])
    world.start("app")
    world.run("netns_attach", container="app")
    world.run("container_dns", container="app")
    assert world.document([]).operations == ()
    kept = world.document([network("only", name="other", bip="10.8.0.1/24")], exclusive=True).after[-1][0]
    assert [bridge["name"] for bridge in kept["bridges"]] == ["other"]
    assert [endpoint["container"] for endpoint in kept["endpoints"]] == ["only"] == kept["namespaces"]
    assert kept["published_ports"] == kept["links"] == kept["veth_pairs"] == kept["leftovers"] == []
    assert [names["container"] for names in kept["dns"]] == ["only"]
    shown = world.document([], False, exclusive=True)
    done = world.document([], exclusive=True)
    assert shown.steps == done.steps and not any(done.after[-1][0].values())
    del world.engine["app"]
    world.host.end_namespace("/proc/1001/ns/net")
    after = picture(world.state, sysctls=False)
    assert {key: value for key, value in after.items() if key not in ("files", "hostnames")} == {
        key: value for key, value in before.items() if key not in ("files", "hostnames")}
    assert not [place for place in after["files"] if place.startswith(("/etc/", "/run/mooring"))]


LAST: dict[str, dict[str, Any]] = {
    "internal": {"internal": True}, "no longer internal": {"internal": False}, "gateway": {"default_gateway":
    "192.168.5.254"}, "isolated": {"internal": True, "gateway_mode": "isolated"}, "no longer isolated": {
        "internal": True, "gateway_mode": "nat"}}


@pytest.mark.parametrize("icc", [True, False])
@pytest.mark.parametrize("last", LAST)
def test_what_is_recorded_last_of_a_bridge_keeps_its_access_policy(last: str, icc: bool) -> None:
    """A mark is one text, and other parts of the document write into it as well."""
    world = World()
    before = {"no longer internal": {"internal": True}, "no longer isolated": LAST["isolated"]}.get(last, {})
    world.document([network("web", icc=not icc, **before)])
    wanted = [network("web", icc=icc, **LAST[last])]
    shown = world.document(wanted, False)
    assert world.document(wanted).steps == shown.steps and world.document(wanted).operations == ()
    assert world.info()["bridges"][0]["icc"] is icc and world.info()["drift"] == []


def test_what_is_recorded_last_of_a_bridge_keeps_the_guard_of_another_one() -> None:
    world = World()
    world.state.sysctls[HOST, "net/ipv4/ip_forward"] = "0"
    world.document([network("web", name="old"), network("db", bip="192.168.6.1/24")])
    world.document([network("web", name="old", containers=[], state="absent", force=True),
                    network("db", bip="192.168.6.1/24", default_gateway="192.168.6.254")])
    assert "guard=ipv4" in world.state.host.links["br0"].alias
    assert "gw=192.168.6.254" in world.state.host.links["br0"].alias and world.info()["drift"] == []


def test_exclusive_leaves_alone_what_others_made() -> None:
    world = World()
    world.state.host.links["theirs"] = Link("theirs", "bridge", 70, up=True, addresses=("10.50.0.1/24",))
    world.document([{"name": "theirs", "adopt": True}])
    world.document([], exclusive=True)
    assert world.state.host.links["theirs"].alias == ""


def test_engines_are_asked_once_for_all_names() -> None:
    world = World()
    names = [f"c{number}" for number in range(7)]
    for name in names:
        world.start(name)
    world.document([network(*({"name": name, "container": name, "published_ports": [f"80{number}0:80"]}
                              for number, name in enumerate(names)))])
    assert world.questions == [names]
    del world.questions[:]
    world.publish("c0", "8080:80")
    assert world.questions == [], "an attached container needs no engine"


def test_a_container_that_restarts_while_engines_answer_is_looked_up_again() -> None:
    world = World()
    world.start("app")
    asked = restarting(world, times=1)
    world.document([network({"name": "app", "container": "app"})])
    assert len(asked) == 2 and world.state.named["app"].link == f"/proc/{world.engine['app']}/ns/net"


def test_a_container_that_keeps_restarting_is_an_error_after_some_attempts() -> None:
    world = World()
    world.start("app")
    restarting(world, times=9)
    with pytest.raises(MooringError, match="'app' is not a running .*it did not keep its process .* keeps restarting"):
        world.document([network({"name": "app", "container": "app"})])
    assert world.state.named == {}


def restarting(world: World, times: int) -> list[None]:
    """Let a container restart while its engine is asked."""
    answered: list[None] = []

    def ask(names: list[str]) -> Answers:
        found = inspect(names)
        answered.append(None)
        if len(answered) <= times:
            world.start("app")
        return found

    world.inspect = ask
    return answered


def test_a_new_bridge_listens_to_no_router_before_anything_is_attached() -> None:
    operations = World().document([network("web", fixed_cidr_v6="2001:db8:5::/64")]).operations
    deaf = next(number for number, each in enumerate(operations) if each.describe().startswith("set net.ipv6.conf.br0"))
    first = next(number for number, each in enumerate(operations) if isinstance(each, LinkAdd) and each.netns == HOST
                 and each.link.controller)
    assert deaf < first


def test_engines_are_asked_before_the_lock_is_taken_and_trusted_after_a_look_under_it() -> None:
    """One that hangs holds up nobody else, and what it said may be out of date by then."""
    world, events = World(), []
    world.start("app")
    world.inspect = lambda names: events.append("asked") or inspect(names)
    world.lock = lambda _seconds, **_options: contextlib.ExitStack() if events.append("locked") is None else None
    look, find = world.host.look, HostPlaces.find_outdated
    world.host.look = lambda: events.append("looked") or look()
    with mock.patch.object(HostPlaces, "find_outdated", lambda places: events.append("compared") or find(places)):
        world.document([network({"name": "app", "container": "app"})])
    assert events[:4] == ["asked", "locked", "compared", "looked"]
    assert events.count("asked") == events.count("locked") == 1


def test_what_links_cost_does_not_depend_on_what_others_publish() -> None:
    """Each link looks at its own target: how often all of the ledger is gone through is the same for any number."""
    assert passes_over_ledger(links=5) == passes_over_ledger(links=50) > 0


def passes_over_ledger(links: int) -> int:
    names = [f"c{number}" for number in range(links + 1)]
    world = World()
    world.document([network(*({"name": name, "published_ports": ["80"]} for name in names))])
    seen: list[None] = []
    publications = Ledger.publications.fget
    with mock.patch.object(Ledger, "publications", property(lambda ledger: seen.append(None) or publications(ledger))):
        world.check("icc_policy", config=[{"netns": name, "links": [other]} for name, other in zip(names, names[1:])])
    return len(seen)


def test_a_run_reads_the_files_of_those_that_it_is_about() -> None:
    world = World()
    world.document([network("web", "db", {"name": "front", "links": ["web"]}, "other")])
    assert read(world, "port_publish", netns="web", published_ports=["80"]) == set()
    assert read(world, "docker_bridge", name="br0") == set()
    assert read(world, "netns_attach", netns="other") == {"other"}
    assert read(world, "netns_attach", netns="web") == {"web", "front"}
    assert read(world, "network_info") == {"web", "db", "front", "other"}


def read(world: World, module: str, **given: Any) -> set[str]:
    """The containers whose files a task reads."""
    seen: list[HostState] = []
    snapshot = world.host.snapshot
    with mock.patch.object(world.host, "snapshot", lambda scope_of: seen.append(snapshot(scope_of)) or seen[-1]):
        world.check(module, **given)
    return {place.path.split("/")[1] for state in seen for place in state.files}
