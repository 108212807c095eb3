# SPDX-License-Identifier: GPL-3.0-or-later
"""A host moves from Docker: its networks are read, its containers start without one, and packets go as before."""
import json
import re
import subprocess

import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.rules import stale_rules
from containers import BOX, IMAGE, OUTSIDE, Process, box, once, playing
from testhosts import fingerprint, import_busybox_image, start_dockerd
from traffic import Place, ask

pytestmark = once
OPTIONS = {  # of each container, beside its network
    "db": ["--ip=172.30.0.20", "--expose=5432", "--network-alias=sql"],
    "web": ["--publish=8080:80", "--publish=9000-9002:9000-9002/udp", "--publish=127.0.0.1:8443:443",
            "--hostname=www", "--add-host=registry:192.0.2.9"],
    "cache": ["--publish=6379:6379"],
    "user": ["--link=cache:store"],
    "vault": [],
}
NETWORK = {"db": "front", "web": "front", "cache": "bridge", "user": "bridge", "vault": "closed"}
NETWORKS = {
    "front": ["--subnet=172.30.0.0/24", "--opt=com.docker.network.bridge.enable_icc=false",
              "--opt=com.docker.network.driver.mtu=1400"],
    "closed": ["--internal", "--subnet=172.31.0.0/24"],
}
SERVED = {"db": (5432,), "web": (80, 443, 9001), "cache": (6379,), "user": (7000,), "vault": (8200,)}


class Docker:
    """The real engine of a host, with its containers."""

    def __init__(self, here):
        self.here = here
        self.daemon = start_dockerd(here.host)
        import_busybox_image(here.host, IMAGE)

    def __call__(self, *words):
        return self.here.host.run(["docker", *words]).stdout.strip()

    def start(self, name, network, *options):
        self("run", "--detach", f"--name={name}", f"--network={network}", *options, IMAGE)

    def place(self, name):
        return Process(self.here.host, name, int(self("inspect", "--format", "{{.State.Pid}}", name)))

    def serve(self):
        for name, ports in SERVED.items():
            self.here.servers.serve(self.place(name), name, ports)

    def packets(self):
        """Who answers and whom it sees, or that nobody does, by what connections are."""
        outside, box_place = self.here.outside, Place(self.here.host)
        place = {name: self.place(name) for name in SERVED}
        calls = {
            "published": (outside, "tcp", BOX, 8080), "of a range": (outside, "udp", BOX, 9001),
            "of the default network": (outside, "tcp", BOX, 6379),
            "for the host": (box_place, "tcp", "127.0.0.1", 8443),
            "for the host only": (outside, "tcp", BOX, 8443), "not published": (outside, "tcp", BOX, 443),
            "at its own address": (outside, "tcp", "172.30.0.20", 5432),
            "by the host": (box_place, "tcp", "172.30.0.20", 5432),
            "without icc": (place["web"], "tcp", "172.30.0.20", 5432),
            "to another network": (place["user"], "tcp", "172.30.0.20", 5432),
            "linked": (place["user"], "tcp", self.found("user", "store"), 6379),
            "to the outside": (place["web"], "tcp", OUTSIDE, 9999),
            "from an internal": (place["vault"], "tcp", OUTSIDE, 9999),
        }
        # Whether what is closed is silent or says so is not the same, and need not be.
        return {call: (answer.server, answer.peer) for call, answer in zip(calls, ask(*calls.values(), seconds=2))}

    def found(self, inside, name):
        """The address that a container finds under a name."""
        return self("exec", inside, "sh", "-c", f"ping -c1 -W1 {name} | sed -n '1s/.*(\\(.*\\)).*/\\1/p'")

    def looks(self):
        """Names, addresses and MTUs of the containers."""
        names = {what: self.found(*what) for what in (("web", "db"), ("db", "web"), ("web", "sql"), ("user", "store"),
                                                      ("web", "registry"))}
        links = {name: [line.split()[3] for line in self(
            "exec", name, "ip", "-4", "-o", "address", "show", "eth0").splitlines()] for name in SERVED}
        files = ["/sys/class/net/eth0/address", "/sys/class/net/eth0/mtu"]
        macs = {name: self("exec", name, "cat", *files) for name in SERVED}
        return names, links, macs, self("exec", "web", "hostname")


def test_the_same_packets_after_the_move(tmp_path):
    with box("docker", outside=True) as here:
        here.servers.serve(here.outside, "outside", (9999,))
        here.outside_host.run(["ip", "route", "add", "172.30.0.0/24", "via", BOX])
        docker = Docker(here)
        for name, options in NETWORKS.items():
            docker("network", "create", *options, name)
        for name, network in NETWORK.items():
            docker.start(name, network, *OPTIONS[name])
        docker.serve()
        before, looks = docker.packets(), docker.looks()
        networks = read(here, tmp_path)
        restart(docker)
        assert here.run("host_network", networks=networks)["changed"]
        docker.serve()
        assert docker.packets() == before
        assert docker.looks() == looks
        assert here.unchanged("host_network", networks=networks)
        docker.daemon.stop()


def read(here, folder):
    """What the playbook writes; nothing is changed on the host, and in check mode nothing at all."""
    picture = fingerprint(here.host)
    file = folder / "documents" / f"{here.host.name}.yml"
    output, counts = convert(here, folder, "--check")
    assert (counts["failed"], counts["changed"], file.exists()) == (0, 0, False), output
    output, counts = convert(here, folder)
    assert (counts["failed"], counts["changed"]) == (0, 0), output
    assert fingerprint(here.host) == picture
    text = file.read_text()
    networks = yaml.safe_load(text)["container_networks"]
    assert text in output and [network["name"] for network in networks] == ["bridge0", "closed", "front"]
    return networks


def convert(here, folder, *arguments):
    """Play from_docker: its output and the counts of its recap."""
    command, environment = playing(here, "mooring.net.from_docker", *arguments)
    # Variables of the host, since those of a command line are the controller's as well.
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {here.host.name: json.loads(command.pop())}}}))
    command[1] = f"--inventory={inventory}"
    command.append(json.dumps({"mooring_documents": "documents"}))
    done = subprocess.run(command, env={**environment, "PWD": str(folder)}, cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    counts = re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
    return done.stdout, {key: int(count) for key, count in counts}


def restart(docker):
    """What the page says: no network of Docker, as the role docker_daemon leaves it, and containers without one."""
    docker("rm", "--force", *SERVED)
    docker("network", "rm", *NETWORKS)
    docker.daemon.stop()
    for rule in stale_rules(docker.here.sh("iptables-save"), "docker0"):
        docker.here.host.run(["iptables", *rule])
    docker.daemon = start_dockerd(docker.here.host, bridge="none", iptables=False)
    for name in SERVED:
        docker.start(name, "none")
