# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe of Docker's documentation for a container without network, as a playbook and as single tasks."""
import pytest
from containers import Engine, box, once, play
from pipeline import PipelineError
from traffic import Place, Servers, ask, expect_answers, expect_closed

PLAYBOOK = "mooring.net.manual_wiring"
GATEWAY, ADDRESS, PEER = "172.17.42.1", "172.17.42.99", "172.17.42.98"
BRIDGE = f"ip link add docker0 type bridge; ip address add {GATEWAY}/16 dev docker0; ip link set docker0 up"


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request):
    """An engine, and a bridge docker0 that somebody else made."""
    with box("docker") as found:
        engine = Engine(found, request.param)
        found.sh(BRIDGE)
        found.servers.serve(found.place, "box", (2222,))
        yield engine


@once
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_the_playbook_wires_a_container_step_by_step(engine):
    here = engine.here
    variables = {"wiring_engine": engine.program}
    engine.start("web")
    output, recap = play(here, PLAYBOOK, "--check", **variables)
    assert recap["failed"] == 0 and recap["changed"] == 2, output
    assert here.link("A") is None and not here.exists("/run/netns/web")

    output, recap = play(here, PLAYBOOK, **variables)
    assert (recap["failed"], recap["changed"]) == (0, 2), output
    assert here.ports("docker0") == ["A"] and here.link("A")["flags"].count("UP") == 1
    assert here.link("B") is None and here.addresses("docker0") == [f"{GATEWAY}/16"]
    assert here.inode("/run/netns/web") == here.inode(engine.netns("web"))
    with Servers() as servers:
        servers.serve(engine.place("web"), "web", (80,))
        expect_answers(((here.place, "tcp", ADDRESS, 80), "web:80", GATEWAY),
                       ((engine.place("web"), "tcp", GATEWAY, 2222), "box:2222", ADDRESS))
    assert f"default via {GATEWAY} dev eth0" in engine("exec", "web", "ip", "route")

    output, recap = play(here, PLAYBOOK, **variables)
    assert (recap["failed"], recap["changed"]) == (0, 0), output

    engine.remove("web")
    here.gone(["A"])
    assert here.ports("docker0") == []
    output, recap = play(here, PLAYBOOK, **variables)
    assert recap["failed"] == 1 and here.link("A") is None and here.link("B") is None, output
    message = " ".join(output.split())
    assert "Container web is not running, and nothing of its wiring is left. Start it with the network none" in message
    assert f"{engine.program} says:" in message
    assert not here.exists("/run/netns/web") and not here.exists("/run/mooring")


@once
def test_the_steps_wire_a_container_again_that_came_back(engine):
    here = engine.here
    engine.start("back")
    steps = (("veth_pair", STEPS["pair"]), ("netns_attach", {**STEPS["move"], "netns": None, "container": "back"}))
    for module, params in steps:
        here.run(module, **params)
    engine.restart("back")
    here.gone(["A"])
    for module, params in steps:
        assert here.run(module, **params)["changed"]
    assert all(here.unchanged(module, **params) for module, params in steps)
    expect_answers(((engine.place("back"), "tcp", GATEWAY, 2222), "box:2222", ADDRESS))
    here.run("netns_attach", container="back", state="absent")


@once
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_the_same_in_one_task(engine):
    here = engine.here
    engine.start("single")
    arguments = {"wiring_engine": engine.program, "wiring_container": "single", "wiring_address": f"{PEER}/16"}
    here.run("docker_bridge", name="docker0", adopt=True, allow_overlap=True)
    output, recap = play(here, PLAYBOOK, "--tags=one_task", **arguments)
    assert (recap["failed"], recap["changed"]) == (0, 1), output
    assert here.link("A") is None is here.link("B") and len(here.ports("docker0")) == 1
    expect_answers(((engine.place("single"), "tcp", GATEWAY, 2222), "box:2222", PEER))
    output, recap = play(here, PLAYBOOK, "--tags=one_task", **arguments)
    assert (recap["failed"], recap["changed"]) == (0, 0), output
    here.run("netns_attach", container="single", state="absent")
    here.run("docker_bridge", name="docker0", state="absent")
    assert here.addresses("docker0") == [f"{GATEWAY}/16"]


# The parts


@pytest.fixture(scope="module")
def here():
    with box() as found:
        found.sh(BRIDGE)
        found.servers.serve(found.place, "box", (2222,))
        yield found


STEPS = {"pair": {"name": "A", "bridge": "docker0", "peer": {"name": "B"}},
         "move": {"netns": "web", "interface": "B", "address": f"{ADDRESS}/16", "gateway": GATEWAY}}


def test_an_existing_end_is_moved_in(here):
    here.run("veth_pair", **STEPS["pair"])
    before = here.link("A")["ifindex"]
    mac = here.link("B")["address"]
    endpoint = here.run("netns_attach", **STEPS["move"])["endpoint"]
    assert (endpoint["host_interface"], endpoint["bridge"], endpoint["gateway"]) == ("A", "docker0", GATEWAY)
    assert here.link("A")["ifindex"] == before and here.ports("docker0") == ["A"]
    assert here.link("eth0", "web")["address"] == "02:42:ac:11:2a:63" != mac
    assert here.unchanged("veth_pair", **STEPS["pair"]) and here.unchanged("netns_attach", **STEPS["move"])
    expect_answers(((Place(here.host, "web"), "udp", GATEWAY, 2222), "box:2222", ADDRESS))
    here.run("netns_attach", netns="web", state="absent")
    assert here.link("A") is None and here.ports("docker0") == []


def test_a_pair_can_be_taken_back_by_its_own_name(here):
    here.run("veth_pair", **STEPS["pair"])
    here.run("netns_attach", **STEPS["move"])
    here.run("veth_pair", **STEPS["pair"], state="absent")
    assert here.link("A") is None and here.link("eth0", "web") is None
    here.run("netns_attach", netns="web", state="absent")


@pytest.mark.parametrize(("make", "message"), [
    ("ip link add B type bridge", "is not an end of a pair that veth_pair made"),
    ("ip link add C type veth peer name B", "is not an end of a pair that veth_pair made"),
    ("true", "interface B does not exist on the host: create it with veth_pair first"),
])
def test_what_is_not_ours_is_not_moved(here, make, message):
    here.sh(make)
    with pytest.raises(PipelineError, match=message):
        here.run("netns_attach", **STEPS["move"])
    here.sh("ip link delete B 2>/dev/null || true")
    assert not here.exists("/run/netns/web")


def test_a_foreign_bridge_needs_a_prefix_length(here):
    here.run("veth_pair", **STEPS["pair"])
    with pytest.raises(PipelineError, match=f"address: '{ADDRESS}' lacks a prefix length"):
        here.run("netns_attach", **{**STEPS["move"], "address": ADDRESS})
    here.run("veth_pair", **STEPS["pair"], state="absent")


# Point to point

PAIRS = {
    "30": (["10.1.1.1/30"], [], ["10.1.1.2/30"], []),
    "31": (["10.1.1.0/31"], [], ["10.1.1.1/31"], []),
    "32": (["10.1.1.1/32"], [{"destination": "10.1.1.2/32"}], ["10.1.1.2/32"],
           [{"destination": "10.1.1.1/32"}]),
    "127": (["2001:db8::/127"], [], ["2001:db8::1/127"], []),
}


@pytest.mark.parametrize("length", PAIRS)
def test_two_containers_are_joined_without_a_bridge(here, length):
    here.run("netns_attach", config=[{"netns": "web"}, {"netns": "db"}], network_mode="none")
    first, first_routes, second, second_routes = PAIRS[length]
    pair = {"name": "to-db", "netns": "web", "addresses": first, "routes": first_routes,
            "peer": {"name": "to-web", "netns": "db", "addresses": second, "routes": second_routes}}
    here.run("veth_pair", **pair)
    assert here.unchanged("veth_pair", **pair)
    web, db = Place(here.host, "web"), Place(here.host, "db")
    a, b = first[0].split("/")[0], second[-1].split("/")[0]
    # The kernel takes a moment to let packets through a link that has just come up; a single datagram would be lost.
    for name, address in (("web", b), ("db", a)):
        here.sh(f"nsenter --net=/run/netns/{name} ping -qc1 -i0.2 -w5 {address}")
    with Servers() as servers:
        for place, name, address in ((web, "web", a), (db, "db", b)):
            servers.serve(place, name, (80,), address)
        expect_answers(((web, "tcp", b, 80), "db:80", a), ((db, "tcp", a, 80), "web:80", b),
                       ((web, "udp", b, 80), "db:80", a), ((db, "udp", a, 80), "web:80", b))
        expect_closed(servers, (here.place, "tcp", a, 80), (here.place, "tcp", b, 80))
    here.run("veth_pair", **pair, state="absent")
    assert [found["ifname"] for name in ("web", "db") for found in here.json("link", netns=name)] == ["lo", "lo"]
    assert {answer.outcome for answer in ask((web, "udp", b, 80), seconds=0.2)} != {"answered"}
    here.run("netns_attach", config=[{"netns": "web"}, {"netns": "db"}], network_mode="none", state="absent")


@once
def test_two_running_containers_are_joined_without_a_bridge(engine):
    here = engine.here
    for name in ("left", "right"):
        engine.start(name)
    pair = {"name": "to-right", "container": "left", "addresses": ["10.1.1.1/30"],
            "peer": {"name": "to-left", "container": "right", "addresses": ["10.1.1.2/30"]}}
    here.run("veth_pair", **pair)
    assert here.unchanged("veth_pair", **pair)
    here.sh(f"nsenter --net={engine.netns('left')} ping -qc1 -W5 10.1.1.2")
    here.sh(f"nsenter --net={engine.netns('right')} ping -qc1 -W5 10.1.1.1")
    engine.restart("right")
    here.run("veth_pair", **pair)
    here.sh(f"nsenter --net={engine.netns('left')} ping -qc1 -W5 10.1.1.2")
    engine.remove("right")
    with pytest.raises(PipelineError, match="container: 'right' is not a running container"):
        here.run("veth_pair", **pair)
