# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand endpoints come in one task and go in one."""
import pytest
from containers import box, once
from traffic import Place, Servers, expect_answers
from worlds import picture

COUNT, FEWER = 1000, 200
TRIED = (0, 1, 499, 999)


@pytest.fixture(scope="module")
def here():
    with box() as found:
        yield found


@once
def test_a_thousand_endpoints(here):
    before = picture(here.host)
    here.run("docker_bridge", name="br0", bip="172.17.0.1/16")
    config = [{"netns": f"c{number}"} for number in range(COUNT)]
    result = here.run("netns_attach", config=config)
    given = [endpoint["address"] for endpoint in result["endpoints"]]
    assert given[0] == "172.17.0.2/16" and given[-1] == "172.17.3.233/16" and len(set(given)) == COUNT
    assert len(here.ports("br0")) == COUNT
    assert len(here.sh("ls /run/netns").split()) == COUNT
    with Servers() as servers:
        for number in TRIED:
            servers.serve(Place(here.host, f"c{number}"), f"c{number}", (80,))
        calls = []
        for number, other in zip(TRIED, TRIED[1:] + TRIED[:1]):
            address, peer = (given[each].split("/")[0] for each in (number, other))
            calls += [((here.place, "tcp", address, 80), f"c{number}:80", "172.17.0.1"),
                      ((Place(here.host, f"c{other}"), "tcp", address, 80), f"c{number}:80", peer)]
        expect_answers(*calls)
    assert here.unchanged("netns_attach", config=config)
    here.run("port_publish", config=[{"container": f"c{number}", "published_ports": [f"{10000 + number}:80"]}
                                     for number in range(COUNT)])
    found = here.run("network_info")["network"]
    assert (len(found["endpoints"]), len(found["published_ports"]), found["drift"]) == (COUNT, COUNT, [])
    # The bridge changes, and all of them follow.
    here.run("docker_bridge", name="br0", bip="172.18.0.1/16", mtu=1400)
    assert here.addresses("eth0", "c999") == ["172.18.3.233/16"] and here.link("eth0", "c0")["mtu"] == 1400
    here.run("netns_attach", config=config, state="absent")
    assert here.ports("br0") == [] and here.registered() == []
    assert here.run("network_info")["network"]["published_ports"] == []
    here.run("docker_bridge", name="br0", state="absent")
    after = picture(here.host)
    assert {part for part in before if before[part] != after[part]} <= {"files"}


@once
def test_a_bridge_goes_with_all_of_its_endpoints(here):
    here.run("docker_bridge", name="br0", bip="172.17.0.1/16")
    here.run("netns_attach", config=[{"netns": f"c{number}", "bridge": "br0"} for number in range(FEWER)])
    here.run("docker_bridge", name="br0", state="absent", force=True)
    assert [found["ifname"] for found in here.json("link")] == ["lo"]
    assert [found["ifname"] for found in here.json("link", netns=f"c{FEWER - 1}")] == ["lo"]
    here.run("netns_attach", config=[{"netns": f"c{number}"} for number in range(FEWER)], state="absent")
    assert here.registered() == []
