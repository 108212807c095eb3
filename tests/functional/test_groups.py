# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface group by which rules know what is under way: with it, without it, and with the wrong interfaces in it,
the same is open and the same is closed.
"""
import pytest
from containers import once
from test_former_rules import build, leave_group, replace_rules, serve, try_packets
from traffic import Connection, expect_answers, expect_closed
from worlds import ADDRESSES, BACKENDS, BRIDGES, OUTSIDE, OUTSIDE6, world

pytestmark = once

PROGRAMS = ("iptables", "ip6tables")
GROUP = "1836019570"
ALIEN, ALIEN6 = "10.77.0.10", "2001:db8:77::10"


def hide_match(host):
    """iptables without its match devgroup, as on a host where that is a package of its own."""
    host.run(["sh", "-ec", "mkdir /hidden; mv $(find /usr/lib -name 'libxt_devgroup.so') /hidden"])


def show_match(host):
    host.run(["sh", "-ec", "mv /hidden/* $(dirname $(find /usr/lib -name 'libxt_conntrack.so'))"])


def asking(found, program):
    """What iptables-save shows of the rules that ask for a group, with how many packets each had."""
    lines = found.box.run([f"{program}-save", "-c", "-t", "filter"]).stdout.splitlines()
    return {line.split("-m devgroup --")[1].split()[0]: int(line[1:line.index(":")])
            for line in lines if "devgroup" in line}


def group_of(found, name):
    return found.box.run(["cat", f"/sys/class/net/{name}/netdev_group"]).stdout.strip()


@pytest.fixture(params=BACKENDS)
def former(request):
    """A host with rules that do not ask for a group, and bridges in none."""
    with world(request.param) as found:
        hide_match(found.box)
        build(found)
        serve(found)
        yield found


def test_without_the_match_all_is_open_and_closed_and_the_next_run_with_it_opens_and_closes_nothing(former):
    here = former
    assert not any(asking(here, program) for program in PROGRAMS)
    assert here.pipeline.run("docker_bridge", name="front")["operations"] == []
    try_packets(here)
    leave_group(here)
    show_match(here.box)
    replace_rules(here, ("filter",))
    for program in PROGRAMS:
        assert set(asking(here, program)) == {"src-group", "dst-group"}
    assert {group_of(here, name) for name in BRIDGES} == {GROUP}


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        build(found)
        serve(found)
        run = found.box.run
        # With more than three bridges and a way to the outside, rules know that way before the names of bridges.
        for address in (OUTSIDE, OUTSIDE6):
            run(["ip", "route", "add", "default", "via", address])
        found.pipeline.run("docker_bridge", name="more", bip="10.60.0.1/24")
        for program in PROGRAMS:
            assert "to the outside by eth0" in run([f"{program}-save"]).stdout
        run(["ip", "netns", "add", "alien"])
        run(["ip", "-batch", "-"], input="""
link add alien0 type bridge
addr add 10.77.0.1/24 dev alien0
addr add 2001:db8:77::1/64 dev alien0 nodad
link set alien0 up
link add av0 master alien0 up type veth peer name eth0 netns alien
""")
        run(["ip", "-n", "alien", "-batch", "-"], input=f"""
addr add {ALIEN}/24 dev eth0
addr add {ALIEN6}/64 dev eth0 nodad
link set eth0 up
route add default via 10.77.0.1
route add default via 2001:db8:77::1
""")
        found.serve(found.container("alien"), "alien", (80, 81))
        expect_answers(((found.outside, "tcp", ALIEN, 80), "alien:80", OUTSIDE),
                       ((found.outside, "tcp", ALIEN6, 80), "alien:80", OUTSIDE6))
        for program in PROGRAMS:
            run([program, "-P", "FORWARD", "DROP"])
        yield found


@pytest.fixture
def settled(here):
    """The host as a run leaves it."""
    for name in ("alien0", "av0"):
        here.box.run(["ip", "link", "set", name, "group", "default"])
    here.pipeline.run("docker_bridge", name="front")
    assert here.pipeline.run("docker_bridge", name="front")["operations"] == []
    return here


def test_what_is_under_way_passes_by_the_group_and_meets_no_lookup(settled):
    for program, address in (("iptables", OUTSIDE), ("ip6tables", OUTSIDE6)):
        with Connection(settled.outside, 7777, settled.container("web"), address, 7777) as kept:
            assert kept.lives()
            before, looked_up = asking(settled, program), _looked_up(settled, program)
            for _word in range(5):
                assert kept.lives()
            after = asking(settled, program)
            assert all(after[way] >= before[way] + 5 for way in ("src-group", "dst-group")), (before, after)
            assert _looked_up(settled, program) == looked_up


def _looked_up(found, program):
    """How many packets the rules behind those by group have decided about."""
    lines = found.box.run([f"{program}-save", "-c", "-t", "filter"]).stdout.splitlines()
    return sum(int(line[1:line.index(":")]) for line in lines
               if " -A MOORING-IN-" in line or " -A MOORING-ONWARD" in line)


@pytest.mark.parametrize("group", ["default", "77"])
def test_a_bridge_that_is_taken_out_is_as_open_and_as_closed_as_before(settled, group):
    with Connection(settled.outside, 7777, settled.container("web"), OUTSIDE, 7777) as kept:
        for name in BRIDGES:
            settled.box.run(["ip", "link", "set", name, "group", group])
        before = asking(settled, "iptables")
        try_packets(settled)
        assert kept.lives() and asking(settled, "iptables") == before, "no rule by group has matched"
        actions = settled.pipeline.run("netns_attach", netns="web")["operations"]
        assert [action.split(":")[0] for action in actions] == [f"set {name}" for name in sorted(BRIDGES)]
        try_packets(settled)
        assert kept.lives()


@pytest.mark.parametrize("name", ["alien0", "av0"])
def test_a_bridge_of_others_in_the_group_opens_nothing_and_the_next_run_does_without_it(settled, name):
    closed = [(place, protocol, address, port) for place in (settled.outside, settled.container("web"))
              for protocol, port in (("tcp", 80), ("udp", 81)) for address in (ALIEN, ALIEN6)]
    closed += [(settled.container("alien"), protocol, address, 80) for protocol in ("tcp", "udp") for address in (
        OUTSIDE, OUTSIDE6, *ADDRESSES["web"], *ADDRESSES["source"])]
    expect_closed(settled.servers, *closed)
    settled.box.run(["ip", "link", "set", name, "group", GROUP])
    expect_closed(settled.servers, *closed)
    try_packets(settled)
    assert [action.split(":")[0] for action in settled.pipeline.run("docker_bridge", name="front")["operations"]] == [
        "ipv4 filter table", "ipv6 filter table"]
    assert not any(asking(settled, program) for program in PROGRAMS) and group_of(settled, name) == GROUP
    expect_closed(settled.servers, *closed)
    try_packets(settled)


def test_a_bridge_that_gives_its_rules_up_leaves_the_group(settled):
    run = settled.pipeline.run
    run("docker_bridge", name="other", bip="10.50.0.1/24")
    assert group_of(settled, "other") == GROUP
    run("docker_bridge", name="other", ip6tables=False)
    assert group_of(settled, "other") == "0"
    run("docker_bridge", name="other", state="absent")
    try_packets(settled)
