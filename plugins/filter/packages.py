# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that hosts need, by distribution: the one table of them. Pure.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

# iptables, and jinja2 and pyroute2 for the distribution's own Python. iptables-nft is what Fedora and Enterprise Linux
# have; openSUSE's package python3-X is that of its newest Python. Keys are values of the fact os_family. Where pyroute2
# comes from: https://pkgs.alpinelinux.org/packages?name=py3-pyroute2 (community),
# https://archlinux.org/packages/extra/any/python-pyroute2/, https://packages.debian.org/python3-pyroute2,
# https://packages.fedoraproject.org/pkgs/python-pyroute2/python3-pyroute2/ (Fedora; EPEL 9 0.5.14, EPEL 10 0.7.12),
# https://build.opensuse.org/package/show/openSUSE:Factory/python-pyroute2
PACKAGES = {
    "Alpine": ("iptables", "py3-jinja2", "py3-pyroute2"),
    "Archlinux": ("iptables", "python-jinja", "python-pyroute2"),
    "Debian": ("iptables", "python3-jinja2", "python3-pyroute2"),
    "RedHat": ("iptables-nft", "python3-jinja2", "python3-pyroute2"),
    "Suse": ("iptables", "python3-Jinja2", "python3-pyroute2"),
}
# Enterprise Linux 10 keeps the extensions of iptables, like addrtype and comment, in a package beside its kernel
# (https://github.com/docker/docker-ce-packaging/issues/1340, https://github.com/AlmaLinux/cloud-images/issues/320).
EXTENSIONS = "kernel-modules-extra"
EXTENSIONS_FROM = 10
EPEL = ("python3-pyroute2 is in EPEL there: enable that repository first (dnf install epel-release, or as "
        "https://docs.fedoraproject.org/en-US/epel/ says)")
# Of the package managers ansible-core has modules for apt and dnf.
ELSEWHERE = ("Alpine", "Archlinux", "Suse")
GENERAL = ("The module for its package manager is in community.general, which has to be on the controller "
           "(ansible-galaxy collection install community.general)")


def packages(facts: Mapping[str, Any], own: Sequence[str] = ()) -> dict[str, Any]:
    """What is to be installed, and what to say where that fails.

    :param facts: ansible_facts with os_family, distribution and distribution_major_version
    :param own: the packages that a user has named, which go before
    :returns: ``names`` and ``hint``, "" where there is none
    :raises AnsibleFilterError: for a system that is not in the table
    """
    if own:
        return {"names": list(own), "hint": ""}
    family = str(facts.get("os_family", ""))
    if family not in PACKAGES:
        raise AnsibleFilterError(
            f"the names of packages are not known for {facts.get('distribution', 'this system')}. Give a list of those "
            "with iptables, and with jinja2 and pyroute2 for the Python of the system, as host_network_packages (or "
            f"bridge_host_packages); known are {', '.join(sorted(PACKAGES))} and what derives from them")
    names = list(PACKAGES[family])
    enterprise = family == "RedHat" and facts.get("distribution") != "Fedora"
    major = str(facts.get("distribution_major_version", ""))
    if enterprise and major.isdigit() and int(major) >= EXTENSIONS_FROM:
        names.insert(1, EXTENSIONS)
    return {"names": names, "hint": EPEL if enterprise else GENERAL if family in ELSEWHERE else ""}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"_packages": packages}  # private: for the roles only
