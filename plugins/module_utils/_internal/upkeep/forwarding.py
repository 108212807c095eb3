# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the kernel does not forward what goes to containers: sentences for the user. Pure.

IPv4 asks the interface that a packet comes in by, and a host has such a setting for each; IPv6 asks the whole host
(ip_forward(), ip6_forward() of the kernel).
"""
from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from ..bridge.model import bridges
from ..bridge.way_out import is_default
from ..core.model import is_known
from ..firewall.model import FAMILIES
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..host.settings import FORWARDING, FORWARDING_OF
from ..link.model import Link
from ..netns.model import HOST
from ..ports.model import Publication, family_of
from .obstacles import entries

_NAMED = 5
_PER_INTERFACE = ("Set it to 1 where it is set to 0; for systemd-networkd that is IPv4Forwarding=yes in the .network "
                  "file, IPForward=yes before version 256")


def find_unforwarded(state: HostState, published: Iterable[Publication], names: Iterable[str]) -> list[str]:
    """What keeps packets of the outside from these ports, and from the containers of these bridges."""
    own, open_to_others = bridges(state), [each for each in published if not _is_loopback(each.host_ip)]
    leased = {lease.ip(family) for lease in endpoints(state) for family in FAMILIES} if open_to_others else ()
    ports = [each for each in open_to_others if each.container_ip in leased]
    asked = [own[name] for name in names if name in own and own[name].forward and not own[name].internal]
    found: list[str] = []
    for family in FAMILIES:
        here = [each for each in ports if each.family == family]
        inside = [bridge.name for bridge in asked if bridge.address(family)]
        if state.sysctls.get((HOST, FORWARDING[family])) == "0":
            if what := _what(here, inside):
                found.append(f"{_dotted(FORWARDING[family])} is 0, so that nothing from outside gets to {what}. "
                             "docker_bridge sets it to 1; see what sets it to 0, like a file in /etc/sysctl.d")
        elif family == "ipv4":
            found += _by_interface(state, here, inside)
    return found


@functools.lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    return is_known(address) and ipaddress.ip_address(address).is_loopback


def _by_interface(state: HostState, ports: Sequence[Publication], names: Sequence[str]) -> Iterator[str]:
    uplinks = {route.interface for route in state.host.routes
               if route.family == "ipv4" and is_default(route.destination)}
    for link in entries(state):
        setting = FORWARDING_OF["ipv4"].format(link.name)
        if state.sysctls.get((HOST, setting)) != "0":
            continue
        here = [each for each in ports if link.name in uplinks or _is_at(each, link)]
        if what := _what(here, names if link.name in uplinks else ()):
            yield (f"{_dotted(setting)} is 0, so that nothing that comes in by {link.name} gets to {what}. "
                   f"{_PER_INTERFACE}")


def _is_at(publication: Publication, link: Link) -> bool:
    """Whether a port is looked for at an address of an interface."""
    own = {address.partition("/")[0] for address in link.addresses if family_of(address) == publication.family}
    return bool(own) and (publication.direct or publication.host_ip == "0.0.0.0" or publication.host_ip in own)


def _what(ports: Sequence[Publication], names: Sequence[str]) -> str:
    containers = list(dict.fromkeys(each.container for each in ports))
    parts = [f"published ports of {_few(containers)}"] if containers else []
    return " and ".join([*parts, *([f"containers of {_few(names)}, nor any reply to them"] if names else [])])


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _dotted(name: str) -> str:
    return name.replace("/", ".")
