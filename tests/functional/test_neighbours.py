# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside others on one host: a Docker daemon, ufw, firewalld, as Debian has them. Ours works, theirs stays as it is."""
import contextlib
import re
import subprocess
import time

import pytest
from containers import BOX, IMAGE, OUTSIDE, Box, Process, once
from pipeline import CHECKOUT, PipelineError
from testhosts import import_busybox_image, start_dockerd
from traffic import PATIENCE, Place, ask, expect_answers, expect_closed
from worlds import BACKENDS, use_backend

pytestmark = once
BRIDGE = {"name": "br0", "bip": "192.168.5.1/24"}
WEB = ["8081:80", "5353:80/udp"]
OURS = re.compile(r":MOORING|-A MOORING|.* --comment mooring -j MOORING")


class Host(Box):
    """A host with a container of ours, published at port 8081, and whoever a test starts there."""

    def __init__(self, stack, backend, *layers):
        super().__init__(stack, layers, outside=True)
        use_backend(self.host, backend)
        self.sh("ip netns add web")
        self.web = Place(self.host, "web")
        self.servers.serve(self.web, "web", (80, 99))
        self.servers.serve(self.outside, "outside", (7777,))

    def set_up(self):
        """All tasks; what they did, and what they warned of."""
        results = [self.run("docker_bridge", **BRIDGE), self.run("netns_attach", netns="web", bridge="br0"),
                   self.run("port_publish", container="web", published_ports=WEB)]
        return ([action for result in results for action in result["operations"]],
                [warning for result in results for warning in result["warnings"]])

    def works(self):
        expect_answers(((self.outside, "tcp", BOX, 8081), "web:80", OUTSIDE),
                       ((self.outside, "udp", BOX, 5353), "web:80", OUTSIDE),
                       ((self.place, "tcp", "127.0.0.1", 8081), "web:80", "192.168.5.1"),
                       ((self.web, "tcp", OUTSIDE, 7777), "outside:7777", BOX))
        expect_closed(self.servers, (self.outside, "tcp", "192.168.5.2", 99), (self.outside, "tcp", BOX, 99))

    def theirs(self):
        """Everything in the tables that is not ours."""
        return [line for program in ("iptables", "ip6tables")
                for line in re.sub(r"\[\d+:\d+\]", "", self.host.run([f"{program}-save"]).stdout).splitlines()
                if not line.startswith(("#", "*", "COMMIT")) and not OURS.match(line)
                and not re.match(r":[A-Z]+ ACCEPT", line)]

    def files(self, *folders):
        return self.sh(f"find {' '.join(folders)} -type f -exec md5sum {{}} + | sort")


@contextlib.contextmanager
def neighbour(backend, *layers):
    with contextlib.ExitStack() as stack:
        yield Host(stack, backend, *layers)


# Docker


class Docker(Host):
    def __init__(self, stack, backend):
        super().__init__(stack, backend, "docker")
        self.daemon = start_dockerd(self.host)
        import_busybox_image(self.host, IMAGE)
        self.start("first", "8080:80")

    def start(self, name, *ports):
        published = [word for port in ports for word in ("--publish", port)]
        serve = f"mkdir -p /www && echo docker {name} >/www/index.html && exec httpd -f -p 80 -h /www"
        self.host.run(["docker", "run", "--detach", "--stop-timeout=0", f"--name={name}", *published, IMAGE,
                       "sh", "-c", serve])

    def page(self, port):
        """What a container of Docker says to somebody outside; its server may be starting still."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.outside.socket(2, 1) as client:
                client.settimeout(PATIENCE)
                try:
                    client.connect((BOX, port))
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline, f"nobody answers at port {port}"
                    time.sleep(0.02)
                    continue
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: client.recv(4096), b"")).decode().partition("\r\n\r\n")[2].strip()


@pytest.fixture(scope="module", params=BACKENDS)
def docker(request):
    with contextlib.ExitStack() as stack:
        yield Docker(stack, request.param)


def test_docker_and_we_publish_side_by_side(docker):
    before = docker.theirs()
    assert any("8080" in line for line in before)
    assert docker.set_up()[1] == []
    docker.works()
    assert docker.page(8080) == "docker first"
    assert docker.theirs() == before
    assert docker.set_up() == ([], [])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_containers_of_ours_reach_of_dockers_what_is_published(docker, protocol):
    """Docker's daemon has switched forwarding on, and leaves the rest to the policy DROP that it gave to FORWARD."""
    docker.set_up()
    pid = int(docker.sh("docker inspect --format '{{.State.Pid}}' first"))
    first = Process(docker.host, "first", pid)
    docker.servers.serve(first, f"first-{protocol}", (81,), protocols=(protocol,))
    expect_answers(((docker.place, protocol, "172.17.0.2", 81), f"first-{protocol}:81", "172.17.0.1"))
    expect_closed(docker.servers, (docker.web, protocol, "172.17.0.2", 81), (first, protocol, "192.168.5.2", 99))
    if protocol == "tcp":
        with docker.web.socket(2, 1) as client:
            client.settimeout(PATIENCE)
            client.connect((BOX, 8080))


@pytest.mark.parametrize("port", ["8080:80", "127.0.0.1:8080:80", "8075-8080:8075-8080", f"{BOX}:8080:80"])
def test_a_port_that_docker_has_is_refused_by_its_name(docker, port):
    before = docker.theirs()
    with pytest.raises(PipelineError, match=r"asks for host port 8080/tcp, which is published by Docker for "
                                            r"172\.17\.0\.2:80 \(chain DOCKER of nat\)"):
        docker.run("port_publish", container="web", published_ports=[*WEB, port])
    assert docker.theirs() == before and docker.set_up() == ([], [])


def test_a_port_to_be_chosen_is_none_of_docker(docker):
    result = docker.run("port_publish", container="web", published_ports=[*WEB, "99"], dynamic_port_range="8080-8090")
    assert "0.0.0.0:8082->192.168.5.2:99/tcp" in result["publication"]["published_ports"]
    docker.set_up()


def test_the_same_number_of_another_protocol_is_free(docker):
    docker.run("port_publish", container="web", published_ports=[*WEB, "8080:80/udp"])
    expect_answers(((docker.outside, "udp", BOX, 8080), "web:80", OUTSIDE))
    assert docker.page(8080) == "docker first"
    docker.set_up()


def test_a_port_that_docker_takes_as_well_is_kept_and_said(docker):
    """Docker looks at listening sockets only, so it publishes a port that is ours already."""
    docker.start("second", "8081:80")
    try:
        actions, warnings = docker.set_up()
        assert actions == []
        assert warnings == ["host port 8081/tcp of web is published by Docker for 172.17.0.3:80 (chain DOCKER of nat) "
                            "as well: only one of the two gets the connections. Take that rule away, or publish "
                            "another port"]
        assert docker.run("network_info")["network"]["obstacles"] == warnings
    finally:
        docker.host.run(["docker", "rm", "--force", "second"])
    assert docker.set_up() == ([], [])


def test_docker_restarts_beside_us(docker):
    docker.set_up()
    docker.daemon.stop()
    docker.works()
    docker.daemon = start_dockerd(docker.host)
    docker.works()
    docker.start("third", "8083:80")
    before = docker.theirs()
    assert _first_of_forward(docker) != "MOORING-FORWARD"
    docker.set_up()
    assert _first_of_forward(docker) == "MOORING-FORWARD"
    docker.works()
    assert docker.page(8083) == "docker third"
    assert docker.theirs() == before and docker.set_up() == ([], [])


def _first_of_forward(here):
    return here.sh("iptables -S FORWARD").splitlines()[1].split()[-1]


def test_docker_starts_after_us(docker):
    docker.daemon.stop()
    docker.sh("for t in nat filter; do iptables -t $t -F; iptables -t $t -X; done; iptables -P FORWARD ACCEPT")
    docker.set_up()
    docker.works()
    docker.daemon = start_dockerd(docker.host)
    docker.start("fourth", "8084:80")
    docker.works()
    assert docker.page(8084) == "docker fourth"
    before = docker.theirs()
    docker.set_up()
    assert docker.theirs() == before and docker.set_up() == ([], [])
    docker.works()


# nftables


@pytest.fixture
def nftables():
    with neighbour("nft", "nftables") as here:
        yield here


def test_the_table_of_the_documentation_lets_containers_in_and_out(nftables):
    page = (CHECKOUT / "docs" / "living_with_others.md").read_text(encoding="utf-8")
    table = page[page.index("    table inet filter {"):page.index("This opens nothing")].replace("bridge0", "br0")
    nftables.set_up()
    nftables.host.run(["nft", "-f", "-"], input=table)
    assert nftables.set_up() == ([], [])
    nftables.works()
    nftables.host.run(["nft", "-f", "-"], input=f"flush ruleset\n{table}")
    assert "MOORING" not in nftables.sh("iptables-save")
    before = nftables.sh("nft list table inet filter")
    assert nftables.set_up()[1] == []
    nftables.works()
    assert nftables.sh("nft list table inet filter") == before and nftables.set_up() == ([], [])


@pytest.mark.parametrize(("table", "chain"), [("filter", "FORWARD"), ("nat", "PREROUTING"), ("raw", "PREROUTING")])
def test_a_table_of_iptables_that_nft_has_written_to_is_refused_and_nothing_is_lost(nftables, table, chain):
    """iptables shows nothing of such a table, not even of what is ours."""
    nftables.set_up()
    nftables.sh(f"nft add rule ip {table} {chain} ct state new counter")
    before = nftables.sh("nft --stateless list ruleset")
    for module, options in (("port_publish", {"netns": "web", "published_ports": ["8090:80"]}),
                            ("docker_bridge", {"name": "br0", "ip_masq": False})):
        with pytest.raises(PipelineError, match=f"nft has written rules to the table {table} of iptables that iptables "
                                                f"cannot read.* `nft list table ip {table}`"):
            nftables.run(module, **options)
    assert nftables.sh("nft --stateless list ruleset") == before
    handle = re.search(r"ct state new counter.*# handle (\d+)", nftables.sh(f"nft -a list chain ip {table} {chain}"))[1]
    nftables.sh(f"nft delete rule ip {table} {chain} handle {handle}")
    assert nftables.set_up() == ([], [])
    nftables.works()


def test_a_table_with_nothing_of_ours_that_nft_has_written_to_is_in_the_way_of_lists_only(nftables):
    nftables.set_up()
    nftables.sh("nft add table ip mangle; nft 'add chain ip mangle PREROUTING { type filter hook prerouting priority "
                "mangle; }'; nft add rule ip mangle PREROUTING ct state new counter")
    before = nftables.sh("nft --stateless list table ip mangle")
    nftables.run("port_publish", netns="web", published_ports=["8090:80"])
    nftables.run("port_publish", netns="web", state="absent")
    with pytest.raises(PipelineError, match="the table mangle of iptables that iptables cannot read"):
        nftables.run("netns_attach", netns="web", bridge="br0", allow_to=["192.0.2.1"])
    assert nftables.sh("nft --stateless list table ip mangle") == before
    nftables.sh("nft delete table ip mangle")


# ufw


@pytest.fixture(scope="module", params=BACKENDS)
def ufw(request):
    with neighbour(request.param, "ufw") as here:
        here.sh("ufw default deny incoming; ufw default deny routed; ufw allow 22/tcp; ufw deny 8081/tcp; "
                "ufw --force enable")
        yield here


def test_ufw_denies_and_published_ports_work(ufw):
    """Its rules are behind ours in FORWARD; a published port is no port of the host itself (so is it with Docker)."""
    before, files = ufw.theirs(), ufw.files("/etc/ufw", "/etc/default/ufw", "/lib/ufw")
    assert any("ufw-user-input" in line and "8081" in line for line in before) and ":FORWARD DROP " in before
    assert ufw.set_up()[1] == []
    ufw.works()
    assert ufw.theirs() == before and ufw.files("/etc/ufw", "/etc/default/ufw", "/lib/ufw") == files
    assert ufw.set_up() == ([], [])


@pytest.mark.parametrize("command", ["ufw reload", "ufw disable; ufw --force enable", "ufw allow 80/tcp",
                                     "ufw route allow in on eth0 to 10.1.1.1; ufw default allow routed"])
def test_ufw_changes_and_published_ports_go_on(ufw, command):
    ufw.set_up()
    ufw.sh(command)
    ufw.works()
    before = ufw.theirs()
    ufw.set_up()
    assert ufw.theirs() == before and ufw.set_up() == ([], [])
    ufw.works()


def test_ufw_that_lets_the_host_send_nothing_closes_no_port(ufw):
    """Packets from the host to a published port of its own leave through the loopback, which ufw accepts."""
    ufw.set_up()
    ufw.sh("ufw default deny outgoing")
    assert ufw.set_up() == ([], [])
    ufw.works()
    ufw.sh("ufw default allow outgoing")


# firewalld


class Firewalld(Host):
    def __init__(self, stack, backend, kind):
        super().__init__(stack, backend, "firewalld")
        self.sh(f"mkdir -p /run/dbus; sed -i 's/^FirewallBackend=.*/FirewallBackend={kind}/' "
                "/etc/firewalld/firewalld.conf")
        stack.callback(self.stop)
        self.bus = self.daemon = None

    def start(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if self.bus is None:
            self.bus = self.host.popen(["dbus-daemon", "--system", "--nofork", "--nopidfile"], **quiet)
            self._until(lambda: self.host.path("/run/dbus/system_bus_socket").exists())
        self.daemon = self.host.popen(["firewalld", "--nofork", "--nopid"], **quiet)
        self._until(lambda: self.host.run(["firewall-cmd", "--state"], check=False).returncode == 0)

    def _until(self, fact):
        deadline = time.monotonic() + 60
        while not fact():
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.05)

    def stop(self):
        for process in filter(None, (self.daemon, self.bus)):
            process.terminate()
            process.wait(20)

    def cmd(self, *words):
        return self.host.run(["firewall-cmd", *words]).stdout

    def theirs(self):
        """Its tables of nftables as well; handles and counters are not asked for."""
        script = "import nftables; print(nftables.Nftables().cmd('list table inet firewalld')[1])"
        native = self.host.run(["/usr/bin/python3", "-c", script], check=False).stdout
        return [*super().theirs(), *native.splitlines()]


@pytest.fixture(scope="module")
def firewalld():
    with contextlib.ExitStack() as stack:
        here = Firewalld(stack, "nft", "nftables")
        here.set_up()
        here.works()
        here.start()
        _only_firewalld(here)
        yield here


def _only_firewalld(here):
    """It flushes all tables of iptables, those of others too: what is published is closed, like all else."""
    assert "MOORING" not in here.sh("iptables-save; ip6tables-save")
    expect_closed(here.servers, (here.outside, "tcp", BOX, 8081), (here.outside, "tcp", "192.168.5.2", 80))


REJECTED = ("what containers of br0 send to the outside (eth0) is dropped in chain filter_FWD_public of table inet "
            "firewalld by rule with handle ")


def test_firewalld_lets_published_ports_in_and_containers_not_out(firewalld):
    """It accepts what is translated; what containers send goes from zone to zone, and is rejected."""
    here = firewalld
    before, files = here.theirs(), here.files("/etc/firewalld", "/usr/lib/firewalld")
    assert any("chain filter_FORWARD" in line for line in before)
    actions, warnings = here.set_up()
    assert any("insert a jump into FORWARD" in action for action in actions)
    assert len(warnings) == 1 and warnings[0].startswith(REJECTED)
    assert "firewall-cmd --permanent --zone=trusted --add-interface=br0" in warnings[0]
    expect_answers(((here.outside, "tcp", BOX, 8081), "web:80", OUTSIDE),
                   ((here.place, "tcp", "127.0.0.1", 8081), "web:80", "192.168.5.1"))
    assert ask((here.web, "tcp", OUTSIDE, 7777))[0].outcome == "refused"
    assert here.theirs() == before and here.files("/etc/firewalld", "/usr/lib/firewalld") == files


def test_firewalld_forwards_for_containers_once_their_bridge_is_trusted(firewalld):
    here = firewalld
    here.cmd("--permanent", "--zone=trusted", "--add-interface=br0")
    here.cmd("--reload")
    _only_firewalld(here)
    before = here.theirs()
    assert here.set_up()[1] == []
    here.works()
    assert here.theirs() == before and here.set_up() == ([], [])
    here.run("port_publish", container="web", published_ports=[])
    here.set_up()
    assert here.theirs() == before
    here.works()


def test_firewalld_forwards_a_port_itself(firewalld):
    here = firewalld
    here.set_up()
    here.cmd("--add-forward-port=port=8090:proto=tcp:toport=80:toaddr=10.1.1.1")
    with pytest.raises(PipelineError, match=r"host port 8090/tcp, which is sent to 10\.1\.1\.1:80 by a rule of others "
                                            r"\(chain nat_PRE_public_allow of inet firewalld\)"):
        here.run("port_publish", container="web", published_ports=[*WEB, "8090:80"])
    here.cmd("--remove-forward-port=port=8090:proto=tcp:toport=80:toaddr=10.1.1.1")
    assert here.set_up() == ([], [])


def test_firewalld_of_the_backend_iptables_reloads_and_the_next_run_repairs():
    with contextlib.ExitStack() as stack:
        here = Firewalld(stack, "nft", "iptables")
        here.start()
        here.set_up()
        here.works()
        here.cmd("--reload")
        _only_firewalld(here)
        before = here.theirs()
        assert any("FWD_public" in line for line in before)
        here.set_up()
        here.works()
        assert here.theirs() == before and here.set_up() == ([], [])
