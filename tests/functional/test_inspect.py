# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person looks at: the playbook inspect for several hosts, one of which is away, and the command on the host."""
import re
import subprocess

import pytest
from containers import box, once, playing

pytestmark = once
DOCUMENT = [
    {"name": "bridge0", "bip": "192.168.5.1/24", "bip6": "fd00:5::1/64", "icc": False, "containers": [
        {"name": "web", "published_ports": ["8080:80", "127.0.0.1:8443:443"], "links": ["db:database"]},
        {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432]}]},
    {"name": "back", "bip": "10.2.0.1/16", "containers": [
        {"name": "db", "interface_name": "eth1"}, {"name": "cache"}]}]
PAIRS = [{"name": "A", "bridge": "back", "peer": {"name": "B"}}]
THEIRS = "ip link add virbr0 type bridge; ip link add vnet0 type veth peer vnet1; ip link set vnet0 master virbr0"
HOSTILE = "\x1b[31mred"  # the kernel takes all but blanks, '/' and ':' for an interface (dev_valid_name())


@pytest.fixture(scope="module")
def hosts():
    """A host with all kinds of things, and one without any."""
    with box() as full, box() as empty:
        full.run("host_network", networks=DOCUMENT)
        full.run("veth_pair", config=PAIRS)
        full.sh(THEIRS)
        full.host.run(["ip", "link", "add", "name", HOSTILE, "type", "bridge"])
        yield full, empty


def inspect(hosts, *arguments, away=(), **variables):
    """The output of the playbook, its exit status, and by host the counts of its recap."""
    command, environment = playing(hosts[0], "mooring.net.inspect", *arguments, **variables)
    command[1] = f"--inventory={','.join([*(each.host.name for each in hosts), *away])},"
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    recap = re.findall(r"^(\S+) +: (.*)$", done.stdout.rpartition("PLAY RECAP")[2], re.MULTILINE)
    return done.stdout, done.returncode, {
        name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)} for name, counts in recap}


def test_a_block_for_each_host_and_a_host_that_is_away(hosts):
    full, empty = hosts
    output, status, counts = inspect(hosts, away=["nowhere"])
    assert "\x1b" not in output
    for line in ("bridge0      192.168.5.1/24", "back         10.2.0.1/16", "virbr0", r"\x1b[31mred",
                 "web        netns   eth0", "8080/tcp -> web:80", "web -> db  5432/tcp  database",
                 f"ok: [{empty.host.name}]", "no container network is managed here"):
        assert f"\n{line}" in output, output
    assert "of others" in output and "vnet0" in output
    assert status == 4 and counts["nowhere"]["unreachable"] == 1
    assert [counts[each.host.name]["changed"] for each in hosts] == [0, 0]
    assert [counts[each.host.name]["failed"] for each in hosts] == [0, 0]


def test_one_host_of_the_inventory(hosts):
    full, empty = hosts
    output, status, counts = inspect(hosts, "--limit", full.host.name, "--check")
    assert (status, list(counts)) == (0, [full.host.name]) and "8080/tcp -> web:80" in output
