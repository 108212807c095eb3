# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that starts with nothing but the files of /var/lib/mooring: what they close, and what is made of it."""
import contextlib

import pytest
import traffic
from containers import once
from pipeline import PipelineError
from test_firewall import FOREIGN, PROGRAMS, foreign, saved
from traffic import Connection, Flow, ask, expect_answers, expect_closed
from worlds import BACKENDS, BOX, BOX6, FORWARDING, OUTSIDE, OUTSIDE6, sysctl, world

pytestmark = once
FOLDER = "/var/lib/mooring"
FAMILY = {"iptables": "ipv4", "ip6tables": "ipv6"}
WEB, WEB6, OWN = "192.168.5.10", "2001:db8:5::10", "10.30.0.10"
NETWORK = {"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64", "icc": False, "containers": [
    {"name": "web", "address": WEB, "address_v6": WEB6, "published_ports": ["8080:80", "8080:80/udp"],
     "exposed_ports": ["81/tcp", "81/udp"]},
    {"name": "shop", "links": ["web:www"]}]}
OPEN = {"name": "plain", "bip": "10.30.0.1/24", "gateway_mode": "routed", "trusted_interfaces": ["eth0"],
        "containers": [{"name": "routed", "address": OWN, "published_ports": ["80/tcp", "80/udp"]}]}
OTHERS = "*filter\n:LATE - [0:0]\n-A FORWARD -p icmp -j LATE\nCOMMIT\n"


@pytest.fixture(params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in FORWARDING:
            sysctl(found.box, name, 1)
        yield found


def load(here, *tables):
    """What the unit of the gate does; the exit status of each program."""
    return [here.box.run([f"{program}-restore", "--noflush", "-w", "30", "-T", table, f"{FOLDER}/gate.{family}"],
                         check=False).returncode
            for program, family in FAMILY.items() for table in tables or ("raw", "filter")]


def guard(here):
    """Whether the unit of the guard is content."""
    return [here.box.run([f"{program}-restore", "--noflush", "-w", "30", f"{FOLDER}/guard.{family}"],
                         check=False).returncode == 0 for program, family in FAMILY.items()]


def opt_in(here):
    """As a host does that has chosen so: the file is there, and the next run completes it."""
    here.box.run(["sh", "-ec", f"mkdir -m 700 {FOLDER}; touch {FOLDER}/gate.ipv4"])


def flush(here):
    for program in PROGRAMS:
        for table in ("raw", "nat", "filter"):
            here.box.run([program, "-t", table, "-F"])
            here.box.run([program, "-t", table, "-X"])


def start_again(here):
    """What a start of the host leaves of it."""
    here.box.run(["sh", "-ec", "ip link delete vhand 2>/dev/null || true"])
    names = here.box.run(["sh", "-ec", "ls /run/netns || true"]).stdout.split()
    here.box.run(["sh", "-ec", f"for name in {' '.join(names)}; do ip netns delete $name; done; "
                               "while ip link | grep -q 'alias mooring:endpoint:'; do sleep 0.02; done\n"
                               "for name in front plain; do ip link delete $name 2>/dev/null || true; done\n"
                               "rm -rf /run/mooring /etc/netns"])
    flush(here)


def by_hand(here):
    """A bridge and a container as others make them, with the names and addresses of ours."""
    here.box.run(["sh", "-ec", f"""
        ip netns add hand
        ip link add front type bridge; ip address add 192.168.5.1/24 dev front
        ip address add 2001:db8:5::1/64 dev front nodad; ip link set front up
        ip link add vhand type veth peer eth0 netns hand; ip link set vhand master front up
        ip -n hand link set eth0 up; ip -n hand link set lo up
        ip -n hand address add {WEB}/24 dev eth0; ip -n hand address add {WEB6}/64 dev eth0 nodad
        ip -n hand route add default via 192.168.5.1; ip -n hand route add default via 2001:db8:5::1"""])
    hand = here.container("hand")
    here.serve(hand, "hand", (80, 81))
    expect_answers(((here.host, "tcp", WEB, 80), "hand:80", "192.168.5.1"),
                   ((here.host, "tcp", WEB6, 80), "hand:80", "2001:db8:5::1"))


def inward(here):
    return [(here.outside, protocol, address, port) for protocol in ("tcp", "udp") for address in (WEB, WEB6)
            for port in (80, 81)] + [(here.outside, "tcp", address, 8080) for address in (BOX, BOX6)]


def test_it_closes_what_comes_before_the_run_that_knows_all(here):
    opt_in(here)
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    start_again(here)
    by_hand(here)
    assert [answer.outcome for answer in ask(*inward(here)[:4])] == ["answered"] * 4, "nothing else keeps them out"
    start_again(here)
    assert load(here) == [0, 0, 0, 0]
    by_hand(here)
    expect_closed(here.servers, *inward(here))


def test_a_task_for_something_else_opens_nothing_before_the_network_is_back(here):
    opt_in(here)
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    start_again(here)
    load(here)
    here.pipeline.run("docker_bridge", name="other", bip="10.99.0.1/24")
    by_hand(here)
    expect_closed(here.servers, *inward(here))


@pytest.mark.parametrize("policy", ["ACCEPT", "DROP"])
def test_what_others_have_stays_and_twice_is_as_once(here, policy):
    opt_in(here)
    for program in PROGRAMS:
        here.box.run([f"{program}-restore"], input=FOREIGN.format(policy=policy))
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    start_again(here)
    for program in PROGRAMS:
        here.box.run([f"{program}-restore"], input=FOREIGN.format(policy=policy))
    before = {program: foreign(saved(here.box, program)) for program in PROGRAMS}
    assert guard(here) == [False, False]
    assert load(here) == [0, 0, 0, 0]
    once_loaded = {program: saved(here.box, program) for program in PROGRAMS}
    assert {program: foreign(text) for program, text in once_loaded.items()} == before
    assert load(here) == [1, 1, 1, 1]
    assert {program: saved(here.box, program) for program in PROGRAMS} == once_loaded
    for program in PROGRAMS:
        assert once_loaded[program].count("-A FORWARD -m comment --comment mooring -j MOORING-FORWARD") == 1


def test_the_next_run_takes_the_chains_as_its_own(here):
    opt_in(here)
    run = here.pipeline.run
    run("host_network", networks=[NETWORK, OPEN])
    before = {program: saved(here.box, program) for program in PROGRAMS}
    start_again(here)
    load(here)
    here.box.run(["iptables-restore", "--noflush"], input=OTHERS)
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    assert run("network_info")["network"]["drift"] == [] and guard(here) == [True, True]
    here.box.run(["sh", "-ec", "iptables -D FORWARD -p icmp -j LATE; iptables -X LATE"])
    for program in PROGRAMS:
        assert sorted(saved(here.box, program).splitlines()) == sorted(before[program].splitlines())
    for name, ports in (("web", (80, 81)), ("routed", (80, 81))):
        here.serve(here.container(name), name, ports)
    expect_answers(((here.outside, "tcp", BOX, 8080), "web:80", OUTSIDE),
                   ((here.outside, "tcp", BOX6, 8080), "web:80", OUTSIDE6),
                   ((here.outside, "tcp", OWN, 81), "routed:81", OUTSIDE))
    expect_closed(here.servers, *inward(here)[:8])


def test_the_guard_sees_each_hook_that_goes_and_changes_nothing(here):
    opt_in(here)
    here.pipeline.run("host_network", networks=[NETWORK])
    before = saved(here.box, "iptables")
    assert guard(here) == [True, True] and saved(here.box, "iptables") == before
    hooks = [(block.strip().splitlines()[0][1:], line) for block in before.split("COMMIT") if block.strip()
             for line in block.splitlines() if "--comment mooring -j" in line]
    assert len(hooks) >= 5
    for table, line in hooks:
        words = line.split()
        here.box.run(["iptables", "-t", table, "-D", *words[1:]])
        assert guard(here) == [False, True], line
        here.box.run(["iptables", "-t", table, "-A", *words[1:]])
        assert guard(here) == [True, True]


def test_the_guard_sees_each_rule_that_closes_something_and_goes(here):
    """Whatever exceptions there are."""
    opt_in(here)
    here.pipeline.run("host_network", networks=[{**NETWORK, "allow_bridges": ["plain"]}, {
        **OPEN, "trusted_networks": [f"{OUTSIDE}/32"]}, {"name": "third", "bip": "10.77.0.1/24"}])
    for family, program in (("ipv4", "iptables"), ("ipv6", "ip6tables")):
        tables = [(block.strip().splitlines()[0][1:], line) for block in saved(here.box, program).split("COMMIT")
                  if block.strip() for line in block.splitlines() if line.endswith("-j DROP")]
        assert len(tables) > 5
        content = {f"-A {line[3:]}" for line in here.box.run(["cat", f"{FOLDER}/guard.{family}"]).stdout.splitlines()
                   if line.endswith("-j DROP")}
        assert len(content) == len({line for _table, line in tables})
        for table, line in tables:
            here.box.run([f"{program}-restore", "--noflush"], input=f"*{table}\n-D{line[2:]}\nCOMMIT\n")
            assert not all(guard(here)), line
            here.box.run([f"{program}-restore", "--noflush"], input=f"*{table}\n{line}\nCOMMIT\n")
            assert all(guard(here))


@pytest.mark.parametrize("table", ["raw", "filter"])
def test_a_table_that_was_flushed_gets_its_rules_and_the_others_stay(here, table):
    opt_in(here)
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    before = saved(here.box, "iptables")
    here.box.run(["iptables", "-t", table, "-F"])
    here.box.run(["iptables", "-t", table, "-X"])
    assert load(here, "raw", "filter") == [0 if table == "raw" else 1, 0 if table == "filter" else 1, 1, 1]
    here.pipeline.run("host_network", networks=[NETWORK, OPEN])
    assert sorted(saved(here.box, "iptables").splitlines()) == sorted(before.splitlines())


def test_the_files_are_roots_alone_and_go_with_the_last_bridge(here):
    opt_in(here)
    shown = here.pipeline.run("docker_bridge", check=True, name="front", bip="192.168.5.1/24")
    assert "write /var/lib/mooring/gate.ipv6" in shown["operations"]
    assert here.box.run(["cat", f"{FOLDER}/gate.ipv4"]).stdout == ""
    here.pipeline.run("docker_bridge", name="front", bip="192.168.5.1/24")
    modes = here.box.run(["sh", "-ec", f"stat -c '%a %U %n' {FOLDER} {FOLDER}/*"]).stdout.split("\n")
    assert modes[:-1] == [f"700 root {FOLDER}", *(f"600 root {FOLDER}/{name}" for name in (
        "applied.json", "gate.ipv4", "gate.ipv6", "guard.ipv4", "guard.ipv6", "user.ipv4", "user.ipv6"))]
    here.pipeline.run("docker_bridge", name="front", state="absent")
    assert here.box.run(["ls", FOLDER]).stdout == "applied.json\n"  # that the host keeps what it is asked for stays


def test_a_folder_that_others_can_write_is_refused(here):
    opt_in(here)
    here.box.run(["chmod", "777", FOLDER])
    with pytest.raises(PipelineError, match="/var/lib/mooring can be written by others than root"):
        here.pipeline.run("docker_bridge", name="front", bip="192.168.5.1/24")
    assert "front" not in here.box.run(["ip", "link"]).stdout


def test_what_began_while_rules_were_gone_ends_and_what_may_be_goes_on(here, monkeypatch):
    """On a bridge that routes the table raw closes nothing, and with icc: false nothing but the filter does."""
    run, routed, shop = here.pipeline.run, here.container("routed"), here.container("shop")
    networks = [{**NETWORK, "containers": [*NETWORK["containers"], {"name": "idle", "address": "192.168.5.30"}]},
                {**OPEN, "trusted_interfaces": []}]
    run("host_network", networks=networks)
    for name in ("web", "routed"):
        here.serve(here.container(name), name, (80, 81))
    # Without any rule that asks for states the kernel tracks nothing, and nothing could go on.
    here.box.run(["iptables", "-t", "mangle", "-A", "PREROUTING", "-m", "conntrack", "--ctstate", "INVALID"])
    flush(here)
    monkeypatch.setattr(traffic, "PATIENCE", 1.0)
    with contextlib.ExitStack() as stack:
        unpublished, published, stranger, linked = (stack.enter_context(Flow(here.servers, *call)) for call in (
            (here.outside, OWN, 81), (here.outside, OWN, 80), (here.container("idle"), WEB, 81), (shop, WEB, 81)))
        begun, kept = (stack.enter_context(Connection(routed, port, place, OWN, port))
                       for port, place in ((8181, here.outside), (8182, here.host)))
        assert [flow.send() for flow in (unpublished, published, stranger, linked)] == [
            "routed:81", "routed:80", "web:81", "web:81"]
        assert begun.lives() and kept.lives()
        run("host_network", networks=networks)
        assert [flow.send() for flow in (unpublished, published, stranger, linked)] == ["", "routed:80", "", "web:81"]
        assert kept.lives()
        with pytest.raises(OSError, match="timed out"):
            begun.lives()
    assert run("host_network", networks=networks)["operations"] == []
