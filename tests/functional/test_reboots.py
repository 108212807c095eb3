# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that starts again: everything is gone but the rules, which iptables-persistent or the like puts back."""
import pytest
from pipeline import PipelineError
from traffic import expect_answers, expect_closed
from worlds import BACKENDS, BOX, BOX6, OUTSIDE, OUTSIDE6, world

PROGRAMS = ("iptables", "ip6tables")


@pytest.fixture(params=BACKENDS)
def here(request):
    with world(request.param) as found:
        yield found


def network(*names):
    return [{"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64", "containers": [
        {"name": name, "published_ports": [f"808{number}:80", "127.0.0.1::443"]} for number, name in enumerate(names)]}]


def end(here, *names):
    """Containers end. The kernel ends their pairs some time after their namespaces."""
    here.box.run(["sh", "-ec", f"for name in {' '.join(names)}; do ip netns delete $name; done; "
                               "while ip link | grep -Eq 'alias mooring:endpoint:(" + "|".join(names) + "):'; "
                               "do sleep 0.02; done"])


def start_again(here, *names):
    """What a start of the host leaves of it."""
    saved = {program: here.box.run([f"{program}-save"]).stdout for program in PROGRAMS}
    assert all("old " in text for text in saved.values())
    end(here, *names)
    here.box.run(["sh", "-ec", "ip link delete front; rm -rf /run/mooring /etc/netns"])
    for program in PROGRAMS:
        for table in ("raw", "nat", "filter"):
            here.box.run([program, "-t", table, "-F"])
            here.box.run([program, "-t", table, "-X"])
        here.box.run([f"{program}-restore"], input=saved[program])


def test_rules_of_containers_that_are_gone_are_in_nobodys_way(here):
    run = here.pipeline.run
    run("host_network", networks=network("old", "web"))
    start_again(here, "old", "web")
    shown = run("host_network", check=True, networks=network("new", "web"))
    assert run("host_network", networks=network("new", "web"))["actions"] == shown["actions"]
    assert not any("old" in here.box.run([f"{program}-save"]).stdout for program in PROGRAMS)
    assert run("host_network", networks=network("new", "web"))["actions"] == []
    for name in ("new", "web"):
        here.serve(here.container(name), name, (80, 443))
    expect_answers(*(((here.outside, "tcp", address, port), f"{name}:80", source) for address, source in (
        (BOX, OUTSIDE), (BOX6, OUTSIDE6)) for name, port in (("new", 8080), ("web", 8081))))


def test_the_same_one_task_after_the_other(here):
    run = here.pipeline.run
    run("host_network", networks=network("old", "web"))
    start_again(here, "old", "web")
    run("docker_bridge", name="front", bip="192.168.5.1/24")
    assert run("network_info")["network"]["leftovers"] == []
    run("netns_attach", netns="new")
    run("port_publish", netns="new", published_ports=["8080:80"])
    expect_closed(here.servers, (here.outside, "tcp", BOX, 8081))


def test_a_port_of_a_container_that_may_come_back_names_the_way_out(here):
    run = here.pipeline.run
    run("host_network", networks=network("old"))
    end(here, "old")
    message = "port_publish container=old state=absent"
    with pytest.raises(PipelineError, match=message):
        run("host_network", networks=network("new"))
    shown = run("host_network", check=True, networks=network("new"))
    assert len(shown["assumed"]) == 1 and message in shown["assumed"][0]
    run("port_publish", container="old", state="absent")
    run("host_network", networks=network("new"))
    here.serve(here.container("new"), "new", (80,))
    expect_answers(((here.outside, "tcp", BOX, 8080), "new:80", OUTSIDE))
