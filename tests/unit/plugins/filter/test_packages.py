# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages the roles install, by distribution."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter.packages import packages

DEBIAN = ["iptables", "python3-jinja2", "python3-pyroute2"]


def facts(family, distribution, major):
    return {"os_family": family, "distribution": distribution, "distribution_major_version": major}


@pytest.mark.parametrize(("host", "names", "epel"), [
    (facts("Debian", "Debian", "11"), DEBIAN, False),
    (facts("Debian", "Debian", "13"), DEBIAN, False),
    (facts("Debian", "Ubuntu", "26"), DEBIAN, False),
    (facts("RedHat", "Rocky", "9"), ["iptables-nft", "python3-jinja2", "python3-pyroute2"], True),
    (facts("RedHat", "RedHat", "10"),
     ["iptables-nft", "kernel-modules-extra", "python3-jinja2", "python3-pyroute2"], True),
    (facts("RedHat", "Fedora", "43"), ["iptables-nft", "python3-jinja2", "python3-pyroute2"], False),
    (facts("Alpine", "Alpine", "3"), ["iptables", "py3-jinja2", "py3-pyroute2"], False),
    (facts("Archlinux", "Archlinux", ""), ["iptables", "python-jinja", "python-pyroute2"], False),
    (facts("Suse", "openSUSE Tumbleweed", "20261101"), ["iptables", "python3-Jinja2", "python3-pyroute2"], False),
])
def test_each_distribution_has_its_names(host, names, epel):
    found = packages(host)
    assert (found["names"], "EPEL" in found["hint"]) == (names, epel)
    assert ("community.general" in found["hint"]) == (host["os_family"] in ("Alpine", "Archlinux", "Suse"))


def test_what_a_user_names_goes_before():
    assert packages({}, ["mine"]) == {"names": ["mine"], "hint": ""}
    assert packages(facts("RedHat", "Rocky", "9"), ["mine"])["hint"] == ""


def test_a_system_that_is_not_known_is_named_with_what_to_give():
    with pytest.raises(AnsibleFilterError, match="not known for Void. Give a list .* host_network_packages"):
        packages(facts("Void", "Void", ""))
