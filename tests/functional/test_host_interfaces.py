# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are published on an interface: who reaches them is who would reach them on its addresses."""
import pytest
from containers import once
from traffic import ask, expect_answers
from worlds import (
    ADDRESSES, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, FORWARDING, FRONT, FRONT6, NEIGHBOUR, NEIGHBOUR6,
    OUTSIDE, OUTSIDE6, sysctl, world,
)

pytestmark = once
WEB, SHOP = ADDRESSES["web"], ADDRESSES["shop"]
MORE, MORE6 = "198.51.100.77", "2001:db8:51::77"
PORTS = ["eth0:8080:80", "eth0:8080:80/udp"]


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in FORWARDING:
            sysctl(found.box, name, 1)
        found.pipeline.run("host_network", networks=[{
            "name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64", "containers": [
                {"name": "web", "address": WEB[0], "address_v6": WEB[1], "published_ports": PORTS},
                {"name": "shop", "address": SHOP[0], "address_v6": SHOP[1]}]}])
        for name in ("web", "shop"):
            found.serve(found.container(name), name, (80,))
        yield found


def publish(here, *ports):
    return here.pipeline.run("port_publish", netns="web", published_ports=list(ports or PORTS))


def outcomes(here, *calls):
    return [answer.outcome for answer in ask(*calls, seconds=0.5)]


def test_the_addresses_of_the_interface_and_no_others(here):
    for protocol in ("tcp", "udp"):
        expect_answers(
            ((here.outside, protocol, BOX, 8080), "web:80", OUTSIDE),
            ((here.outside, protocol, BOX6, 8080), "web:80", OUTSIDE6),
            # The address counts, and not the interface that a packet comes in by.
            ((here.neighbour, protocol, BOX, 8080), "web:80", NEIGHBOUR),
            ((here.neighbour, protocol, BOX6, 8080), "web:80", NEIGHBOUR6),
            ((here.container("shop"), protocol, BOX, 8080), "web:80", FRONT),
            ((here.container("shop"), protocol, BOX6, 8080), "web:80", FRONT6),
            ((here.container("web"), protocol, BOX, 8080), "web:80", FRONT))
    answers = ask((here.host, "tcp", BOX, 8080), (here.host, "tcp", BOX6, 8080))
    assert [answer.server for answer in answers] == ["web:80"] * 2
    assert "answered" not in outcomes(
        here, (here.neighbour, "tcp", BOX_NEIGHBOUR, 8080), (here.neighbour, "tcp", BOX_NEIGHBOUR6, 8080),
        (here.host, "tcp", "127.0.0.1", 8080))
    assert not publish(here)["changed"]


def test_it_follows_what_the_interface_has(here):
    for address in (f"{MORE}/24", f"{MORE6}/64"):
        here.box.run(["ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else [])])
    calls = [(here.outside, protocol, address, 8080) for protocol in ("tcp", "udp") for address in (MORE, MORE6)]
    assert "answered" not in outcomes(here, *calls)
    drift = here.pipeline.run("network_info")["network"]["drift"]
    assert drift == [f"publish eth0:8080/{protocol} -> web:80 at {new} (was {old})"
                     for new, old in ((MORE, BOX), (MORE6, BOX6)) for protocol in ("tcp", "udp")]
    here.pipeline.run("docker_bridge", name="front")  # a task about something else
    for call in calls:
        expect_answers((call, "web:80", OUTSIDE6 if ":" in call[2] else OUTSIDE))
    for address in (f"{MORE}/24", f"{MORE6}/64"):
        here.box.run(["ip", "address", "delete", address, "dev", "eth0"])
    here.pipeline.run("docker_bridge", name="front")
    network = here.pipeline.run("network_info")["network"]
    assert network["drift"] == [] and not any("77" in each.partition("->")[0] for each in network["published_ports"])


def test_an_interface_that_comes_later(here):
    said = publish(here, *PORTS, "late0:8081:80")
    assert [each for each in said["warnings"] if "on interface late0, which is not there" in each]
    assert not publish(here, *PORTS, "late0:8081:80")["changed"]
    here.box.run(["sh", "-ec", "ip link add late0 type veth peer name late1; ip link set late0 up\n"
                               "ip link set late1 up; ip address add 10.66.0.1/24 dev late0"])
    assert here.pipeline.run("docker_bridge", name="front")["changed"]
    expect_answers(((here.outside, "tcp", "10.66.0.1", 8081), "web:80", OUTSIDE))
    here.box.run(["ip", "link", "delete", "late0"])
    publish(here)
