# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere, also in the middle of one operation: the next run completes it, or takes it back.

A kill comes before a system call by which something changes; see killing.py. The long version is soak.py.
"""
import random

import pytest
from containers import box, once
from remains import differences, remains

pytestmark = once

FRONT = {"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64", "icc": False}
BACK = {"name": "back", "bip": "10.20.0.1/24"}
WEB = {"name": "web", "address": "192.168.5.10", "links": ["db"], "dns_servers": ["192.0.2.1"],
       "published_ports": ["8080:80", "127.0.0.1:8081:81"]}
DB = {"name": "db", "address": "192.168.5.11", "exposed_ports": ["5432"]}
NETWORKS = [{**FRONT, "containers": [WEB, DB]},
            {**BACK, "containers": [{"name": "c", "published_ports": ["9000:90"]}]}]
MOVED = [{**FRONT, "bip": "192.168.6.1/24", "containers": [
    {**WEB, "address": "192.168.6.11", "published_ports": ["8082:80"]}, {**DB, "address": "192.168.6.10"}]}]

# What is there before the run that is killed, and what that asks for.
WAYS = {"a host comes": ([], NETWORKS), "a host goes": (NETWORKS, []), "a host changes": (NETWORKS, MOVED)}
KILLS = 6  # of each way, at places chosen by chance


def bring(here, networks):
    here.run("host_network", networks=networks, exclusive=True)


@pytest.fixture(scope="module")
def here():
    with box() as found:
        for networks in (NETWORKS, MOVED, []):  # what stays of a host that had it once: settings, modules, /run/netns
            bring(found, networks)
        yield found


def expect(here, expected, words):
    found = remains(here)
    assert found == expected, f"{words}\n{differences(expected, found)}"


@pytest.mark.parametrize("way", WAYS)
def test_the_next_run_completes_a_killed_one_or_takes_it_back(here, way):
    before, after = WAYS[way]
    bring(here, before)
    at_first = remains(here)
    calls = here.pipeline.kill_at(0, "host_network", networks=after, exclusive=True)
    at_end = remains(here)
    assert len(calls) > 100 and at_first != at_end
    seed = random.randrange(1 << 32)
    for number in sorted(random.Random(seed).sample(range(1, len(calls) + 1), KILLS)):
        for networks, expected in ((after, at_end), (before, at_first)):
            bring(here, before)
            killed = here.pipeline.kill_at(number, "host_network", networks=after, exclusive=True)
            words = f"seed {seed}: killed before call {number} of {len(calls)}, {killed[-1]}"
            bring(here, networks)
            assert not here.run("host_network", check=True, networks=networks, exclusive=True)["changed"], words
            expect(here, expected, words)
    bring(here, [])


# Of a namespace that comes or goes, each call by which a file, a mount or a namespace changes.
OF_NAMESPACES = {"mkdirat", "openat", "fchmod", "fchown", "linkat", "unshare", "mount", "umount2", "unlink", "unlinkat",
                 "rmdir", "symlink", "symlinkat", "rename", "renameat"}


@pytest.mark.parametrize("first", ["present", "absent"])
def test_a_namespace_is_there_whole_or_not_at_all(here, first):
    bring(here, [BACK])
    second = {"present": "absent", "absent": "present"}[first]
    asked = {state: {"netns": "lone", "state": state, **({"network_mode": "none"} if state == "present" else {})}
             for state in (first, second)}
    outcomes = {}
    for state in (first, second):
        here.run("netns_attach", **asked[state])
        outcomes[state] = remains(here)
    calls = here.pipeline.kill_at(0, "netns_attach", **asked[first])
    places = [number for number, name in enumerate(calls, 1) if name in OF_NAMESPACES]
    assert len(places) >= 7 and outcomes[first] != outcomes[second]
    for number in places:
        for then in (first, second):
            here.run("netns_attach", **asked[second])
            name = here.pipeline.kill_at(number, "netns_attach", **asked[first])[-1]
            here.run("netns_attach", **asked[then])
            expect(here, outcomes[then], f"{then} after a run that was killed before call {number}, {name}")
    assert here.run("netns_attach", netns="lone", state="absent")["operations"] == (
        ["remove namespace lone"] if then == "present" else [])


def test_a_file_that_becomes_shorter_has_nothing_left_of_the_old_text(here):
    """It is written in place, and cut afterwards: whoever is killed in between leaves it longer than it is to be."""
    bring(here, [{**BACK, "containers": [{"name": "c"}]}])
    names = {"long": {f"name-{number}": "10.9.9.9" for number in range(9)}, "short": {"name-1": "10.9.9.9"}}

    def run(hosts):
        return here.run("container_dns", netns="c", **({"etc_hosts": names[hosts]} if hosts else {"state": "absent"}))

    outcomes = {}
    for hosts in ("", "short"):
        run(hosts)
        outcomes[hosts] = remains(here)
    run("long")
    calls = here.pipeline.kill_at(0, "container_dns", netns="c", etc_hosts=names["short"])
    places = [number for number, name in enumerate(calls, 1) if name in ("ftruncate", "pwrite64")]
    assert len(places) >= 4
    for number in places:
        for then, expected in outcomes.items():
            run("long")
            here.pipeline.kill_at(number, "container_dns", netns="c", etc_hosts=names["short"])
            run(then)
            expect(here, expected, f"{then or 'absent'} after a run that was killed before call {number}")
    bring(here, [])
