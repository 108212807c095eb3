# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand published ports on a live container: one transaction each, and nobody else's connection suffers."""
import itertools
import re

import pytest
from containers import once
from traffic import Connection, Flow, expect_answers, expect_closed
from worlds import ADDRESSES, BACKENDS, BOX, BOX6, FRONT, FRONT6, OUTSIDE, OUTSIDE6, world

FIRST, COUNT = 20000, 10000
OUTER = ((BOX, OUTSIDE), (BOX6, OUTSIDE6))


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        found.pipeline.run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
        found.pipeline.run("netns_attach", config=[
            {"netns": name, "address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1]}
            for name in ("web", "shop")])
        yield found


def publish(here, ports, netns="web"):
    """Publish ``{host port: container port}`` and some udp: the actions. Most are for IPv4 only, to save time."""
    wanted = [f"{'0.0.0.0:' if FIRST + 100 < host < FIRST + COUNT - 100 else ''}{host}:{inside}"
              for host, inside in ports.items()] + ["5353:53/udp", "20001:54/udp"]
    return here.pipeline.run("port_publish", netns=netns, published_ports=wanted)["operations"]


def chains(actions):
    """What an action of the nat table does, by family."""
    assert all(re.match("(ipv4|ipv6) nat table: |forget ", action) for action in actions), actions
    return {action.split()[0]: action.partition(": ")[2] for action in actions if not action.startswith("forget ")}


@once
def test_one_port_out_of_ten_thousand_comes_changes_and_goes(here):
    ports = {port: port for port in range(FIRST, FIRST + COUNT)}
    first = publish(here, ports)
    # One transaction for each table of each family.
    assert sorted(re.match(r"\w+ \w+ table|set|forget", action)[0] for action in first) == [
        "forget", "forget", "ipv4 nat table", "ipv6 nat table", "set"]
    web, inside = here.container("web"), (FIRST, FIRST + 1, FIRST + 63, FIRST + COUNT - 1)
    here.serve(web, "web", (53, 54), protocols=("udp",))
    here.serve(web, "web", (80, 29999, 7), protocols=("tcp",))
    expect_answers(*(((here.outside, "tcp", box, FIRST + COUNT - 1), "web:29999", peer) for box, peer in OUTER))
    flows = [Flow(here.servers, here.outside, box, port) for box, _peer in OUTER for port in (5353, 20001)]
    live = [Connection(web, port, here.outside, box, port)
            for port, (box, _peer) in itertools.product(inside[:3], OUTER)]
    assert [flow.send() for flow in flows] == ["web:53", "web:54"] * 2
    tracked = _tracked(here)
    assert len(tracked) == len(flows)

    def undisturbed():
        assert all(connection.lives() for connection in live)
        assert _tracked(here) == tracked
        assert [flow.send() for flow in flows] == ["web:53", "web:54"] * 2

    # 20002 has a block of 64 ports in common with those that are in use, 30000 has a chain with the last ones.
    for change, action in (({20002: 80}, "replace MOORING-TCP-19968-20031"),
                           ({30000: 80}, "replace MOORING-TCP-29952-30015"),
                           ({20002: None}, "replace MOORING-TCP-19968-20031")):
        ports = {port: at for port, at in {**ports, **change}.items() if at is not None}
        assert chains(publish(here, ports)) == dict.fromkeys(("ipv4", "ipv6"), action)
        undisturbed()
        calls = [(here.outside, "tcp", box, *change) for box, _peer in OUTER]
        if None in change.values():
            expect_closed(here.servers, *calls)
        else:
            expect_answers(*((call, "web:80", peer) for call, (_box, peer) in zip(calls, OUTER)))
    assert publish(here, ports) == []
    # All but one of them go: what is left goes on.
    publish(here, {inside[1]: inside[1]})
    assert all(connection.lives() for connection in live)
    assert _tracked(here) == tracked
    for ended in (*flows, *live):
        ended.__exit__()


def _tracked(here):
    """The udp connections from outside with the numbers that the kernel gave them, which no other will have."""
    shown = "".join(here.box.run(["conntrack", "-L", "-f", family, "-p", "udp", "-o", "id"], check=False).stdout
                    for family in ("ipv4", "ipv6"))
    return sorted(re.findall(rf"(?m)src=(?:{OUTSIDE}|{OUTSIDE6}) .* (id=\d+)", shown))


def test_every_port_of_a_shifted_range_lands_on_its_own(here):
    """One that crosses the borders of blocks, and one with whole blocks of 1024 in it."""
    near, wide = dict(zip(range(2000, 2090), range(12000, 12090))), (3000, 5200)
    borders = {port: port + 10000 for port in (3000, 3007, 3008, 3071, 3072, 3500, 4095, 4096, 5119, 5120, 5183, 5184,
                                               5200)}
    here.pipeline.run("port_publish", netns="shop", published_ports=[
        f"{first}-{last}:{first + 10000}-{last + 10000}/{protocol}"
        for first, last in ((2000, 2089), wide) for protocol in ("tcp", "udp")])
    rules = here.box.run(["iptables-save", "-t", "nat"]).stdout
    # 2000 to 2089 touch two blocks of 64; from 3000 to 5200 there are two of 1024, and two of 64 on both sides.
    assert rules.count(":2000-2089->") == 2 * 2 and rules.count(":3000-5200->") == 2 * (2 + 2 + 2)
    ports = {**near, **borders}
    here.serve(here.container("shop"), "shop", ports.values())
    for protocol, (box, peer) in itertools.product(("tcp", "udp"), OUTER):
        expect_answers(*(((here.outside, protocol, box, port), f"shop:{at}", peer) for port, at in ports.items()))
    expect_closed(here.servers, *((here.outside, protocol, box, port) for protocol in ("tcp", "udp")
                                  for box, _peer in OUTER for port in (1999, 2090, 2999, 5201)))


def test_sctp_is_published_by_the_same_rules(here):
    """Its packets need a kernel with sctp; its rules need the match only."""
    result = here.pipeline.run("port_publish", netns="shop", published_ports=["5000-5200:6000-6200/sctp", "7:7/sctp"])
    assert result["publication"]["published_ports"][0] == "0.0.0.0:7->192.168.5.11:7/sctp"
    for program, to in (("iptables", "192.168.5.11"), ("ip6tables", r"\[2001:db8:5::11\]")):
        rules = here.box.run([f"{program}-save", "-t", "nat"]).stdout
        assert re.search(rf"-A MOORING-SCTP-0-63 -p sctp -m sctp --dport 7 .* -j DNAT --to-destination {to}:7$", rules,
                         re.MULTILINE)
        assert re.search(rf"-A MOORING-SCTP-5120-5183 .* --to-destination {to}:6000-6200/5000$", rules, re.MULTILINE)
    assert here.pipeline.run("port_publish", netns="shop", published_ports=["5000-5200:6000-6200/sctp", "7:7/sctp"])[
        "actions"] == []
