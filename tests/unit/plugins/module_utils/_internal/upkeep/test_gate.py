# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that close all bridges when a host starts: what is in them, when they are written, what they keep."""
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import CLOSE, NAME
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES, ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.draft import Draft
from ansible_collections.mooring.net.plugins.module_utils._internal.host.lasting import (APPLIED, GATES, LastingFile,
                                                                                         find_awaited)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.settle import settle
from world import World, uplink_state

FOLDER = Path(__file__).resolve().parents[4] / "data/gate"


def persistent() -> World:
    state = uplink_state()
    state.persistent = True
    return World(state)


def replay(world: World) -> None:
    """All that may be open: ports, links, ports at a container's own address, pairs of bridges, trusted places."""
    world.bridge("front", "10.10.0.1/24", allow_bridges=["back"], trusted_interfaces=["tun0"],
                 trusted_networks=["192.0.2.0/24"])
    world.bridge("back", "10.20.0.1/24", fixed_cidr_v6="2001:db8:20::/64", ipv6=True)
    world.bridge("open", "10.30.0.1/24", gateway_mode="routed")
    world.attach("web", "db", bridge="front", exposed_ports=["5432"])
    world.attach("own", bridge="open")
    world.attach("app", bridge="back")
    world.publish("web", "8080:80")
    world.publish("own", "80")
    world.publish("app", "8081:80")
    world.run("icc_policy", bridge="front", icc=False)
    world.link("web", "db")


def site() -> World:
    world = persistent()
    replay(world)
    return world


def restored(world: World) -> World:
    """The same host after it has started and its gate has been loaded: its own network is gone, its files are not."""
    found = persistent()
    found.state.lasting.update(world.state.lasting)
    for family in FAMILIES:
        tables, _others = parse(shown(world.state.lasting[f"gate.{family}"]))
        found.state.tables.update({(family, name): table for name, table in tables.items()})
    return found


def shown(gate: str) -> str:
    """What iptables-save shows of a gate: own chains first, hooks as they stand."""
    lines = [line for line in gate.splitlines() if not line.startswith("#")]
    made = [f":{line[3:]} - [0:0]" if line.startswith("-N ") else line.replace(" 1 ", " ", 1).replace("-I ", "-A ", 1)
            if line.startswith("-I ") else line for line in lines]
    return "\n".join(made) + "\n"


def told(world: World) -> list[LastingFile]:
    return [operation for operation in world.host.executed if isinstance(operation, LastingFile)
            and operation.name != APPLIED]


def kept(world: World) -> dict[str, str]:
    return {name: text for name, text in world.state.lasting.items() if name != APPLIED}


def drift(world: World) -> list[str]:
    observed = world.state.copy()
    observed.awaited = find_awaited(observed)
    draft = Draft.of(observed, read_ledger(observed))
    settle(draft)
    return [operation.describe() for operation in draft.operations]


@pytest.mark.parametrize("name", GATES)
def test_the_files_as_text(name: str, request: pytest.FixtureRequest) -> None:
    text = site().state.lasting[name]
    if request.config.getoption("--update-golden"):
        (FOLDER / name).write_text(text, encoding="utf-8")
    assert text == (FOLDER / name).read_text(encoding="utf-8")


def test_nothing_that_was_let_in_by_a_task_is_let_in_by_the_gate() -> None:
    world = site()
    for family in FAMILIES:
        text = world.state.lasting[f"gate.{family}"]
        assert "->" not in text and "MOORING-AT-" not in text and "*nat" not in text
        assert "tun0 -m" not in text and "192.0.2.0/24 -m" not in text and "from back" not in text
    accepting = [line for line in world.state.lasting["gate.ipv4"].splitlines() if line.endswith("-j ACCEPT")]
    assert accepting and all(any(word in line for word in (" out", "replies", "published", "icc on", " echo"))
                             for line in accepting)


def test_they_are_written_where_the_host_has_chosen_so_and_nowhere_else() -> None:
    world = World()
    world.bridge()
    assert world.state.lasting == {} and told(world) == []
    world.state.persistent = True
    written = [f"write /var/lib/mooring/{name}" for name in (APPLIED, *GATES)]
    assert world.check("docker_bridge", name="br0").steps == written
    assert world.run("docker_bridge", name="br0").steps == written
    assert tuple(sorted(world.state.lasting)) == (APPLIED, *GATES)
    world.state.persistent = False
    assert world.document([], persist=False).steps == [action.replace("write", "remove") for action in written]
    assert world.state.lasting == {}


def test_they_go_with_the_last_bridge_that_has_rules() -> None:
    world = persistent()
    world.bridge("free", None, iptables=False, ip6tables=False)
    assert kept(world) == {}
    world.bridge("br0")
    world.bridge("br1", "10.1.0.1/24")
    world.run("docker_bridge", name="br0", state="absent")
    assert "br0" not in "".join(kept(world).values()) and "br1" in world.state.lasting["gate.ipv4"]
    world.run("docker_bridge", name="br1", state="absent")
    assert kept(world) == {}


def test_ports_and_links_do_not_change_them() -> None:
    world = site()
    count = len(told(world))
    world.publish("db", "9090:90")
    world.link("db", "web")
    assert len(told(world)) == count


def test_a_bridge_is_in_them_before_it_is_there_and_until_it_is_gone() -> None:
    world = persistent()
    plan = world.check("docker_bridge", name="br0", bip="10.0.0.1/24")
    assert plan.steps.index("write /var/lib/mooring/gate.ipv4") < plan.steps.index("create bridge br0")
    world.bridge("br0")
    plan = world.check("docker_bridge", name="br0", state="absent")
    assert plan.steps.index("delete bridge br0") < plan.steps.index("remove /var/lib/mooring/gate.ipv4")
    assert CLOSE < NAME


def test_the_diff_shows_lines() -> None:
    world = site()
    plan = world.check("docker_bridge", name="open", state="absent", force=True)
    [operation] = [each for each in plan.operations if isinstance(each, LastingFile) and each.name == "gate.ipv4"]
    before, after = operation.lines()
    assert any(line.startswith("/var/lib/mooring/gate.ipv4: # bridge open 10.30.0.1/24 - mooring:bridge:open:")
               for line in before)
    assert not any("-i open" in line for line in after)
    assert operation.inverse() == LastingFile(operation.name, operation.previous, operation.text)


def test_after_the_gate_there_is_nothing_to_do_until_the_network_comes_back() -> None:
    """Chains whose bridges are not there stay as they are, also in a run for something else."""
    world = restored(site())
    rules = dict(world.state.tables)
    left = drift(world)
    # The gate has none, and the guard does not look for exceptions that are not there.
    assert left and all(" nat table: " in action or "/guard." in action for action in left), left
    world.bridge("other", "10.99.0.1/24")
    for key in (key for key in rules if key[1] != "nat"):
        gone = [name for name, chain in rules[key].chains.items() if name.startswith(("MOORING-IN-", "MOORING-ICC-"))
                and world.state.tables[key].chains.get(name) != chain]
        assert gone == []
    assert world.run("network_info").after[0]["drift"] == []
    assert "# bridge front 10.10.0.1/24" in world.state.lasting["gate.ipv4"]


def test_the_replay_takes_the_chains_as_its_own() -> None:
    before = site()
    world = restored(before)
    replay(world)
    assert world.state.lasting == before.state.lasting
    assert drift(world) == []
    for key, table in before.state.tables.items():
        found = world.state.tables[key]
        assert {name: chain.comments for name, chain in found.chains.items()} == {
            name: chain.comments for name, chain in table.chains.items()}
        assert sorted(hook.line for hook in found.hooks) == sorted(hook.line for hook in table.hooks)


def test_who_takes_a_bridge_back_before_it_is_there_forgets_it() -> None:
    world = restored(site())
    world.run("docker_bridge", name="front", state="absent")
    assert "front" not in world.state.lasting["gate.ipv4"]
    assert not any("front" in name for key in world.state.tables for name in world.state.tables[key].chains)
    world.document(exclusive=True)
    assert kept(world) == {} and all(table == ObservedTable() for table in world.state.tables.values())


def test_a_bridge_whose_network_somebody_else_has_got_is_not_awaited() -> None:
    world = restored(site())
    world.state.host.links["br-others"] = Link("br-others", "bridge", 50, up=True, addresses=("10.20.0.1/16",))
    world.bridge("other", "10.99.0.1/24")
    assert "# bridge back" not in world.state.lasting["gate.ipv4"]
    assert "# bridge front" in world.state.lasting["gate.ipv4"]


def test_a_bridge_that_lost_its_mark_keeps_its_rules() -> None:
    world = site()
    world.state.host.links["front"] = dataclasses.replace(world.state.host.links["front"], alias="")
    world.bridge("other", "10.99.0.1/24")
    assert world.state.tables["ipv4", "filter"].chains["MOORING-IN-front"].comments[-1].startswith(
        "mooring:front unpublished")


def test_a_family_that_cannot_be_read_keeps_its_files() -> None:
    world = persistent()
    world.bridge()
    before = dict(world.state.lasting)
    world.state.unusable["ipv6"] = "there are rules in both backends"
    world.bridge("other", "10.99.0.1/24", ip6tables=False)
    assert world.state.lasting["gate.ipv6"] == before["gate.ipv6"]
    assert "other" in world.state.lasting["gate.ipv4"]


def test_a_file_that_cannot_be_written_keeps_a_run_from_doing_anything() -> None:
    world = persistent()
    plan = world.check("docker_bridge", name="br0", bip="10.0.0.1/24")
    world.host.fail_at = len(world.host.executed) + plan.steps.index("write /var/lib/mooring/gate.ipv4")
    with pytest.raises(MooringError, match=r"cannot write /var/lib/mooring/gate\.ipv4"):
        world.bridge("br0", "10.0.0.1/24")
    assert world.state.lasting == {} and "br0" not in world.state.host.links


@pytest.mark.parametrize("line", ["# bridge", "# bridge a", "# bridge a - - nothing", "# bridge a - - mooring:veth:a:",
                                  "# bridge a - -"])
def test_a_line_that_says_nothing_of_a_bridge_is_a_comment(line: str) -> None:
    state = uplink_state()
    state.lasting["gate.ipv4"] = f"{line}\n"
    assert find_awaited(state) == {}
