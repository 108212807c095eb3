# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a bridge with container_names find each other in their hosts files."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.files.hosts import Alias, Roll
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import ObservedFile
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from hypothesis import given
from hypothesis import strategies as st
from world import World, desired, docker_place, netns_place, picture

BIP6 = "2001:db8:5::1/64"


def listed(world: World, container: str) -> list[str]:
    """The lines of a file about anybody but the loopback, with blanks for tabs."""
    loopback = ("127.", "::1", "fe00:", "ff0", "#")
    return [line.replace("\t", " ") for line in (world.text(container) or "").splitlines()
            if not line.startswith(loopback)]


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(container_names=True)
    found.run("netns_attach", config=[{"netns": "web"}, {"netns": "db", "aliases": ["sql", "data.base"]}])
    found.run("container_dns", config=[{"netns": "web"}, {"netns": "db"}])
    return found


def test_each_finds_the_others_and_itself_by_all_of_its_names(world: World) -> None:
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.5.3 db sql data.base"]
    assert listed(world, "db") == ["192.168.5.3 db", "192.168.5.3 sql data.base", "192.168.5.2 web"]
    assert world.info()["drift"] == []
    assert next(iter(world.info()["bridges"]))["container_names"] is True
    assert [each["aliases"] for each in world.info()["endpoints"]] == [["sql", "data.base"], []]


def test_without_the_option_nothing_is_listed_and_it_is_taken_back(world: World) -> None:
    other = World()
    other.bridge()
    other.run("netns_attach", config=[{"netns": "web"}, {"netns": "db", "aliases": ["sql", "data.base"]}])
    other.run("container_dns", config=[{"netns": "web"}, {"netns": "db"}])
    assert listed(other, "web") == ["192.168.5.2 web"]
    actions = [f"change hosts of {name} (/etc/netns/{name}/hosts)" for name in ("db", "web")]
    plan = other.run("docker_bridge", name="br0", container_names=True)
    assert plan.steps[-2:] == actions and picture(other.state) == picture(world.state)
    assert other.bridge().operations == ()  # nothing said, nothing changed
    plan = other.run("docker_bridge", name="br0", container_names=False)
    assert plan.steps[-2:] == actions and listed(other, "web") == ["192.168.5.2 web"]


def test_who_comes_and_who_goes_is_in_all_files_in_the_same_run(world: World) -> None:
    before = picture(world.state)
    world.attach("late")
    assert "192.168.5.4 late" in listed(world, "web") and "192.168.5.4 late" in listed(world, "db")
    world.run("netns_attach", netns="late", state="absent")
    assert picture(world.state) == before
    world.run("netns_attach", netns="db", aliases=["sql"])
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.5.3 db sql"]
    world.run("netns_attach", netns="db")
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.5.3 db sql"]
    world.run("netns_attach", netns="db", aliases=[])
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.5.3 db"]


def test_a_run_about_another_bridge_keeps_the_lists_up(world: World) -> None:
    """A container that died left without a run: the next one of any module takes its name out."""
    lease = next(name for name, link in world.state.host.links.items() if link.mark and link.mark.name == "db")
    del world.state.host.links[lease]
    plan = world.bridge("br1", "192.168.6.1/24")
    assert "change hosts of web (/etc/netns/web/hosts)" in plan.steps and listed(world, "web") == ["192.168.5.2 web"]
    place = netns_place("web", "hosts")
    world.state.files[place] = ObservedFile(world.text("web").replace("192.168.5.2", "192.168.5.99"), parents=2)
    assert "change hosts of web" in world.info()["drift"]
    world.attach("other", bridge="br1")
    assert listed(world, "web") == ["192.168.5.2 web"]


def test_files_are_not_read_where_no_bridge_has_the_option() -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    world.run("container_dns", config=[{"netns": "web"}, {"netns": "db"}])
    world.state.files[netns_place("web", "hosts")] = ObservedFile(world.text("web").replace("192", "193"), parents=2)
    assert "create bridge br1" in world.bridge("br1", "192.168.6.1/24").steps
    assert "193." in world.text("web")


def test_both_families_each_to_whom_it_is_of_use(world: World) -> None:
    world.bridge(bip6=BIP6)
    address = next(ip for ip in world.inner("db").addresses if ":" in ip).partition("/")[0]
    assert [line for line in listed(world, "web") if " db" in line] == [
        "192.168.5.3 db sql data.base", f"{address} db sql data.base"]
    world.bridge(ipv6=False)
    assert [line for line in listed(world, "web") if " db" in line] == ["192.168.5.3 db sql data.base"]


def test_ipv6_only() -> None:
    world = World()
    world.bridge("br0", None, bip6=BIP6, container_names=True)
    world.run("netns_attach", config=[{"netns": "web"}, {"netns": "db"}])
    world.run("container_dns", config=[{"netns": "web"}, {"netns": "db"}])
    address = next(ip for ip in world.inner("db").addresses if ":" in ip).partition("/")[0]
    assert f"{address} db" in listed(world, "web")


def test_links_and_etc_hosts_and_the_own_name_go_before(world: World) -> None:
    world.link("web", "db:sql")
    assert listed(world, "web") == ["192.168.5.3 sql db", "192.168.5.2 web", "192.168.5.3 data.base"]
    world.link("web")
    world.run("container_dns", netns="web", etc_hosts={"DB": "192.0.2.9", "data.base": "192.0.2.8"}, hostname="sql")
    assert listed(world, "web") == ["192.0.2.9 DB", "192.0.2.8 data.base", "192.168.5.2 sql", "192.168.5.2 web"]
    assert listed(world, "db") == ["192.168.5.3 db", "192.168.5.3 sql data.base", "192.168.5.2 web sql"]


def test_a_host_name_is_found_as_well(world: World) -> None:
    plan = world.run("container_dns", netns="web", hostname="front.example.com")
    assert "192.168.5.2 web front.example.com" in listed(world, "db")
    assert "change hosts of db (/etc/netns/db/hosts)" in plan.steps
    assert world.run("container_dns", netns="web", hostname="front.example.com").operations == ()
    world.run("container_dns", netns="web", state="absent")
    assert "192.168.5.2 web" in listed(world, "db") and world.text("web") is None


def test_a_name_that_several_claim(world: World) -> None:
    plan = world.run("netns_attach", netns="web", aliases=["SQL", "db", "localhost"])
    assert plan.warnings == (
        "db is the name of a container on bridge br0, and is found at that one only: web claims it as well",
        "sql is a name of db, web on bridge br0: it is found at all of them, and who reads one entry of a hosts file "
        "only takes db")
    world.attach("late")
    world.run("container_dns", netns="late")
    assert listed(world, "late") == ["192.168.5.4 late", "192.168.5.3 db sql data.base", "192.168.5.2 web SQL"]
    assert world.attach("late") and world.run("netns_attach", netns="late").warnings == ()
    assert len(world.bridge().warnings) == 2  # whoever runs a task about the bridge hears of it again
    world.run("netns_attach", netns="db", state="absent")
    assert listed(world, "late") == ["192.168.5.4 late", "192.168.5.2 web SQL db"]


@pytest.mark.parametrize(("alias", "problem"), [
    ("a b", "is not a host name"), ("83", "is no name: whoever looks it up takes it for an address"),
    ("a" * 64, "has a label of 64 characters"), ("", "is not a host name"), ("a.", "is not a host name"),
    (".".join(["abcdefgh"] * 8), "has 71 characters"), ("a,b\nc", "is not a host name")])
def test_a_wrong_alias(alias: str, problem: str) -> None:
    with pytest.raises(MooringError, match=f"aliases: .* {problem}"):
        desired("netns_attach", {"netns": "web", "aliases": [alias]})


def test_aliases_that_do_not_fit(world: World) -> None:
    names = [f"a-long-name-of-the-container-{number}" for number in range(8)]
    assert "do not fit into the 254 characters that the kernel keeps of an endpoint. Give fewer or shorter ones." in (
        world.refuses("netns_attach", netns="web", aliases=names))


def test_who_shares_a_network_has_its_list_and_the_host_is_in_none(world: World) -> None:
    world.run("netns_attach", config=[{"netns": "side", "network_mode": "container:web"},
                                      {"netns": "boxed", "network_mode": "host"}])
    world.run("container_dns", config=[{"netns": "side"}, {"netns": "boxed"}])
    assert listed(world, "side") == ["192.168.5.2 side", "192.168.5.3 db sql data.base", "192.168.5.2 web"]
    assert not [line for line in listed(world, "boxed") if "192.168.5" in line]
    world.attach("late")
    assert "192.168.5.4 late" in listed(world, "side") and not [
        line for line in (*listed(world, "db"), *listed(world, "web")) if "side" in line or "boxed" in line]


def test_containers_of_docker_through_a_restart(world: World) -> None:
    world.start("cache")
    world.run("netns_attach", container="cache", aliases=["redis"])
    world.run("container_dns", container="cache")
    before = listed(world, "cache")
    assert "192.168.5.3 db sql data.base" in before
    assert "192.168.5.4 cache redis" in listed(world, "web")
    world.start("cache")
    world.bridge("br1", "192.168.6.1/24")
    assert not [line for line in listed(world, "web") if "redis" in line]  # it has no interface yet
    world.run("netns_attach", container="cache", bridge="br0", aliases=["redis"])
    assert listed(world, "cache") == before and "192.168.5.4 cache redis" in listed(world, "web")


def test_what_a_container_makes_of_its_own_file_changes_nothing_for_others(world: World) -> None:
    world.start("cache")
    world.run("netns_attach", container="cache")
    world.run("container_dns", container="cache", hostname="store")
    before = listed(world, "web")
    assert "192.168.5.4 cache store" in before
    place = docker_place("cache", "hosts")
    world.state.files[place] = ObservedFile(world.text("cache").replace('"store"', '"db"'))
    world.bridge()
    assert listed(world, "web") == before
    world.state.files[place] = ObservedFile(problem="is a symbolic link")
    world.attach("late")
    assert listed(world, "web") == [*before, "192.168.5.5 late"]


def test_a_container_whose_file_cannot_be_written_stops_nobody(world: World) -> None:
    world.start("evil")
    world.run("netns_attach", container="evil")
    world.run("container_dns", container="evil")
    place = docker_place("evil", "hosts")

    carry_out = world.host.carry_out

    def refuse(operation: object) -> None:
        if getattr(operation, "place", None) == place:
            raise HostError("it is somebody's")
        carry_out(operation)

    world.host.carry_out = refuse  # type: ignore[method-assign]
    world.attach("late")
    assert "192.168.5.5 late" in listed(world, "web") and "192.168.5.5 late" not in listed(world, "evil")
    assert any("hosts of evil" in warning and "it is somebody's" in warning for warning in world.host.warnings)


def test_bridges_do_not_mix(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", container_names=True)
    world.bridge("br2", "192.168.7.1/24")
    world.run("netns_attach", config=[
        {"netns": "far", "bridge": "br1", "aliases": ["remote"]}, {"netns": "off", "bridge": "br2"},
        {"netns": "web", "interface_name": "eth1", "bridge": "br1", "aliases": ["inner"]}])
    world.run("container_dns", config=[{"netns": "far"}, {"netns": "off"}])
    assert listed(world, "far") == ["192.168.6.2 far", "192.168.6.2 remote", "192.168.6.3 web inner"]
    assert listed(world, "off") == ["192.168.7.2 off"]
    assert listed(world, "db")[-1] == "192.168.5.2 web"
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.6.3 web", "192.168.5.3 db sql data.base",
                                    "192.168.6.2 far remote", "192.168.6.3 inner"]


def test_icc_says_nothing_of_names(world: World) -> None:
    before = listed(world, "web")
    world.run("icc_policy", bridge="br0", icc=False)
    assert listed(world, "web") == before
    world.run("docker_bridge", name="br1", bip="192.168.6.1/24", iptables=False, ip6tables=False, container_names=True)
    world.attach("plain", "other", bridge="br1")
    world.run("container_dns", netns="plain")
    assert "192.168.6.3 other" in listed(world, "plain")


def test_a_template_of_the_user_gets_them(world: World) -> None:
    world.run("container_dns", netns="web", hosts_template=(
        "{% for each in neighbours %}\n{{ each.address }} {{ each.names | join('+') }}\n{% endfor %}\n"))
    assert listed(world, "web") == ["192.168.5.3 db+sql+data.base"]
    world.run("container_dns", netns="web", hosts_template="192.0.2.1 only\n")
    assert listed(world, "web") == ["192.0.2.1 only"]


def test_the_document(world: World) -> None:
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "container_names": True, "containers": [
        {"name": "web", "aliases": "www,home"}, {"name": "db"}]}]
    plan = world.document(networks)
    assert listed(world, "db") == ["192.168.5.3 db", "192.168.5.2 web www home"]
    assert listed(world, "web") == ["192.168.5.2 web", "192.168.5.3 db", "192.168.5.2 www home"]
    assert world.document(networks).operations == () and plan.operations
    world.document([{**networks[0], "containers": [{"name": "web"}, {"name": "db", "state": "absent"}]}])
    assert listed(world, "web") == ["192.168.5.2 web"] and world.text("db") is None
    world.document([], exclusive=True)
    assert not [place for place in world.state.files if world.state.files[place].text is not None]


def test_a_new_namespace_is_nobodys_that_was_not_read() -> None:
    """Names with one number share a network, and have its addresses."""
    def network(*containers: dict, **more: str) -> dict:
        return {"name": "br0", "bip": "10.8.0.1/24", "force": True, "containers": list(containers), **more}

    world = World()
    for document in (network({"name": "d"}), network(state="absent"), network({"name": "b"})):
        world.document([document])
        assert world.document([document]).operations == ()
    assert "10.8.0" not in world.text("d")


def test_it_comes_back_with_the_host() -> None:
    world = World()
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "container_names": True, "containers": [
        {"name": "web", "aliases": ["www"]}, {"name": "db"}]}]
    world.document(networks, persist=True)
    text = world.state.lasting["applied.json"]
    assert '"container_names": true' in text and '"aliases": ["www"]' in text
    world.run("docker_bridge", name="br0", container_names=False)
    assert '"container_names": true' not in world.state.lasting["applied.json"]


def test_check_mode_on_a_fresh_host() -> None:
    world = World()
    networks = [{"name": "br0", "container_names": True, "containers": [{"name": "web"}, {"name": "db"}]}]
    plan = world.document(networks, False)
    assert any("hosts of web" in action for action in plan.steps) and world.state.host.links.keys() == {"lo", "ens3"}
    plan = World().check("netns_attach", config=[{"netns": "web", "aliases": ["www"]}], bridge="br9")
    assert plan.assumed


def test_a_bridge_of_somebody_else() -> None:
    world = World()
    world.state.host.links["virbr0"] = Link("virbr0", "bridge", 60, up=True, mac="02:00:00:00:00:60",
                                            addresses=("192.168.9.1/24",))
    world.run("docker_bridge", name="virbr0", adopt=True, container_names=True)
    world.attach("web", "db", bridge="virbr0")
    world.name("web")
    assert "192.168.9.3 db" in listed(world, "web")
    world.run("netns_attach", config=[{"netns": "web"}, {"netns": "db"}], state="absent")
    world.run("docker_bridge", name="virbr0", state="absent")
    assert listed(world, "web") == []


NAMES = st.lists(st.sampled_from(["a", "b", "C", "d", "E"]), min_size=1, max_size=3, unique=True).map(tuple)
ENTRIES = st.lists(st.builds(Alias, st.sampled_from(["10.0.0.2", "10.0.0.3", "2001:db8::2"]), NAMES), max_size=6)


@given(ENTRIES, st.sets(st.sampled_from(["a", "b", "c", "d", "e", "x"])))
def test_a_roll_without_names_is_what_a_look_at_each_entry_leaves(entries: list[Alias], taken: set[str]) -> None:
    left = [Alias(each.address, tuple(name for name in each.names if name.lower() not in taken)) for each in entries]
    left = [each for each in left if each.names]
    roll = Roll.of(entries)
    assert roll.entries_without(taken) == left
    assert roll.without(taken) == [f"{each.address}\t{' '.join(each.names)}" for each in left]
