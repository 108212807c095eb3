# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's network modes, for namespaces that are made here and for containers that an engine runs."""
import time

import pytest
from containers import OUTSIDE, Engine, Process, box, once
from pipeline import PipelineError
from traffic import REFUSED, Place, ask, expect_answers, expect_closed

GATEWAY = "192.168.5.1"


@pytest.fixture(scope="module")
def here():
    with box(outside=True) as found:
        found.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
        found.servers.serve(found.outside, "outside", (9999,))
        yield found


@pytest.fixture(autouse=True)
def clean(request):
    """Each test begins with a bridge and nothing on it."""
    yield
    if "here" in request.fixturenames:
        here = request.getfixturevalue("here")
        for name in here.sh("ls /run/netns").split():
            here.run("netns_attach", netns=name, state="absent")
        assert here.sh("ls /run/netns") == "" and not here.exists("/run/mooring")
        assert here.ports("br0") == []


def attach(here, name, **options):
    params = {"netns": name, **options}
    result = here.run("netns_attach", **params)
    assert here.unchanged("netns_attach", **params)
    return result["endpoint"]


def container(here, name):
    return Place(here.host, name)


def test_bridge_is_the_default_and_all_that_docker_gives(here):
    endpoint = attach(here, "web")
    attach(here, "db")
    assert endpoint["network_mode"] == "bridge"
    eth0 = here.link("eth0", "web")
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"] and eth0["address"] == "02:42:c0:a8:05:02"
    assert here.routes("web") == [("default", GATEWAY, "eth0"), ("192.168.5.0/24", "", "eth0")]
    assert [found["ifname"] for found in here.json("link", "show", "up", netns="web")] == ["lo", "eth0"]
    assert here.ports("br0") == sorted([endpoint["host_interface"], here.run("network_info")["network"][
        "endpoints"][0]["host_interface"]])
    here.servers.serve(container(here, "db"), "db", (80,))
    expect_answers(((container(here, "web"), "tcp", "192.168.5.3", 80), "db:80", "192.168.5.2"),
                   ((container(here, "web"), "udp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


def test_none_leaves_the_loopback_only(here):
    endpoint = attach(here, "alone", network_mode="none")
    assert endpoint == {"container": "alone", "network_mode": "none", "netns": "alone",
                        "netns_path": "/run/netns/alone"}
    assert [found["ifname"] for found in here.json("link", netns="alone")] == ["lo"]
    assert here.routes("alone") == []
    alone = container(here, "alone")
    here.servers.serve(alone, "alone", (80,), "127.0.0.1")
    expect_answers(((alone, "tcp", "127.0.0.1", 80), "alone:80", "127.0.0.1"))
    assert ask((alone, "udp", OUTSIDE, 9999), (alone, "tcp", GATEWAY, 80)) == [REFUSED, REFUSED]


def test_from_bridge_to_none_and_back(here):
    before = attach(here, "web")
    here.run("port_publish", container="web", published_ports=["8080:80"])
    here.servers.serve(container(here, "web"), "web", (80,))
    expect_answers(((here.outside, "tcp", "198.51.100.1", 8080), "web:80", OUTSIDE))
    inode = here.inode("/run/netns/web")
    attach(here, "web", network_mode="none")
    assert [found["ifname"] for found in here.json("link", netns="web")] == ["lo"]
    assert here.ports("br0") == [] and here.inode("/run/netns/web") == inode
    expect_closed(here.servers, (here.outside, "tcp", "198.51.100.1", 8080), (here.place, "tcp", "192.168.5.2", 80))
    assert here.run("network_info")["network"]["published_ports"] == []
    assert attach(here, "web") == before
    expect_answers(((here.place, "tcp", "192.168.5.2", 80), "web:80", GATEWAY))


def test_host_is_the_network_of_the_host(here):
    endpoint = attach(here, "open", network_mode="host")
    assert endpoint["network_mode"] == "host"
    assert here.inode("/run/netns/open") == here.inode("/proc/1/ns/net")
    here.servers.serve(here.place, "box", (2222,))
    names = here.host.run(["ip", "netns", "exec", "open", "ip", "-o", "link"]).stdout
    assert ": br0:" in names and ": eth0@" in names
    here.run("netns_attach", netns="open", state="absent")
    assert not here.exists("/run/netns/open")
    expect_answers(((here.outside, "tcp", "198.51.100.1", 2222), "box:2222", OUTSIDE))


def test_container_shares_the_whole_stack(here):
    attach(here, "web")
    endpoint = attach(here, "sidecar", network_mode="container:web")
    assert endpoint["network_mode"] == "container:web"
    assert here.inode("/run/netns/sidecar") == here.inode("/run/netns/web")
    assert here.json("address", netns="sidecar") == here.json("address", netns="web")
    web, sidecar = container(here, "web"), here.host.run(["readlink", "/run/netns/sidecar"]).stdout.strip()
    assert sidecar == "/run/netns/web"
    here.servers.serve(web, "web", (80,), "127.0.0.1")
    answer = here.host.run(["nsenter", "--net=/run/netns/sidecar", "python3", "-c",
                            "import socket; s = socket.create_connection(('127.0.0.1', 80), 5); s.send(b'token'); "
                            "print(s.recv(99).decode())"]).stdout
    assert answer == "token web:80 127.0.0.1\n"


def test_the_joiner_follows_an_owner_that_was_made_anew(here):
    attach(here, "web")
    joiner = {"network_mode": "container:web"}
    attach(here, "sidecar", **joiner)
    old = here.inode("/run/netns/web")
    here.sh("nsenter --net=/run/netns/web sleep 1000 >/dev/null 2>&1 &")  # the old namespace lives on
    here.run("netns_attach", netns="web", state="absent")
    attach(here, "web")
    attach(here, "sidecar", **joiner)
    assert here.inode("/run/netns/sidecar") == here.inode("/run/netns/web") != old


def test_owner_and_joiner_of_one_task(here):
    params = {"config": [{"netns": "web"}, {"netns": "sidecar", "network_mode": "container:web"}]}
    here.run("netns_attach", **params)
    assert here.inode("/run/netns/sidecar") == here.inode("/run/netns/web")
    assert here.unchanged("netns_attach", **params)


def test_from_container_to_bridge(here):
    attach(here, "web")
    attach(here, "sidecar", network_mode="container:web")
    attach(here, "sidecar")
    assert here.inode("/run/netns/sidecar") != here.inode("/run/netns/web")
    assert here.addresses("eth0", "sidecar") == ["192.168.5.3/24"]
    attach(here, "sidecar", network_mode="none")
    attach(here, "sidecar", network_mode="container:web")
    assert here.inode("/run/netns/sidecar") == here.inode("/run/netns/web") and len(here.ports("br0")) == 1


CONFLICTS = {"bridge": "br0", "address": "192.168.5.9", "address_v6": "2001:db8::9", "gateway": GATEWAY,
             "gateway_v6": "2001:db8::1", "mac_address": "02:42:00:00:00:09", "mtu": "1400", "tx_queue_len": 100,
             "default_route": False, "routes": [{"destination": "10.0.0.0/8"}], "interface": "B",
             "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": 1}, "exposed_ports": ["80"], "aliases": ["sql"]}


# What an image or a template may bring along: it has no effect, and that is said.
HARMLESS = ("exposed_ports", "mac_address", "mtu", "tx_queue_len")


@pytest.mark.parametrize("mode", ["none", "host", "container:web"])
@pytest.mark.parametrize("option", CONFLICTS)
def test_conflicting_options_are_refused_by_name(here, mode, option):
    if option in HARMLESS[:1 if mode == "container:web" else None]:
        attach(here, "web")
        params = {"netns": "x", "network_mode": mode, option: CONFLICTS[option]}
        look = "ip -br link; ip -br -n web link; grep . /sys/class/net/*/mtu /sys/class/net/*/tx_queue_len"
        before = here.sh(look)
        done = here.run("netns_attach", **params)
        assert [text for text in done["warnings"] if text.startswith(f"{option} of x has no effect with network_mode ")]
        assert here.unchanged("netns_attach", **params) and here.sh(look) == before
        return
    with pytest.raises(PipelineError, match=f"network_mode: '{mode}' conflicts with {option}, .*Leave them out"):
        here.run("netns_attach", netns="x", network_mode=mode, **{option: CONFLICTS[option]})
    assert not here.exists("/run/netns/x")


@pytest.mark.parametrize("mode", ["none", "host", "container:web"])
def test_ports_of_a_container_without_an_interface_are_refused(here, mode):
    attach(here, "web")
    attach(here, "x", network_mode=mode)
    message = f"published_ports conflicts with network_mode '{mode}' of x, which has no interface of its own"
    with pytest.raises(PipelineError, match=message):
        here.run("port_publish", container="x", published_ports=["8080:80"])


@pytest.mark.parametrize("named", ["pid", "netns_path"])
def test_the_owner_of_a_network_by_pid_or_path_in_the_same_task(here, named):
    pid = int(here.sh("unshare --net sleep 1000 >/dev/null 2>&1 & echo $!"))
    while here.inode(f"/proc/{pid}/ns/net") == here.inode("/proc/1/ns/net"):
        time.sleep(0.01)
    owner = {"name": "job", **({"pid": pid} if named == "pid" else {"netns_path": f"/proc/{pid}/ns/net"})}
    config = [{"netns": "sidecar", "network_mode": "container:job"}, {"netns": "aside",
                                                                      "network_mode": "container:sidecar"}, owner]
    checked = here.run("netns_attach", check=True, config=config)
    done = here.run("netns_attach", config=config)
    assert done["actions"] == checked["actions"] and here.unchanged("netns_attach", config=config)
    for item in config:
        assert here.unchanged("netns_attach", **item)
    assert here.inode("/run/netns/aside") == here.inode("/run/netns/sidecar") == here.inode(f"/proc/{pid}/ns/net")
    here.servers.serve(Process(here.host, "job", pid), "job", (80,))
    address = done["endpoints"][2]["address"].partition("/")[0]
    expect_answers(((here.place, "tcp", address, 80), "job:80", GATEWAY))
    for name in ("aside", "sidecar"):
        with pytest.raises(PipelineError, match=f"of {name}, which has .* or publish ports of job.$"):
            here.run("port_publish", netns=name, published_ports=["8080:80"])
        with pytest.raises(PipelineError, match=f"links conflicts with network_mode 'container:job' of {name}"):
            here.run("icc_policy", netns=name, links=["job"])
    # It gets a network of its own, and the other one keeps its interface.
    here.run("netns_attach", netns="sidecar", network_mode="none")
    assert [found["ifname"] for found in here.json("link", netns="sidecar")] == ["lo"]
    assert here.link("eth0", "job") is not None
    here.run("netns_attach", state="absent", config=[{"netns": "aside"}, {"netns": "sidecar"}, owner])
    here.sh(f"kill {pid}")


@pytest.mark.parametrize(("mode", "message"), [
    ("bridged", "'bridged' is not a network mode. Give bridge, host, none or container:NAME"),
    ("container", "'container' is not a network mode"),
    ("none:web", "'none:web' is not a network mode"),
    ("container:nobody", "there is no namespace nobody"),
])
def test_modes_that_mean_nothing_are_refused(here, mode, message):
    with pytest.raises(PipelineError, match=message):
        here.run("netns_attach", netns="x", network_mode=mode)
    assert not here.exists("/run/netns/x")


def test_a_namespace_of_somebody_else_is_not_replaced(here):
    attach(here, "web")
    here.sh("ip netns add theirs")
    inode = here.inode("/run/netns/theirs")
    for mode in ("container:web", "host"):
        with pytest.raises(PipelineError, match="somebody else made"):
            here.run("netns_attach", netns="theirs", network_mode=mode)
    assert here.inode("/run/netns/theirs") == inode
    here.sh("ip netns delete theirs")


# Running containers


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request):
    with box("docker", outside=True) as found:
        found.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
        found.servers.serve(found.outside, "outside", (9999,))
        yield Engine(found, request.param)


@once
def test_modes_of_running_containers(engine):
    here = engine.here
    for name, network in (("web", "none"), ("lone", "none"), ("open", "host")):
        engine.start(name, network=network)
    engine.start("sidecar", network="container:web")
    config = [{"container": "web", "network_mode": "bridge"}, {"container": "lone", "network_mode": "none"},
              {"container": "open", "network_mode": "host"},
              {"container": "sidecar", "network_mode": "container:web"}]
    found = here.run("netns_attach", config=config)["endpoints"]
    assert [endpoint["network_mode"] for endpoint in found] == ["bridge", "none", "host", "container:web"]
    assert here.unchanged("netns_attach", config=config)
    assert here.inode("/run/netns/sidecar") == here.inode("/run/netns/web") == here.inode(engine.netns("web"))
    assert here.inode("/run/netns/open") == here.inode("/proc/1/ns/net")
    assert [link["ifname"] for link in here.json("link", netns="lone")] == ["lo"]
    # Real processes: the image's own server and client.
    engine("exec", "web", "sh", "-c", "echo from web >/tmp/page && httpd -p 127.0.0.1:80 -h /tmp")
    assert engine("exec", "sidecar", "wget", "-qO-", "http://127.0.0.1/page") == "from web"
    expect_answers(((engine.place("sidecar"), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))

    # The owner comes back. Its joiner still lives in the old namespace, and no program can move it out of there.
    engine.restart("web")
    assert here.inode(engine.netns("sidecar")) != here.inode(engine.netns("web"))
    with pytest.raises(PipelineError, match="sidecar, which runs with a network of its own. Start it"):
        here.run("netns_attach", config=config)
    engine.restart("sidecar")
    here.run("netns_attach", config=config)
    assert here.inode("/run/netns/sidecar") == here.inode(engine.netns("sidecar")) == here.inode(engine.netns("web"))
    expect_answers(((engine.place("sidecar"), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))
    assert here.unchanged("netns_attach", config=config)


@once
def test_a_name_made_here_joins_a_running_container_and_follows_it(engine):
    here = engine.here
    engine.start("owner")
    params = {"config": [{"container": "owner"}, {"netns": "tools", "network_mode": "container:owner"}]}
    here.run("netns_attach", **params)
    assert here.inode("/run/netns/tools") == here.inode(engine.netns("owner"))
    old = here.inode(engine.netns("owner"))
    engine.restart("owner")
    here.run("netns_attach", **params)
    assert here.inode("/run/netns/tools") == here.inode(engine.netns("owner"))
    assert here.host.run(["ip", "netns", "exec", "tools", "ping", "-c1", "-W5", GATEWAY]).returncode == 0
    assert here.unchanged("netns_attach", **params) and old
    here.run("netns_attach", state="absent", config=[{"netns": "tools"}, {"container": "owner"}])
    assert not here.exists("/run/netns/tools") and not here.exists("/run/netns/owner")


@once
def test_a_mode_that_the_engine_did_not_give_is_refused(engine):
    here = engine.here
    engine.start("own")
    for mode, owner in (("host", "the host"), ("container:own2", "own2")):
        if mode != "host":
            engine.start("own2")
        with pytest.raises(PipelineError, match=f"cannot be given to own, which runs with a network of its own. Start "
                                                f"it with the network of {owner}"):
            here.run("netns_attach", container="own", network_mode=mode)
