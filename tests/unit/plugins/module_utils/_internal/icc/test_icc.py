# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether containers of a bridge talk to each other, and links between them."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush, ModuleLoad
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import Failed, World, desired, picture


@pytest.mark.parametrize(("options", "message"), [
    ({}, "nothing to do is given: name a bridge (with icc) or a container (with links)"),
    ({"bridge": "br0"}, "icc: not given. Say whether the containers of br0 may talk to each other"),
    ({"netns": "web"}, "links: not given. Say what the container is linked to (an empty list for nothing)"),
    ({"bridge": "br0", "icc": True, "links": ["db"]}, "links: given without the container that they belong to"),
    ({"netns": "web", "links": ["db:"]}, "links: 'db:' is not a link. Give CONTAINER:ALIAS, like db:database"),
    ({"netns": "web", "links": [":db"]}, "links: ':db' is not a link"),
    ({"netns": "web", "links": ["d b"]}, "links: 'd b' is not the name of a container"),
    ({"netns": "web", "links": ["db:a..b"]}, "links: 'db:a..b' has the alias 'a..b', which is not a host name (RFC"),
    ({"netns": "web", "links": ["db:a b"]}, "links: 'db:a b' has the alias 'a b', which is not a host name (RFC 1123). "
                                            "Use letters, digits, '_', '-' and '.', 63 characters at most"),
    ({"netns": "web", "links": ["db:" + "a" * 64]}, "links: 'db:aaa"),
    ({"netns": "web", "links": ["db"], "exposed_ports": ["x"]}, "exposed_ports: 'x' has"),
    ({"bridge": "x" * 16, "icc": True}, "bridge: 'xxxxxxxxxxxxxxxx' has 16 characters"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        desired("icc_policy", options)
    assert str(caught.value).startswith(message)


def test_the_alias_is_the_name_where_none_is_given() -> None:
    found = desired("icc_policy", {"netns": "web", "links": ["db", "cache:redis.local"]})[0].links
    assert [(link.target, link.alias) for link in found] == [("db", "db"), ("cache", "redis.local")]


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.attach("web", exposed_ports=[])
    found.attach("db", exposed_ports=["5432", "8000-8010/udp"])
    return found


def chain(world: World, family: str = "ipv4") -> list[str]:
    return [line.partition("-A MOORING-ICC-br0 ")[2] for line in
            world.state.tables[family, "filter"].chains["MOORING-ICC-br0"].lines]


def test_icc_off_drops_and_makes_the_kernel_look(world: World) -> None:
    plan = world.run("icc_policy", bridge="br0", icc=False)
    assert any(isinstance(operation, ModuleLoad) for operation in plan.operations)
    assert chain(world)[-1].endswith("-j DROP")
    assert world.state.sysctls[HOST, "net/bridge/bridge-nf-call-iptables"] == "1"
    assert plan.before[0]["icc"] is True and plan.after[0]["icc"] is False
    assert world.run("icc_policy", bridge="br0", icc=False).operations == ()


def test_a_sysctl_that_somebody_switched_off_is_drift(world: World) -> None:
    world.run("icc_policy", bridge="br0", icc=False)
    world.state.sysctls[HOST, "net/bridge/bridge-nf-call-iptables"] = "0"
    assert world.info()["drift"] == ["set net.bridge.bridge-nf-call-iptables to 1 (was 0)"]
    world.attach("web")
    assert world.info()["drift"] == []


def test_the_bridge_says_the_same_for_itself(world: World) -> None:
    def calls() -> tuple[str, ...]:
        return world.state.host.links["br0"].nf_calls

    assert world.run("icc_policy", bridge="br0", icc=False).operations and calls() == ("ipv4", "ipv6")
    world.state.host.links["br0"] = dataclasses.replace(world.state.host.links["br0"], nf_calls=("ipv6",))
    assert world.info()["drift"] == ["set br0: frames between its ports pass rules of IPv4 and IPv6 (was IPv6)"]
    world.bridge()
    assert calls() == ("ipv4", "ipv6") and world.info()["drift"] == []
    world.run("icc_policy", bridge="br0", icc=True)
    assert calls() == () and world.info()["drift"] == []


def test_of_an_adopted_bridge_it_is_not_switched_off() -> None:
    world = World()
    world.state.host.links["theirs"] = Link("theirs", "bridge", 7, up=True, nf_calls=("ipv6",),
                                            addresses=("10.9.0.1/24",))
    world.bridge("theirs", None, adopt=True)
    for icc, found in ((False, ("ipv4", "ipv6")), (True, ("ipv4", "ipv6"))):
        world.run("icc_policy", bridge="theirs", icc=icc)
        assert world.state.host.links["theirs"].nf_calls == found and world.info()["drift"] == []


def test_a_family_without_rules_is_none_of_it() -> None:
    world = World()
    world.bridge(ip6tables=False)
    world.run("icc_policy", bridge="br0", icc=False)
    assert world.state.host.links["br0"].nf_calls == ("ipv4",)


def test_icc_on_again_and_absent(world: World) -> None:
    world.state.sysctls[HOST, "net/bridge/bridge-nf-call-iptables"] = "1"  # it stays on when icc: false has set it
    world.state.sysctls[HOST, "net/bridge/bridge-nf-call-ip6tables"] = "1"
    world.bridge()
    before = picture(world.state, sysctls=False)
    for again in ({"icc": True}, {"state": "absent"}):
        world.run("icc_policy", bridge="br0", icc=False)
        world.run("icc_policy", bridge="br0", **again)
        assert picture(world.state, sysctls=False) == before


def test_a_link_opens_exposed_ports_one_way(world: World) -> None:
    plan = world.link("web", "db:database", exposed_ports=["9/sctp"])
    assert [rule.partition(" -m comment")[0] for rule in chain(world)[:3]] == [
        "-s 192.168.5.2 -d 192.168.5.3 -p tcp -m tcp --dport 5432",
        "-s 192.168.5.2 -d 192.168.5.3 -p udp -m udp --dport 8000:8010",
        "-s 192.168.5.2 -d 192.168.5.3 -p sctp -m sctp --dport 9"]
    assert plan.after[0]["links"][0] == {"container": "db", "alias": "database", "address": "192.168.5.3",
                                         "ports": "5432", "protocol": "tcp"}


def test_a_link_is_for_the_port_of_its_source_where_the_kernel_tells_ports(world: World) -> None:
    """Neighbours can write the address of the source into what they send. With ``icc`` nobody needs the link."""
    world.link("web", "db:database")
    world.run("icc_policy", bridge="br0", icc=False)
    found = [rule for rule in chain(world) if " --dport " in rule]
    end = world.run("netns_attach", netns="web").after[0]["host_interface"]
    assert found and all(f" -m physdev --physdev-in {end} " in rule for rule in found)
    world.run("netns_attach", netns="web", address="192.168.5.50")
    assert all("-s 192.168.5.50 " in rule and f" --physdev-in {end} " in rule
               for rule in chain(world) if " --dport " in rule)
    world.run("icc_policy", bridge="br0", icc=True)
    assert "physdev" not in "".join(chain(world))
    assert not world.run("icc_policy", bridge="br0", icc=True).steps


def test_a_published_port_counts_as_exposed(world: World) -> None:
    world.publish("web", "8080:80")
    assert world.link("db", "web").after[0]["links"][0]["ports"] == "80"


def test_links_are_exactly_those_given(world: World) -> None:
    world.attach("cache", exposed_ports=["6379"])
    before = picture(world.state)
    world.link("web", "db", "cache:redis")
    assert {link["alias"] for link in world.link("web", "cache:redis").after[0]["links"]} == {"redis"}
    assert world.link("web", "cache:redis").operations == ()
    world.link("web")
    assert picture(world.state) == before


def test_links_of_other_containers_stay(world: World) -> None:
    world.link("web", "db")
    world.publish("db", "5432:5432")
    world.link("db", "web", exposed_ports=["80"])
    world.link("db")
    assert {link.partition(" ")[0] for link in world.info()["links"]} == {"web"}


def test_a_link_that_opens_nothing_is_a_warning_and_is_kept_for_its_name(world: World) -> None:
    assert world.link("db", "web:www").warnings == (
        "the link from db to web gives a name and opens nothing, since web exposes and publishes no port: say "
        "exposed_ports with netns_attach, or with this task",)
    again = world.link("db", "web:www")
    assert again.operations == () and again.after[0]["links"] == [
        {"container": "web", "alias": "www", "address": "192.168.5.2", "ports": "", "protocol": ""}]
    rule, = [line for line in world.state.tables["ipv4", "filter"].chains["MOORING-ICC-br0"].lines if "->" in line]
    assert "-j" not in rule.split()


def test_a_link_across_bridges(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24")
    world.run("netns_attach", netns="app", bridge="br1")
    assert world.refuses("icc_policy", netns="app", links=["db"]) == (
        "links: app is on bridge br1 and db on br0: a link opens ports within one bridge. Attach both to one bridge, "
        "or publish the port")


def test_what_is_missing(world: World) -> None:
    unattached = "container {} is on no bridge that this collection manages: attach it with netns_attach first"
    assert world.refuses("icc_policy", netns="app", links=["db"]) == unattached.format("app") + "."
    assert world.refuses("icc_policy", netns="web", links=["app"]) == "links: " + unattached.format("app")
    assert world.refuses("icc_policy", bridge="br9", icc=False) == (
        "bridge br9 does not exist: create it with docker_bridge first")
    plan = world.check("icc_policy", config=[{"bridge": "br9", "icc": False}, {"netns": "app", "links": ["db"]}])
    assert [assumption.task for assumption in plan.assumed] == ["creates bridge br9", "attaches container app"]


def test_a_bridge_of_somebody_else(world: World) -> None:
    world.state.host.links["docker0"] = Link("docker0", "bridge", 30)
    assert "is not a bridge that this collection manages" in world.refuses("icc_policy", bridge="docker0", icc=False)


def test_icc_off_needs_rules(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", iptables=False)
    assert world.refuses("icc_policy", bridge="br1", icc=False) == (
        "icc: 'False' needs rules, and bridge br1 has iptables: false. Say iptables: true for the bridge with "
        "docker_bridge.")


def test_icc_off_needs_rules_for_ipv6_where_the_bridge_has_it(world: World) -> None:
    """Else the containers would go on talking by IPv6."""
    world.bridge("br1", "192.168.6.1/24", ip6tables=False)
    world.run("icc_policy", bridge="br1", icc=False)
    assert world.refuses("docker_bridge", name="br1", fixed_cidr_v6="2001:db8:6::/64").startswith(
        "ip6tables: 'False' contradicts icc: false of bridge br1")
    world.run("icc_policy", bridge="br1", icc=True)
    world.bridge("br1", None, fixed_cidr_v6="2001:db8:6::/64")
    assert world.refuses("icc_policy", bridge="br1", icc=False).startswith(
        "icc: 'False' needs rules, and bridge br1 has ip6tables: false. Say ip6tables: true")


def test_a_link_has_no_part_in_a_family_without_rules(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64", ip6tables=False)
    plan = world.link("web", "db")
    assert {link["address"] for link in plan.after[0]["links"]} == {"192.168.5.3"}
    assert len(world.info()["links"]) == len(plan.after[0]["links"])


def test_links_of_both_families(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    world.run("netns_attach", netns="web", address_v6="2001:db8:5::22")
    world.run("netns_attach", netns="db", address_v6="2001:db8:5::33")
    world.run("icc_policy", config=[{"bridge": "br0", "icc": False}, {"netns": "web", "links": ["db"]}])
    assert "-s 2001:db8:5::22 -d 2001:db8:5::33 -p tcp -m tcp --dport 5432" in chain(world, "ipv6")[0]
    assert ["--icmpv6-type 135" in rule for rule in chain(world, "ipv6")].count(True) == 1
    assert world.run("icc_policy", netns="web", links=["db"]).operations == ()


def forgotten(world: World, module: str, **options) -> list[tuple]:
    return [place for operation in world.run(module, **options).operations if isinstance(operation, ConntrackFlush)
            for place in operation.inward]


def test_udp_that_goes_on_is_forgotten_where_icc_ends_and_where_a_link_goes(world: World) -> None:
    assert forgotten(world, "icc_policy", bridge="br0", icc=False) == [("192.168.5.0/24", 1, 65535)]
    opened = {"netns": "web", "links": ["db"], "exposed_ports": ["53/udp", "6000-6010/udp", "5432"]}
    assert forgotten(world, "icc_policy", **opened) == []
    assert forgotten(world, "icc_policy", **{**opened, "links": ["db:database"]}) == []
    assert forgotten(world, "icc_policy", netns="web", links=["db"]) == [
        ("192.168.5.3", 53, 53), ("192.168.5.3", 6000, 6010)]
    assert forgotten(world, "icc_policy", bridge="br0", icc=True) == []


def test_udp_that_goes_on_is_forgotten_where_rules_begin(world: World) -> None:
    world.bridge(iptables=False)
    assert forgotten(world, "docker_bridge", name="br0", iptables=True) == [("192.168.5.0/24", 1, 65535)]


def test_a_link_that_is_given_twice_is_one(world: World) -> None:
    world.run("icc_policy", netns="web", links=["db:a", "db:a", "db:b"])
    assert len(world.info()["links"]) == len(chain(world)) - 1 == 4
    assert world.bridge().operations == ()


def test_a_link_on_a_bridge_of_somebody_else_is_refused(world: World) -> None:
    world.state.host.links["docker0"] = Link("docker0", "bridge", 50, up=True)
    for number, name in enumerate(("one", "two")):
        world.run("veth_pair", name=f"in{number}", peer={"name": f"out{number}", "bridge": "docker0"})
        world.run("netns_attach", netns=name, interface=f"in{number}", address=f"172.30.0.{number + 2}/16")
    with pytest.raises(MooringError) as caught:
        world.run("icc_policy", netns="one", links=["two"])
    assert str(caught.value) == ("links: one and two are on bridge docker0, which this collection does not manage: "
                                 "attach both to another bridge, or take that one over with docker_bridge adopt=true")


def test_a_link_counts_for_ipv6_once_its_bridge_has_got_it() -> None:
    world = World()
    world.bridge("br0", "10.8.0.1/24")
    world.attach("web", "db", exposed_ports=["5432"])
    world.link("web", "db")
    world.bridge("br0", "10.8.0.1/24", bip6="2001:db8:8::1/64")
    assert "web link db:db 2001:db8:8::3->[2001:db8:8::2]:5432/tcp" in world.info()["links"]
    assert world.link("web", "db").operations == ()


# Targets that are not there


UNKNOWN = "links: container {} is on no bridge that this collection manages: attach it with netns_attach first{}"


def test_a_link_to_a_container_that_its_engine_has_stopped_waits(world: World) -> None:
    """It opens with the next run once the target is there, and keeps nobody else from theirs."""
    world.stopped.add("cache")
    both = [{"netns": "web", "links": ["cache", "db"]}, {"netns": "db", "links": ["web"], "exposed_ports": ["80"]}]
    plan = world.run("icc_policy", config=both)
    assert plan.warnings[0] == (
        "config[0] (netns web): the link from web to cache waits for cache, which is not there") and plan.operations
    assert {link["container"] for link in plan.after[0]["links"]} == {"db"}
    assert {link["container"] for link in plan.after[1]["links"]} == {"web"}
    assert world.run("icc_policy", config=both).operations == ()
    world.start("cache")
    world.run("netns_attach", container="cache", exposed_ports=["6379"])
    plan = world.run("icc_policy", config=both)
    assert {link["container"] for link in plan.after[0]["links"]} == {"cache", "db"} and plan.warnings == ()


def test_a_link_whose_target_stops_is_kept_and_waits(world: World) -> None:
    world.start("cache")
    world.run("netns_attach", container="cache", exposed_ports=["6379"])
    world.link("web", "cache", "db")
    world.stop("cache")
    assert world.bridge("br1", "192.168.6.1/24").warnings == ()
    for known in (True, False):  # to the engine; what is on record tells as well
        world.stopped = {"cache"} if known else set()
        plan = world.link("web", "cache:cache", "db")
        assert plan.warnings == ("the link from web to cache waits for cache, which is not there",)
    world.start("cache")
    world.run("netns_attach", container="cache", bridge="br0", exposed_ports=["6379"])
    assert [link for link in world.info()["links"] if "web link cache" in link]


def test_a_link_to_nobody_is_refused_with_who_may_be_meant(world: World) -> None:
    world.attach("database")
    assert world.refuses("icc_policy", netns="web", links=["databse"]) == UNKNOWN.format(
        "databse", ". Did you mean database?")
    assert world.refuses("icc_policy", netns="web", links=["xyz"]) == UNKNOWN.format("xyz", "")
    world.start("running")  # and on no bridge
    assert world.refuses("icc_policy", netns="web", links=["running"]).startswith(UNKNOWN.format("running", ""))
    plan = world.check("icc_policy", netns="web", links=["databse"])
    assert [assumption.task for assumption in plan.assumed] == ["attaches container databse"]


WEB = "networks[0] (br0): containers[0] (web): "


def test_a_stopped_target_in_a_document(world: World) -> None:
    """The container that is not there is told, the link waits, and the rest is done."""
    world.stopped.add("cache")
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "containers": [
        {"name": "web", "links": ["cache"]}, {"name": "late"}, {"name": "cache", "container": "cache"}]}]
    with pytest.raises(Failed) as caught:
        world.document(networks)
    assert set(caught.value.plan.failed) == {"cache"} and "eth0" in world.state.namespaces["/run/netns/late"].links
    assert WEB + "the link from web to cache waits for cache, which is not there" in caught.value.plan.warnings
    world.start("cache")
    plan = world.document(networks)
    assert not any("waits" in warning for warning in plan.warnings)
    assert [link.partition(" ")[0] for link in world.info()["links"]] == ["web"]


def test_a_waiting_link_is_kept_for_when_the_host_comes_back(world: World) -> None:
    world.document([{"name": "br0", "bip": "192.168.5.1/24", "containers": [{"name": "web"}, {"name": "db"}]}],
                   persist=True)
    world.stopped.add("cache")
    world.run("icc_policy", netns="web", links=["cache", "db"])
    assert '"links": ["cache", "db"]' in world.state.lasting["applied.json"]
    world.run("netns_attach", netns="db", state="absent")
    assert '"links": ["cache"]' in world.state.lasting["applied.json"]


@pytest.mark.parametrize(("containers", "message"), [
    ([{"name": "web", "links": ["db:sql"]}, {"name": "db", "state": "absent"}],
     WEB + "links: 'db:sql' leads nowhere: container db is on no bridge, since the document takes it away"),
    ([{"name": "web", "links": ["side"]}, {"name": "db"}, {"name": "side", "network_mode": "container:db"}],
     WEB + "links: 'side' leads to side, which has network_mode 'container:db' and no interface of its own. "
     "Link db, whose network it shares"),
    ([{"name": "web", "links": ["boxed"]}, {"name": "boxed", "network_mode": "host"}],
     WEB + "links: 'boxed' leads to boxed, which has network_mode 'host' and no interface of its own. Leave"),
])
def test_a_link_that_the_document_contradicts(world: World, containers: list, message: str) -> None:
    assert world.document_refuses([{"name": "br0", "bip": "192.168.5.1/24", "containers": containers}]
                                  ).startswith(message)


def test_a_link_to_what_an_exclusive_document_does_not_name(world: World) -> None:
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "containers": [
        {"name": "web", "links": ["database"]}, {"name": "databases"}]}]
    world.attach("database")
    world.document(networks)
    assert world.document_refuses(networks, exclusive=True) == (
        WEB + "links: 'database' leads to database, which is not in the document, and what is not in it goes "
        "(exclusive). Did you mean databases?")
