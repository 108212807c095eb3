# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the options of Docker names options of ours that there are, and leaves none of Docker's out."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import OPTIONS
from world import MODULES, RESOURCES, module

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "from_docker.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith("|---")]
# A word of ours stands alone in its code span, or with a value behind a colon.
OPTION = re.compile(r"([a-z][a-z0-9_]*)(?:: .*)?")
# What else stands in code on this side: modules, and words of Docker's that a sentence is about.
OTHER = {*MODULES, "host_network", "docker_daemon", "iptables"}

# What Docker's references list: docker run, docker network create and connect, dockerd, the driver bridge, Compose.
DOCKER = """
--network --network-alias --ip --ip6 --link-local-ip --mac-address --publish --publish-all --expose --link --dns
--dns-search --dns-option --hostname --domainname --add-host --sysctl --uts --driver --subnet --ip-range --gateway
--aux-address --internal --ipv4 --ipv6 --attachable --ingress --scope --label --config-from --config-only --ipam-driver
--ipam-opt --alias --gw-priority --driver-opt
com.docker.network.bridge.name com.docker.network.bridge.enable_ip_masquerade com.docker.network.bridge.enable_icc
com.docker.network.bridge.host_binding_ipv4 com.docker.network.bridge.gateway_mode_ipv4 gateway_mode_ipv6
com.docker.network.bridge.inhibit_ipv4 com.docker.network.bridge.trusted_host_interfaces
com.docker.network.bridge.default_bridge com.docker.network.driver.mtu com.docker.network.container_iface_prefix
com.docker.network.host_ipv4 com.docker.network.endpoint.ifname com.docker.network.endpoint.sysctls
com.docker.network.enable_ipv6 nat-unprotected isolated routed
bridge bip bip6 fixed-cidr fixed-cidr-v6 default-gateway default-gateway-v6 default-address-pools mtu icc ip ip-forward
ip-forward-no-drop ip-masq iptables ip6tables ipv6 dns dns-opts dns-search host-gateway-ip allow-direct-routing
bridge-accept-fwmark firewall-backend userland-proxy default-network-opts live-restore userns-remap
aliases ipv4_address ipv6_address mac_address interface_name link_local_ips priority gw_priority driver_opts
network_mode ports expose links external_links extra_hosts dns_search dns_opt hostname domainname sysctls uts
container_name internal external enable_ipv4 enable_ipv6 attachable labels subnet gateway ip_range aux_addresses
host_ip published target protocol mode app_protocol
""".split()


def options(spec: dict[str, dict[str, object]]) -> set[str]:
    """The names of all options, those within others included."""
    inner = [options(option["options"]) for option in spec.values() if "options" in option]  # type: ignore[arg-type]
    return {*spec, *(name for names in inner for name in names)}


def documented() -> set[str]:
    """All options that the documentation of a module has."""
    def names(found: dict[str, dict[str, object]]) -> set[str]:
        return {*found, *(name for option in found.values() for name in names(option.get("suboptions", {})))}

    return set().union(*(names(yaml.safe_load(module(name).DOCUMENTATION).get("options", {})) for name in MODULES))


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_no_row_is_without_an_answer(row: list[str]) -> None:
    assert len(row) in (2, 3) and all(row)


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 2 and row[1] != "here"], ids=lambda row: row[0])
def test_an_answer_is_an_option_that_there_is_or_a_sentence(row: list[str]) -> None:
    known = documented() | options(OPTIONS) | set().union(*(options(each.options) for each in RESOURCES.values()))
    words = [found[1] for span in spans(row[1]) if (found := OPTION.fullmatch(span))]
    assert set(words) - OTHER <= known, "this is no option of a module"
    assert words or row[1].endswith("."), "neither an option nor a sentence that says why not"


def test_nothing_of_docker_is_left_out() -> None:
    words = set(re.findall(r"[\w.-]+", " ".join(row[0] for row in ROWS).replace("...", " ")))
    words |= {word.rpartition(".")[2] for word in words}
    assert set(DOCKER) - words == set()
