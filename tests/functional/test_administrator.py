# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain of the administrator before all rules: its verdicts decide, and nothing that is done here touches it."""
import pytest
from containers import once
from traffic import expect_answers, expect_closed
from worlds import ADDRESSES, BACKENDS, BOX, BOX6, FORWARDING, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, sysctl, world

pytestmark = once
FOLDER = "/var/lib/mooring"
FAMILY = {"iptables": "ipv4", "ip6tables": "ipv6"}
WEB, ROUTED = ADDRESSES["web"], ADDRESSES["routed"]
CLIENTS = {"iptables": (OUTSIDE, BOX, WEB[0], ROUTED[0]), "ip6tables": (OUTSIDE6, BOX6, WEB[1], ROUTED[1])}
NETWORKS = [
    {"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64", "user_chain": True, "containers": [
        {"name": "web", "address": WEB[0], "address_v6": WEB[1], "published_ports": ["8080:80"]}]},
    {"name": "plain", "bip": "10.30.0.1/24", "bip6": "2001:db8:30::1/64", "gateway_mode": "routed", "containers": [
        {"name": "routed", "address": ROUTED[0], "address_v6": ROUTED[1], "published_ports": ["80/tcp"]}]}]


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in FORWARDING:
            sysctl(found.box, name, 1)
        play(found)
        found.serve(found.container("web"), "web", (80,))
        found.serve(found.container("routed"), "routed", (80, 81))
        yield found


def play(here, **more):
    return here.pipeline.run("host_network", networks=NETWORKS, persist=True, **more)


def each(here, *lines):
    """The same rules of the administrator in both families, with the words of each."""
    for program, (client, _box, _web, routed) in CLIENTS.items():
        for line in lines:
            here.box.run([program, *line.format(client=client, routed=routed).split()])


def listed(here):
    return [here.box.run([program, "-S", "MOORING-USER"], check=False).stdout.splitlines() for program in FAMILY]


def first(here):
    """Where the first rule of our own chain leads to."""
    return [here.box.run([program, "-S", "MOORING-FORWARD"]).stdout.splitlines()[1].rpartition(" -j ")[2]
            for program in FAMILY]


RULES = ("-A MOORING-USER -s {client} -p tcp --dport 80 -j DROP",
         "-A MOORING-USER -s {client} -d {routed} -p tcp --dport 81 -j ACCEPT")


def has_rules(here):
    return [len(lines) == 1 + len(RULES) for lines in listed(here)] == [True, True]


def outside(here, address, port):
    return here.outside, "tcp", address, port


def expect_verdicts(here):
    """The administrator closes what is published and opens what is not, for one client and nobody else."""
    for client, box, _web, routed in CLIENTS.values():
        expect_closed(here.servers, outside(here, box, 8080), outside(here, routed, 80),
                      (here.neighbour, "tcp", routed, 81))
        expect_answers((outside(here, routed, 81), "routed:81", client))
    expect_answers(((here.neighbour, "tcp", BOX, 8080), "web:80", NEIGHBOUR),
                   ((here.neighbour, "tcp", BOX6, 8080), "web:80", NEIGHBOUR6))


def test_its_rules_decide_and_stay(here):
    assert listed(here) == [["-N MOORING-USER"]] * 2 and first(here) == ["MOORING-USER"] * 2
    for client, box, _web, routed in CLIENTS.values():
        expect_answers((outside(here, box, 8080), "web:80", client), (outside(here, routed, 80), "routed:80", client))
        expect_closed(here.servers, outside(here, routed, 81))
    each(here, *RULES)
    assert not play(here)["changed"]
    expect_verdicts(here)
    here.pipeline.run("docker_bridge", name="other", bip="10.99.0.1/24")
    here.pipeline.run("docker_bridge", name="other", state="absent")
    assert has_rules(here)
    expect_verdicts(here)


def test_the_jump_comes_back(here):
    each(here, "-F MOORING-FORWARD")
    drift = here.pipeline.run("network_info")["network"]["drift"]
    assert any("repair rules" in each for each in drift), drift
    here.pipeline.run("docker_bridge", name="plain")
    assert first(here) == ["MOORING-USER"] * 2 and has_rules(here)
    each(here, "-D MOORING-FORWARD 1")
    play(here)
    assert first(here) == ["MOORING-USER"] * 2
    expect_verdicts(here)


def load(here, file="gate"):
    """What the unit of the gate does with the table filter; the exit status of each program."""
    return [here.box.run([f"{program}-restore", "--noflush", "-w", "30", "-T", "filter", f"{FOLDER}/{file}.{family}"],
                         check=False).returncode for program, family in FAMILY.items()]


def guard(here):
    return [here.box.run([f"{program}-restore", "--noflush", "-w", "30", f"{FOLDER}/guard.{family}"],
                         check=False).returncode for program, family in FAMILY.items()]


@pytest.mark.parametrize("restored", [True, False])
def test_the_gate_takes_what_the_administrator_has_put_back(here, restored):
    """As iptables-persistent does before the gate when a host starts; else the gate makes the chain."""
    each(here, *(["-F", "-X"] if restored else ["-F MOORING-USER", "-F", "-X"]))
    if restored:
        each(here, "-N MOORING-USER", *RULES)
    assert [code == 0 for code in load(here)] == [not restored] * 2
    assert [code == 0 for code in load(here, "user")] == [restored] * 2
    assert first(here) == ["MOORING-USER"] * 2 and has_rules(here) == restored
    assert [load(here)[0] != 0, load(here, "user")[0] != 0] == [True, True], "loaded twice"
    if restored:
        for _client, _box, _web, routed in CLIENTS.values():
            expect_closed(here.servers, outside(here, routed, 80))
    play(here)
    assert has_rules(here) == restored and guard(here) == [0, 0]
    each(here, "-D MOORING-FORWARD 1")
    assert all(guard(here))
    play(here)
    if not restored:
        each(here, *RULES)
    expect_verdicts(here)


def test_it_goes_when_it_is_empty_and_nobody_asks_for_it(here):
    front = {"name": "front", "user_chain": False}
    here.pipeline.run("docker_bridge", **front)
    assert has_rules(here) and "MOORING-USER" not in first(here)
    for client, box, _web, _routed in CLIENTS.values():
        expect_answers((outside(here, box, 8080), "web:80", client))
    each(here, "-F MOORING-USER", "-X MOORING-USER")
    play(here)
    assert listed(here) == [["-N MOORING-USER"]] * 2
    each(here, "-A FORWARD -j MOORING-USER")
    here.pipeline.run("docker_bridge", **front)
    assert listed(here) == [["-N MOORING-USER"]] * 2, "somebody else uses it"
    each(here, "-D FORWARD -j MOORING-USER", "-X MOORING-USER")
    play(here)
    here.pipeline.run("host_network", networks=[], exclusive=True, persist=False)
    assert listed(here) == [[], []]
