# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on both backends and both families: what others wrote stays as it is, and what is ours comes back."""
import re
import sys

import pytest
from pipeline import CHECKOUT, Pipeline, PipelineError
from traffic import Flow, expect_answers, expect_closed
from worlds import ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, FRONT, FRONT6, OUTSIDE, OUTSIDE6, picture, world

PROGRAMS = ("iptables", "ip6tables")
# Rules of an administrator, in every place that we have rules in, with what iptables-save writes in its own way.
FOREIGN = """\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i eth9 -m comment --comment "do not track; \\"really\\"" -j NOTRACK
-A PREROUTING -p udp -m multiport --dports 67,68 -j ACCEPT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -o eth9 -m comment --comment mooring-like -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD {policy} [0:0]
:OUTPUT ACCEPT [0:0]
:MYCHAIN - [0:0]
:MOOR - [0:0]
-A INPUT -m comment --comment "mooring is not ours here" -j ACCEPT
-A FORWARD -m limit --limit 3/min -j LOG --log-prefix "MOORING-FORWARD: "
-A FORWARD -i eth9 -j MYCHAIN
-A MYCHAIN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A MYCHAIN -j RETURN
-A MOOR -m comment --comment mooring -j RETURN
COMMIT
"""


def saved(host, program):
    """The rules of all tables, without counters and dates, by table."""
    lines = [re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in host.run([f"{program}-save"]).stdout.splitlines()
             if not line.startswith("#")]
    return "\n".join(lines)


def foreign(text):
    """What is not ours: without our chains, and without the tagged rules that lead to them."""
    ours = re.compile(r":MOORING|-A MOORING|.* --comment mooring -j MOORING")
    return "\n".join(line for line in text.splitlines() if not ours.match(line))


def tables(text):
    """Tables that hold more than empty built-in chains, whose order and existence mean nothing."""
    found = [block for block in re.split(r"(?m)^COMMIT$", text) if block.strip()]
    return sorted(block.strip() for block in found if re.search(r"(?m)^-A|^:[A-Z]+ (DROP|-)", block))


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in ("web", "shop"):
            found.box.run(["ip", "netns", "add", name])
            found.serve(found.container(name), name, (80, 53))
        yield found


@pytest.fixture
def configured(here):
    """A bridge with two containers, a published port, and icc off."""
    _configure(here)
    return here


def _configure(here):
    run = here.pipeline.run
    run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
    run("netns_attach", config=[{"netns": name, "address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1]}
                                for name in ("web", "shop")])
    run("port_publish", container="web", published_ports=["8080:80", "5353:53/udp"])
    run("icc_policy", bridge="front", icc=False)
    # A new bridge has no link-local address yet, without which it cannot ask for its neighbours.
    expect_answers(((here.outside, "tcp", BOX6, 8080), "web:80", OUTSIDE6))


def everything_works(here):
    expect_answers(((here.outside, "tcp", BOX, 8080), "web:80", OUTSIDE),
                   ((here.outside, "tcp", BOX6, 8080), "web:80", OUTSIDE6))
    expect_closed(here.servers, *((here.outside, "tcp", address, 80) for address in ADDRESSES["web"]),
                  *((here.container("shop"), "tcp", address, 80) for address in ADDRESSES["web"]))


@pytest.mark.parametrize("policy", ["ACCEPT", "DROP"])
def test_rules_of_others_stay_byte_by_byte(configured, policy):
    here = configured
    here.pipeline.run("docker_bridge", name="front", state="absent", force=True)
    for program in PROGRAMS:
        here.box.run([f"{program}-restore"], input=FOREIGN.format(policy=policy))
    before = {program: saved(here.box, program) for program in PROGRAMS}
    assert all("MYCHAIN" in text and "clamp-mss" in text for text in before.values())
    _configure(here)
    for program in PROGRAMS:
        during = saved(here.box, program)
        assert "MOORING-FORWARD" in during.replace(FOREIGN, "")
        assert tables(foreign(during)) == tables(before[program])
    everything_works(here)
    here.pipeline.run("docker_bridge", name="front", state="absent", force=True)
    for program in PROGRAMS:
        assert tables(saved(here.box, program)) == tables(before[program])
        empty = re.sub(r"(?m)^(-A .*|:\S+ -.*)\n", "", FOREIGN).format(policy="ACCEPT").replace("DROP", "ACCEPT")
        here.box.run([f"{program}-restore"], input=empty)


@pytest.mark.parametrize("damage", [
    "{program} -F FORWARD",
    "{program} -t nat -F PREROUTING",
    "{program} -t nat -F",
    "{program} -t raw -F",
    "{program} -F",
    "{program} -F; {program} -X; {program} -t nat -F; {program} -t nat -X; {program} -t raw -F; {program} -t raw -X",
    "{program} -I FORWARD -j ACCEPT",  # in front of ours, it would open what we close
    "{program} -I MOORING-IN-front -j ACCEPT",
    "{program} -D MOORING-IN-front 4",
    "{program} -t nat -A MOORING-SNAT -j ACCEPT",
    "{program} -I FORWARD -m comment --comment mooring -j MOORING-FORWARD",  # a second one, as a restored file brings
    "{program}-save | {program}-restore --noflush",  # everything twice
    "{program} -N MOORING-LEFTOVER",
])
def test_a_run_repairs_what_somebody_damaged(configured, damage):
    here = configured
    before = {program: saved(here.box, program) for program in PROGRAMS}
    ledger = here.pipeline.run("network_info")["network"]["published_ports"]
    for program in PROGRAMS:
        here.box.run(["sh", "-ec", damage.format(program=program)])
    if "-I FORWARD -j ACCEPT" in damage:  # until the repair, the raw table keeps the outside from the containers
        expect_closed(here.servers, *((here.outside, "tcp", address, 80) for address in ADDRESSES["web"]))
    assert here.pipeline.run("network_info")["network"]["drift"]
    # Published ports live in the rules. Where those went, the task that asked for them brings them back.
    here.pipeline.run("docker_bridge", name="front")
    here.pipeline.run("port_publish", container="web", published_ports=["8080:80", "5353:53/udp"])
    info = here.pipeline.run("network_info")["network"]
    assert (info["drift"], info["published_ports"]) == ([], ledger)
    everything_works(here)
    for program in PROGRAMS:
        if "-I FORWARD -j ACCEPT" in damage:
            here.box.run([program, "-D", "FORWARD", "-j", "ACCEPT"])  # it stays, behind ours
        assert sorted(saved(here.box, program).splitlines()) == sorted(before[program].splitlines())


def test_without_rules_the_firewall_is_left_alone(configured):
    """Neither a bridge with iptables and ip6tables off nor its containers add, change or remove a rule."""
    here = configured
    here.pipeline.run("docker_bridge", name="front", state="absent", force=True)
    for program in PROGRAMS:
        here.box.run([f"{program}-restore"], input=FOREIGN.format(policy="DROP"))
    before = {program: saved(here.box, program) for program in PROGRAMS}

    def untouched(*programs):
        return all(saved(here.box, program) == before[program] for program in programs)

    run = here.pipeline.run
    for off in (("iptables", "ip6tables"), ("iptables",), ("ip6tables",)):
        switches = {program: program not in off for program in PROGRAMS}
        for _again in range(2):
            run("docker_bridge", name="back", bip=f"{BACK}/24", bip6=f"{BACK6}/64", ipv6=True, **switches)
            run("netns_attach", netns="web", bridge="back")
            if "iptables" in off:
                with pytest.raises(PipelineError, match="ports of web cannot be published.*iptables: false"):
                    run("port_publish", netns="web", published_ports=["8080:80"])
                with pytest.raises(PipelineError, match="icc: 'False' needs rules"):
                    run("icc_policy", bridge="back", icc=False)
            else:
                run("port_publish", netns="web", published_ports=["8080:80"])
            assert untouched(*off)
        assert [program for program in PROGRAMS if not untouched(program)] == [
            program for program in PROGRAMS if program not in off]
        run("netns_attach", netns="web", state="absent")
        run("docker_bridge", name="back", state="absent")
        assert untouched(*off)
        assert all(tables(saved(here.box, program)) == tables(before[program]) for program in PROGRAMS)
    for program in PROGRAMS:
        empty = re.sub(r"(?m)^(-A .*|:\S+ -.*)\n", "", FOREIGN).format(policy="ACCEPT").replace("DROP", "ACCEPT")
        here.box.run([f"{program}-restore"], input=empty)


def test_another_module_repairs_the_rules_as_well(configured):
    """Whatever task runs first after an `iptables -F`, the protection is back with it."""
    here = configured
    for program in PROGRAMS:
        here.box.run([program, "-F", "FORWARD"])
    result = here.pipeline.run("netns_attach", netns="web")
    assert [re.sub("(, FORWARD)*$", "", action) for action in result["operations"]] == [
        *(f"{family} filter table: insert a jump into FORWARD" for family in ("ipv4", "ipv6")),
        # What somebody has begun while it stood open.
        *(f"forget tracked connections of all to {subnet}" for subnet in ("192.168.5.0/24", "2001:db8:5::/64"))]
    everything_works(here)


def test_a_check_changes_nothing_and_names_the_repair(configured):
    here = configured
    here.box.run(["iptables", "-F", "FORWARD"])
    before = picture(here.box)
    result = here.pipeline.run("port_publish", check=True, container="web", published_ports=["8081:80"])
    assert result["changed"] and any("insert a jump into FORWARD" in action for action in result["operations"])
    assert picture(here.box) == before


def test_a_refused_transaction_shows_the_lines_around_the_refused_one_and_changes_nothing(configured):
    here = configured
    before = saved(here.box, "iptables")
    accept = "-A MOORING-BAD -j ACCEPT"
    change = ["ChainChange", "MOORING-BAD", None, ["ObservedChain", ["mooring:bad"], [
        *[accept] * 3000, "-A MOORING-BAD -m nosuchmatch -j DROP", *[accept] * 3000]]]
    answer = here.pipeline.execute(["RestoreTable", "ipv4", "filter", [change]])
    assert answer["done"] == []
    assert re.search(r"iptables-restore refused .*nosuchmatch", answer["failure"], re.DOTALL)
    assert re.search(r"\n3003 -A MOORING-BAD -m nosuchmatch -j DROP\n", answer["failure"])
    assert answer["failure"].count(accept) == 4 and len(answer["failure"]) < 1000
    assert saved(here.box, "iptables") == before


def test_two_runs_at_a_time_wait_for_the_lock_of_iptables(here):
    """iptables-legacy has one lock for all of its programs, and gives up at once unless it is told to wait."""
    with here.box.popen(["flock", "/run/xtables.lock", "sleep", "0.3"]) as holder:
        result = here.pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24")
        holder.wait(10)
    assert result["changed"]
    here.pipeline.run("docker_bridge", name="back", state="absent")


def test_a_family_without_its_program_says_which_package(host):
    host.run(["rm", "/usr/sbin/iptables-restore"])
    with Pipeline(host) as pipeline:
        with pytest.raises(PipelineError, match="bridge back needs rules: iptables is not installed: install the "
                                                "package iptables .or say iptables: false"):
            pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24")
        result = pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24", iptables=False)
        assert result["bridge"]["iptables"] is False


# Tracked connections


def test_a_flow_follows_a_port_that_moves(configured):
    here = configured
    publish = here.pipeline.run
    for address, family in ((BOX, "ipv4"), (BOX6, "ipv6")):
        with (Flow(here.servers, here.outside, address, 5353) as flow,
              Flow(here.servers, here.outside, address, 5454) as other):
            publish("port_publish", container="shop", published_ports=["5454:53/udp"])
            assert (flow.send(), flow.send(), other.send()) == ("web:53", "web:53", "shop:53"), family
            tracked = _tracked(here, 5454)
            publish("port_publish", config=[{"container": "web", "state": "absent"},
                                            {"container": "shop", "published_ports": ["5353:53/udp", "5454:53/udp"]}])
            assert (flow.send(), other.send()) == ("shop:53", "shop:53"), family
            assert tracked and _tracked(here, 5454) == tracked  # a flow that nothing changed for keeps its entry
            publish("port_publish", config=[{"container": "shop", "published_ports": []},
                                            {"container": "web", "published_ports": ["8080:80", "5353:53/udp"]}])
            assert (flow.send(), other.send()) == ("web:53", ""), family


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5", BOX, FRONT, BOX6, FRONT6])
def test_a_flow_of_the_host_itself_follows_a_port_that_moves(configured, address):
    here = configured
    with Flow(here.servers, here.host, address, 5353) as flow:
        assert (flow.send(), flow.send()) == ("web:53", "web:53")
        here.pipeline.run("port_publish", config=[{"container": "web", "published_ports": ["8080:80"]},
                                                  {"container": "shop", "published_ports": ["5353:53/udp"]}])
        assert flow.send() == "shop:53"
        here.pipeline.run("port_publish", container="shop", published_ports=[])
        assert flow.send() == ""


@pytest.mark.parametrize("address", [BOX, FRONT, BOX6, FRONT6])
def test_a_flow_of_a_container_follows_a_port_that_moves(configured, address):
    """Also to itself, which is where the port is in the end."""
    here = configured
    with Flow(here.servers, here.container("shop"), address, 5353) as flow:
        assert (flow.send(), flow.send()) == ("web:53", "web:53")
        here.pipeline.run("port_publish", config=[{"container": "web", "published_ports": ["8080:80"]},
                                                  {"container": "shop", "published_ports": ["5353:53/udp"]}])
        assert flow.send() == "shop:53"
        here.pipeline.run("port_publish", container="shop", published_ports=[])
        assert flow.send() == ""


def _tracked(here, port):
    """Entries of the port, without what counts and runs out."""
    shown = ""
    for family in ("ipv4", "ipv6"):
        command = ["conntrack", "-L", "-f", family, "-p", "udp", "--orig-port-dst", str(port)]
        shown += here.box.run(command, check=False).stdout
    return sorted(re.sub(r"^(udp +17) \d+|\[\w+\] | use=\d+", r"\1", line) for line in shown.splitlines())


def test_a_flow_that_was_there_first_finds_the_port_once_it_is_published(configured):
    """Its entry says "not translated", and would do so for as long as the client keeps sending."""
    here = configured
    for address in (BOX, BOX6):
        here.pipeline.run("port_publish", container="shop", published_ports=[])
        with Flow(here.servers, here.outside, address, 5555) as flow:
            assert (flow.send(), flow.send()) == ("", "")
            here.pipeline.run("port_publish", container="shop", published_ports=["5555:53/udp"])
            assert flow.send() == "shop:53"


@pytest.mark.parametrize("address", [BOX, BOX6])
def test_a_flow_ends_with_the_container(configured, address):
    """Its address may be the next one's: nobody is to get what was meant for another."""
    here = configured
    with Flow(here.servers, here.outside, address, 5353) as flow:
        assert flow.send() == "web:53"
        here.pipeline.run("netns_attach", config=[{"netns": "web", "state": "absent"},
                                                  {"netns": "shop", "state": "absent"}])
        here.pipeline.run("netns_attach", netns="shop", address=ADDRESSES["web"][0], address_v6=ADDRESSES["web"][1],
                          bridge="front")
        assert flow.send() == ""
        here.pipeline.run("netns_attach", netns="shop", state="absent")


@pytest.mark.parametrize("address", [BOX, BOX6])
def test_a_flow_follows_its_container_to_another_address(configured, address):
    here = configured
    with Flow(here.servers, here.outside, address, 5353) as flow:
        assert flow.send() == "web:53"
        here.pipeline.run("netns_attach", netns="web", address=ADDRESSES["limited"][0],
                          address_v6=ADDRESSES["limited"][1])
        here.pipeline.run("netns_attach", netns="shop", address=ADDRESSES["web"][0], address_v6=ADDRESSES["web"][1])
        assert flow.send() == "web:53"


def test_a_flow_that_passes_by_is_left_alone(configured):
    """A container asks the outside at the port that another one publishes, as it asks a name server."""
    here = configured
    here.serve(here.outside, "outside", (5656,), protocols=("udp",))
    for address in (OUTSIDE, OUTSIDE6):
        with Flow(here.servers, here.container("shop"), address, 5656) as flow:
            assert flow.send() == "outside:5656"
            tracked = _tracked(here, 5656)
            for ports in (["5353:53/udp", "5656:53/udp"], ["5353:53/udp"]):
                here.pipeline.run("port_publish", container="web", published_ports=["8080:80", *ports])
                assert tracked and _tracked(here, 5656) == tracked
            assert flow.send() == "outside:5656"


def test_a_bridge_that_leaves_takes_its_rules_only(configured):
    here = configured
    here.pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24")
    one = saved(here.box, "iptables")
    assert "MOORING-IN-back" in one and "MOORING-ICC-back" in one
    here.pipeline.run("docker_bridge", name="back", state="absent")
    two = saved(here.box, "iptables")
    assert "-IN-back" not in two and " back " not in two
    everything_works(here)


def test_a_kernel_that_refuses_to_forget_is_a_warning(configured):
    """A process without CAP_NET_ADMIN may not ask for tracked connections."""
    ask = "\n".join([
        "import sys; sys.path.append(sys.argv[1])",
        "from ansible_collections.mooring.net.plugins.module_utils._internal.host import conntrack, operations",
        "print(conntrack.flush(operations.ConntrackFlush('ipv4', (('udp', 5353, 5353),))))"])
    done = configured.box.run(["setpriv", "--bounding-set=-net_admin", sys.executable, "-c", ask,
                               str(CHECKOUT / ".collections")])
    assert done.stdout == ("['could not forget tracked connections of udp port 5353: [Errno 1] Operation not "
                           "permitted']\n")
