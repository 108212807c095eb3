# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions from isolation: what a bridge records of them, what is refused, what they mean to published ports."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.model import bridges
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World, desired, picture

OPTIONS = ("allow_bridges", "trusted_interfaces", "trusted_networks", "gateway_mode", "gateway_mode_v6")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    found.bridge("back", "10.20.0.1/24", fixed_cidr_v6="2001:db8:20::/64")
    return found


def rules(world: World, table: str, chain: str, family: str = "ipv4") -> str:
    found = world.state.tables[family, table].chains.get(chain)
    return "\n".join(found.lines) if found else ""


def flushed(plan) -> list[tuple]:
    return [place for operation in plan.operations if isinstance(operation, ConntrackFlush)
            for place in operation.inward]


@pytest.mark.parametrize(("options", "message"), [
    ({"allow_bridges": ["front"]}, "allow_bridges: 'front' is the bridge itself. Name other bridges; icc_policy says"),
    ({"allow_bridges": ["x" * 16]}, "allow_bridges: 'xxxxxxxxxxxxxxxx' has 16 characters and the kernel allows 15."),
    ({"trusted_interfaces": ["lo"]}, "trusted_interfaces: 'lo' is the loopback, by which nothing comes in"),
    ({"trusted_interfaces": ["front"]}, "trusted_interfaces: 'front' is the bridge itself. Leave it out; icc_policy"),
    ({"trusted_interfaces": ["eth+"]}, "trusted_interfaces: 'eth+' is not an interface name. Use letters, digits"),
    ({"trusted_interfaces": ["eth0", ""]}, "trusted_interfaces: '' is not an interface name"),
    ({"trusted_networks": ["10.0.0.1/8"]}, "trusted_networks: '10.0.0.1/8' has bits set behind its prefix length. "
                                           "Write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address."),
    ({"trusted_networks": ["office"]}, "trusted_networks: 'office' is neither an IP address nor a network"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        desired("docker_bridge", {"name": "front", **options})
    assert str(caught.value).startswith(message)


def test_lists_are_recorded_shown_and_taken_away(world: World) -> None:
    plain = world.state.host.links["front"].alias
    given = {"allow_bridges": ["back"], "trusted_interfaces": ["wg0", "ens4"], "gateway_mode": "routed",
             "trusted_networks": ["2001:db8:51::/64", "198.51.100.0/24", "192.0.2.7"]}
    plan = world.run("docker_bridge", name="front", **given)
    assert {option: plan.after[0][option] for option in OPTIONS} == {
        "allow_bridges": ["back"], "trusted_interfaces": ["ens4", "wg0"],
        "trusted_networks": ["192.0.2.7/32", "198.51.100.0/24", "2001:db8:51::/64"], "gateway_mode": "routed",
        "gateway_mode_v6": "routed"}
    assert world.run("docker_bridge", name="front", **given).operations == ()
    assert world.run("docker_bridge", name="front").operations == ()
    world.run("docker_bridge", name="front", allow_bridges=[], trusted_interfaces="", trusted_networks=[],
              gateway_mode="nat")
    assert world.state.host.links["front"].alias == plain


def test_what_does_not_fit_into_the_mark(world: World) -> None:
    networks = [f"198.51.{number}.0/24" for number in range(20)]
    message = world.refuses("docker_bridge", name="front", trusted_networks=networks, allow_bridges=["back"])
    assert message.startswith("trusted_networks: '198.51.0.0/24, ") and message.endswith(
        "characters, and the kernel keeps 254. Give fewer or larger ones.")


def test_a_full_mark_has_room_for_what_other_tasks_record(world: World) -> None:
    count = next(count for count in range(20, 0, -1) if _accepts(world, count))
    assert count > 5
    world.run("icc_policy", bridge="front", icc=False)
    assert len(world.state.host.links["front"].alias) <= 254


def _accepts(world: World, count: int) -> bool:
    try:
        world.run("docker_bridge", name="front", trusted_networks=[f"198.51.{n}.0/24" for n in range(count)])
    except OptionError:
        return False
    return True


# -- allow_bridges -----------------------------------------------------------------------------------------------------

def test_a_pair_holds_both_ways_whoever_names_the_other(world: World) -> None:
    world.run("docker_bridge", name="front", allow_bridges=["back"])
    both = {name: rules(world, "filter", f"MOORING-IN-{name}") for name in ("front", "back")}
    assert "-i back" in both["front"] and "-i front" in both["back"]
    plan = world.run("docker_bridge", name="back", allow_bridges=["front"])
    assert len(plan.operations) == 1, "the rules are there already"
    world.run("docker_bridge", name="front", allow_bridges=[])
    assert "-i back" in rules(world, "filter", "MOORING-IN-front"), "back still names front"
    world.run("docker_bridge", name="back", allow_bridges=[])
    assert "-i back" not in rules(world, "filter", "MOORING-IN-front")


def test_a_name_that_is_no_bridge_of_ours_counts_when_it_comes(world: World) -> None:
    plan = world.run("docker_bridge", name="front", allow_bridges=["later"])
    assert any("this collection manages no bridge later" in warning for warning in plan.warnings)
    assert "later" not in rules(world, "filter", "MOORING-IN-front") + rules(world, "raw", "MOORING-RAW-front")
    plan = world.bridge("later", "10.50.0.1/24")
    assert not plan.warnings and "-i later" in rules(world, "filter", "MOORING-IN-front")
    world.run("docker_bridge", name="later", state="absent")
    assert "later" not in rules(world, "filter", "MOORING-IN-front") + rules(world, "raw", "MOORING-RAW-front")


def test_bridges_of_one_task_may_name_each_other() -> None:
    plan = World().run("docker_bridge", config=[{"name": "a", "bip": "10.1.0.1/24", "allow_bridges": ["b"]},
                                                {"name": "b", "bip": "10.2.0.1/24", "allow_bridges": ["a"]}])
    assert plan.warnings == ()


# -- trusted_interfaces, trusted_networks ------------------------------------------------------------------------------

def test_our_bridges_are_not_on_the_outside(world: World) -> None:
    assert world.refuses("docker_bridge", name="front", trusted_interfaces=["back"]) == (
        "trusted_interfaces: 'back' is a bridge of this collection, and not on the outside. Say allow_bridges: [back] "
        "for traffic between the two bridges.")
    assert world.refuses("docker_bridge", name="front", trusted_networks=["10.20.0.128/25"]) == (
        "trusted_networks: '10.20.0.128/25' is inside 10.20.0.0/24, the subnet of bridge back, and not on the outside. "
        "Say allow_bridges: [back].")
    assert "Leave it out." in world.refuses("docker_bridge", name="front", trusted_networks=["2001:db8:10::/80"])


def test_an_interface_that_becomes_a_bridge_of_ours_is_trusted_no_longer(world: World) -> None:
    world.run("docker_bridge", name="front", trusted_interfaces=["later"])
    places = (("filter", "MOORING-IN-front"), ("raw", "MOORING-RAW-front"))
    assert all("trusted later" in rules(world, *place) for place in places)
    world.bridge("later", "10.50.0.1/24")
    assert not any("trusted later" in rules(world, *place) for place in places)
    assert "this collection manages later as a bridge now" in world.run("docker_bridge", name="front").warnings[0]


def test_sources_are_trusted_after_all_bridges_were_turned_away(world: World) -> None:
    world.run("docker_bridge", name="front", trusted_networks=["198.51.100.0/24"])
    world.bridge("unruled", "10.60.0.1/24", iptables=False)
    for table, chain in (("raw", "MOORING-RAW-front"), ("filter", "MOORING-IN-front")):
        text = rules(world, table, chain)
        assert text.index("-j MOORING-BRIDGES") < text.index("-s 198.51.100.0/24")
        assert all(f"-i {name}" in rules(world, table, "MOORING-BRIDGES") for name in ("front", "back", "unruled"))
    assert not rules(world, "raw", "MOORING-BRIDGES", "ipv6")


def test_udp_clients_that_may_no_longer_are_forgotten(world: World) -> None:
    world.run("docker_bridge", name="front", trusted_networks=["198.51.100.0/24"], allow_bridges=["back"])
    plan = world.run("docker_bridge", name="front", trusted_networks=["198.51.100.0/24", "192.0.2.0/28"])
    assert not flushed(plan)
    plan = world.run("docker_bridge", name="front", trusted_networks=["192.0.2.0/28"])
    assert set(flushed(plan)) == {("10.10.0.0/24", 1, 65535), ("2001:db8:10::/64", 1, 65535)}
    plan = world.run("docker_bridge", name="front", allow_bridges=[])
    assert {place for place, _first, _last in flushed(plan)} == {
        "10.10.0.0/24", "2001:db8:10::/64", "10.20.0.0/24", "2001:db8:20::/64"}


def test_udp_clients_in_containers_are_forgotten_when_their_address_changes(world: World) -> None:
    def outward(**options: object) -> list[tuple]:
        plan = world.run("docker_bridge", name="front", **options)
        return [operation.outward for operation in plan.operations if isinstance(operation, ConntrackFlush)]

    assert outward(gateway_mode_v6="routed") == [("2001:db8:10::/64",)]
    assert outward(ip_masq=False) == [("10.10.0.0/24",)]
    assert outward(gateway_mode="routed") == []


def test_a_bridge_that_moves_forgets_what_was_begun_on_both_of_its_subnets(world: World) -> None:
    """Where its containers still are while somebody loses the way to them, and where masquerade comes late."""
    world.run("docker_bridge", name="front", trusted_networks=["192.0.2.0/28"])
    plan = world.run("docker_bridge", name="front", trusted_networks=[], bip="10.30.0.1/24")
    assert set(flushed(plan)) == {("10.10.0.0/24", 1, 65535), ("2001:db8:10::/64", 1, 65535)}
    assert ("10.30.0.0/24",) in [each.outward for each in plan.operations if isinstance(each, ConntrackFlush)]


@pytest.mark.parametrize("leaving", [{"state": "absent"}, {"bip": "10.30.0.1/24"}])
@pytest.mark.parametrize("given", [{"name": "front", "allow_bridges": ["back"], "trusted_networks": ["192.0.2.0/28"]},
                                   {"name": "back", "allow_bridges": ["front"]}])
def test_nobody_reaches_a_bridge_while_others_may_get_its_subnet(world: World, given: dict, leaving: dict) -> None:
    world.run("docker_bridge", **given)
    plan = world.run("docker_bridge", name="front", **leaving)
    assert ("10.10.0.0/24", 1, 65535) in flushed(plan)
    closing = next(each for each in plan.operations if getattr(each, "table", "") == "filter")
    written = {change.name: change.after.comments for change in closing.chains if change.after}
    assert not any("front from" in comment or "trusted" in comment for comment in written["MOORING-IN-front"])


def test_a_bridge_that_is_taken_over_forgets_what_was_begun_without_rules(world: World) -> None:
    world.host.execute([LinkAdd(HOST, Link("theirs", "bridge", up=True)), AddrAdd(HOST, "theirs", "10.40.0.1/24")])
    assert flushed(world.run("docker_bridge", name="theirs", adopt=True)) == [("10.40.0.0/24", 1, 65535)]
    assert flushed(world.run("docker_bridge", name="new", bip="10.50.0.1/24")) == []


# -- gateway_mode ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("tasks", "modes"), [
    ([{}], ("nat", "nat")),
    ([{"gateway_mode": "routed"}], ("routed", "routed")),
    ([{"gateway_mode": "routed"}, {}], ("routed", "routed")),
    ([{"gateway_mode_v6": "routed"}], ("nat", "routed")),
    ([{"gateway_mode_v6": "routed"}, {"gateway_mode": "nat"}], ("nat", "nat")),
    ([{"gateway_mode": "routed", "gateway_mode_v6": "nat"}], ("routed", "nat")),
    ([{"gateway_mode": "routed"}, {"gateway_mode_v6": "nat"}], ("routed", "nat")),
])
def test_the_modes_of_both_families(world: World, tasks: list[dict], modes: tuple[str, str]) -> None:
    for task in tasks:
        plan = world.run("docker_bridge", name="front", **task)
    assert (plan.after[0]["gateway_mode"], plan.after[0]["gateway_mode_v6"]) == modes
    for family, mode in zip(("ipv4", "ipv6"), modes):
        assert ("front direct access" in rules(world, "raw", "MOORING-DIRECT", family)) is (mode == "nat")
        assert ("front masquerade" in rules(world, "nat", "MOORING-SNAT", family)) is (mode == "nat")
        assert ("front echo" in rules(world, "filter", "MOORING-IN-front", family)) is (mode == "routed")
        assert "front unpublished" in rules(world, "filter", "MOORING-IN-front", family)


def test_masquerade_of_a_routed_bridge_is_a_contradiction(world: World) -> None:
    wanted = ("ip_masq: 'True' contradicts gateway mode routed of bridge front, in which no address is translated. "
              "Leave it out, or say gateway_mode: nat.")
    assert world.refuses("docker_bridge", name="front", gateway_mode="routed", ip_masq=True) == wanted
    world.run("docker_bridge", name="front", gateway_mode="routed", ip_masq=False)
    assert world.refuses("docker_bridge", name="front", ip_masq=True) == wanted
    world.run("docker_bridge", name="front", gateway_mode="nat", gateway_mode_v6="routed", ip_masq=True)
    world.bridge("only4", "10.50.0.1/24", gateway_mode_v6="routed", ip_masq=True)


def test_a_mode_with_published_ports_changes_by_force_only(world: World) -> None:
    world.attach("web", bridge="front")
    world.attach("app", bridge="back")
    world.publish("web", "8080:80")
    world.publish("app", "8081:80")
    assert world.refuses("docker_bridge", name="front", gateway_mode="routed") == (
        "gateway_mode: 'routed' would close 2 published ports of bridge front (web 0.0.0.0:8080->10.10.0.2:80/tcp, "
        "...). Say force: true, and publish them again with port_publish.")
    assert world.refuses("docker_bridge", name="front", gateway_mode_v6="routed").startswith(
        "gateway_mode_v6: 'routed' would close 1 published ports of bridge front (web [::]:8080->[2001:db8:10::2]:80")
    plan = world.run("docker_bridge", name="front", gateway_mode_v6="routed", force=True)
    assert plan.warnings == (
        "published ports of web are closed, since bridge front is in gateway mode routed: "
        "[::]:8080->[2001:db8:10::2]:80/tcp. Publish them again with port_publish",)
    assert len(world.info()["published_ports"]) == 3 and world.info()["drift"] == []
    assert world.publish("web", "8080:80") == ["0.0.0.0:8080->10.10.0.2:80/tcp",
                                               "[2001:db8:10::2]:80->[2001:db8:10::2]:80/tcp"]
    assert world.refuses("docker_bridge", name="front", gateway_mode="nat").startswith(
        "gateway_mode_v6: 'nat' would close 1 published ports of bridge front (web [2001:db8:10::2]:80->")


def test_a_change_of_mode_that_was_interrupted_is_not_refused(world: World) -> None:
    world.attach("web", bridge="front")
    world.publish("web", "8080:80")
    plan = world.check("docker_bridge", name="front", gateway_mode="routed", force=True)
    mark = next(number for number, action in enumerate(plan.steps) if "record the settings of" in action)
    world.host.execute(plan.operations[:mark + 1])
    assert bridges(world.state)["front"].routed == ("ipv4", "ipv6")
    world.run("docker_bridge", name="front")
    assert world.info()["drift"] == [] and world.info()["published_ports"] == []


def test_ports_do_not_move_to_a_bridge_of_another_mode(world: World) -> None:
    world.run("docker_bridge", name="back", gateway_mode="routed")
    world.attach("web", bridge="front")
    world.publish("web", "8080:80")
    plan = world.run("netns_attach", netns="web", bridge="back")
    assert len(plan.warnings) == 1 and "are closed, since bridge back is in gateway mode routed" in plan.warnings[0]
    assert world.info()["published_ports"] == []
    assert world.publish("web", "80")
    plan = world.run("netns_attach", netns="web", bridge="front")
    assert len(plan.warnings) == 1 and world.info()["published_ports"] == []


@pytest.mark.parametrize("task", [
    {"allow_bridges": ["back"], "trusted_interfaces": ["ens4"], "trusted_networks": ["198.51.100.0/24"]},
    {"gateway_mode": "routed", "force": True},
    {"gateway_mode": "routed", "gateway_mode_v6": "nat", "allow_bridges": [], "force": True},
])
@pytest.mark.parametrize("before", [{}, {"allow_bridges": ["back"], "trusted_networks": ["192.0.2.0/28"]}])
def test_the_same_task_completes_what_was_interrupted(world: World, task: dict, before: dict) -> None:
    world.run("docker_bridge", name="front", **before)
    world.attach("web", bridge="front")
    world.publish("web", "8080:80")
    operations = world.check("docker_bridge", name="front", **task).operations
    undisturbed = world.copy()
    undisturbed.run("docker_bridge", name="front", **task)
    for number in range(len(operations)):
        interrupted = world.copy()
        interrupted.host.execute(operations[:number])
        interrupted.run("docker_bridge", name="front", **task)
        assert picture(interrupted.state) == picture(undisturbed.state), number
