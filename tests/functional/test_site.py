# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook site, which is the role host_network: what it runs on a host, what it lacks, what it takes away."""
import json
import re
import sys

import pytest
from containers import box, once, play

DOCUMENT = [{"name": "br0", "bip": "10.9.0.1/24", "icc": False, "containers": [
    {"name": "web", "published_ports": ["8080:80"], "links": ["db"]}, {"name": "db", "exposed_ports": [5432]}]}]
APPLY = "Apply the document"
pytestmark = once


@pytest.fixture
def here():
    with box() as found:
        yield found


def tasks(output):
    """The names of the tasks that were carried out, without those that were skipped."""
    parts = re.split(r"^TASK \[(.*?)\] \**$", output, flags=re.MULTILINE)
    done = [name for name, said in zip(parts[1::2], parts[2::2]) if re.search(r"^(ok|changed): ", said, re.MULTILINE)]
    return [name.rpartition(" : ")[2] for name in done]


def test_a_host_that_is_as_the_document_says_takes_one_task(here):
    output, counts = play(here, "mooring.net.site", container_networks=DOCUMENT)
    assert (counts["failed"], counts["changed"]) == (0, 1), output
    output, counts = play(here, "mooring.net.site", container_networks=DOCUMENT)
    assert (counts["failed"], counts["changed"]) == (0, 0), output
    assert tasks(output) == [APPLY] and counts["skipped"] == 3, output


def test_a_document_that_is_empty_or_has_another_name_is_told(here):
    output, counts = play(here, "mooring.net.site", container_network=DOCUMENT)
    assert counts["failed"] == 0
    assert "container_networks is empty for this host" in output and "Is container_network meant?" in output
    output, _counts = play(here, "mooring.net.site", container_networks=[{**DOCUMENT[0], "bipp": "10.9.0.1/24"}])
    assert "networks[0] (br0): bipp: did you mean bip?" in output
    assert here.run("network_info")["network"]["bridges"] == []


def test_tags_choose_what_is_done(here):
    output, counts = play(here, "mooring.net.site", "--tags", "network", container_networks=DOCUMENT)
    assert (counts["failed"], counts["changed"]) == (0, 1) and tasks(output)[0] == APPLY, output


def test_what_a_preview_shows_is_what_is_done(here):
    shown, _counts = play(here, "mooring.net.site", "--check", "--diff", container_networks=DOCUMENT)
    assert here.run("network_info")["network"]["bridges"] == []
    done, _counts = play(here, "mooring.net.site", "--diff", container_networks=DOCUMENT)

    def lines(output):
        return [line for line in output.splitlines() if line.startswith(("+", "-"))]

    assert lines(shown) == lines(done) and "+web uses 5432/tcp of db" in lines(shown)
    assert any("hosts of web: 10.9.0.3\tdb" in line for line in lines(shown))


def test_a_host_without_iptables_gets_it_or_says_so(here):
    """The package is on record as installed, so that installing it changes nothing, and the program is still away."""
    here.sh("rm /usr/sbin/iptables* /usr/sbin/ip6tables*")
    output, counts = play(here, "mooring.net.site", "--tags", "network", container_networks=DOCUMENT,
                          host_network_packages=["iptables"])
    assert tasks(output)[-2:] == [APPLY, "Install what the host lacks"]
    assert "Apply the document again" in output, "with these tags as well"
    assert counts["failed"] == 1 and "iptables is not installed: install the package iptables" in output
    output, counts = play(here, "mooring.net.site", container_networks=DOCUMENT, host_network_install_packages=False)
    assert "Install what the host lacks" not in tasks(output)
    assert counts["failed"] == 1 and "iptables is not installed: install the package iptables" in output


def test_a_pyroute2_that_is_too_old_is_upgraded_or_named(here):
    """In check mode as well. It is what a host has that upgrades nothing: the package is at its newest."""
    old = here.host.path("/opt/old")
    (old / "pyroute2-0.5.9.dist-info").mkdir(parents=True)
    (old / "pyroute2").mkdir()
    (old / "pyroute2" / "__init__.py").write_text("raise SystemExit('imported')", encoding="ascii")
    (old / "pyroute2-0.5.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pyroute2\nVersion: 0.5.9\n", encoding="ascii")
    here.sh(f"printf '#!/bin/sh\nPYTHONPATH=/opt/old exec {sys.executable} \"$@\"\n' >/opt/python; "
            "chmod 755 /opt/python; rm -f /usr/local/bin/python3")
    given = {"container_networks": DOCUMENT, "ansible_python_interpreter": "/opt/python"}
    output, counts = play(here, "mooring.net.site", host_network_install_packages=False, **given)
    assert counts["failed"] == 1 and "pyroute2 0.5.9 is too old: version 0.5.14 or newer is needed" in output, output
    output, counts = play(here, "mooring.net.site", "--check", **given)
    assert counts["failed"] == 0 and "would install iptables and python3-jinja2 and python3-pyroute2" in output, output


def test_what_is_not_a_matter_of_packages_is_an_error_at_once(here):
    wrong = [{**DOCUMENT[0], "bip": "10.9.0.1"}]
    output, counts = play(here, "mooring.net.site", container_networks=wrong)
    assert counts["failed"] == 1 and "networks[0] (br0): bip: '10.9.0.1' lacks a prefix length" in output
    assert "Install what the host lacks" not in tasks(output)


def test_an_exclusive_document_and_the_teardown(here):
    play(here, "mooring.net.site", container_networks=DOCUMENT)
    other = [{"name": "br1", "bip": "10.8.0.1/24", "containers": [{"name": "web"}]}]
    output, counts = play(here, "mooring.net.site", container_networks=other, host_network_exclusive=True)
    assert counts["failed"] == 0, output
    network = here.run("network_info")["network"]
    assert [bridge["name"] for bridge in network["bridges"]] == ["br1"]
    assert (network["published_ports"], network["links"], network["namespaces"]) == ([], [], ["web"])
    output, counts = play(here, "mooring.net.teardown", "--check")
    assert counts["failed"] == 0 and here.run("network_info")["network"]["bridges"], output
    output, counts = play(here, "mooring.net.teardown")
    assert counts["failed"] == 0, output
    assert not any(here.run("network_info")["network"].values()), json.dumps(output)
