# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of any kind, and what a host looks like after them."""
from __future__ import annotations

import dataclasses
import re
from typing import Any

from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from hypothesis import strategies as st
from world import World, picture

Document = list[dict[str, Any]]
BRIDGES = {"br0": "10.8.0", "br1": "10.9.0"}
PORTS = ["8080:80", "8081:80/udp", "127.0.0.1::443", "9000-9003:9000-9003", "192.0.2.10:8080:81", "ens3:8090:80",
         "ens3::81/udp"]
LISTS = [None, None, None, [], ["192.0.2.0/24:53"], ["192.0.2.0/24:53", "2001:db8:9::/48"], "anywhere"]
BANDWIDTHS = [None, None, {}, {"egress": "10mbit"}, {"egress": "5mbit", "ingress": "1mbit"}]


@st.composite
def containers(draw: st.DrawFn, names: list[str], subnet: str, network_internal: bool = False) -> Document:
    found = []
    here = [name for name in names if draw(st.booleans())]
    for name in here:
        said: dict[str, Any] = {"name": name, "published_ports": draw(st.lists(
            st.sampled_from(PORTS), max_size=2, unique=True))}
        said["state"] = draw(st.sampled_from(["present", "present", "present", "absent"]))
        if draw(st.booleans()):
            said["address"] = f"{subnet}.{draw(st.integers(2, 6))}"
        if draw(st.booleans()):
            said["exposed_ports"] = [5432]
        if draw(st.booleans()):
            said["aliases"] = draw(st.sampled_from([["front"], ["front", "a"], []]))
        if draw(st.booleans()):
            said["links"] = [draw(st.sampled_from([other for other in here if other != name] or [name]))]
        if draw(st.booleans()):
            said["allow_from"] = draw(st.sampled_from([["192.0.2.0/24"], ["10.0.0.0/8", "192.0.2.9"]]))
        if draw(st.booleans()):
            said["hostname"] = draw(st.sampled_from(["front", "back"]))
        for option, values in (("allow_to", LISTS), ("bandwidth", BANDWIDTHS)):
            if (value := draw(st.sampled_from(values))) is not None:
                said[option] = value
        if network_internal:
            said.pop("published_ports")
            said.pop("allow_from", None)
        found.append(said)
    return found


@st.composite
def documents(draw: st.DrawFn, ipv6: st.SearchStrategy = st.booleans()) -> Document:  # noqa: B008
    found, free = [], list("abcd")
    user = draw(st.sampled_from([None, None, False, True]))
    for name, subnet in BRIDGES.items():
        if name == "br1" and draw(st.booleans()):
            continue
        internal = draw(st.sampled_from([None, None, None, False, True]))
        listed = draw(containers(list(free), subnet, bool(internal)))
        free = [each for each in free if each not in {container["name"] for container in listed}]
        network: dict[str, Any] = {
            "name": name, "bip": f"{subnet}.{draw(st.sampled_from([1, 1, 9]))}/24", "force": True, "containers": listed,
            "icc": draw(st.sampled_from([None, True, False])), "mtu": draw(st.sampled_from([None, "1400"])),
            "internal": internal, "allow_to": draw(st.sampled_from(LISTS)),
            "outbound_address": draw(st.sampled_from([None, None, "", "192.0.2.10"])) if not internal else None,
            "user_chain": user, "container_names": draw(st.sampled_from([None, True, False])),
            "ip_masq": draw(st.sampled_from([None, False])),
            "gateway_mode": draw(st.sampled_from([None, "nat", "isolated" if internal else "nat"])),
            "fixed_cidr_v6": f"2001:db8:{name[-1]}::/64" if draw(ipv6) else None,
            "allow_bridges": draw(st.sampled_from([None, [], [next(other for other in BRIDGES if other != name)]])),
            "state": draw(st.sampled_from(["present"] * 5 + ["absent"]))}
        found.append({key: value for key, value in network.items() if value is not None})
    return found


def seen(world: World) -> dict[str, Any]:
    """The host without what only its history tells: MAC addresses that the kernel chose, the order of addresses."""
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {repr(key): without(each) for key, each in value.items()}
        if isinstance(value, Link):
            value = dataclasses.replace(value, addresses=tuple(sorted(value.addresses)))
        if isinstance(value, (tuple, list)):
            return [without(each) for each in value]
        return re.sub(r"0a:00:00:00:[0-9a-f:]{5}", "MAC", repr(value))

    found = picture(world.state)
    # A sysctl that a task has set stays set; which task was the first to need it is not part of the result.
    return without({key: value for key, value in found.items() if key != "sysctls"})
