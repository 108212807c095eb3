# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of ours as it is, and as a task wants it."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Optional, Union

from ..host.model import HostState
from ..link.model import BRIDGE, Link


@dataclass(frozen=True)
class Bridge:
    """A bridge of ours: its link, and the settings that its mark carries because the kernel has no place for them.

    ``pool`` is what Docker calls ``fixed-cidr``, ``gateway`` its ``default-gateway``; texts, "" when not set. ``guard``
    has the families of which this bridge switched forwarding on: what concerns other interfaces only stays closed.
    """

    link: Link
    masquerade: bool = True
    icc: bool = True
    iptables: bool = True
    ip6tables: bool = True
    pool: str = ""
    gateway: str = ""
    pool_v6: str = ""
    gateway_v6: str = ""
    adopted: bool = False
    guard: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.link.name

    def address(self, family: str) -> str:
        """The bridge's own address with its prefix length, "" when it has none of the family."""
        version = 4 if family == "ipv4" else 6
        return next((a for a in self.link.addresses if ipaddress.ip_interface(a).version == version), "")

    def subnet(self, family: str) -> str:
        address = self.address(family)
        return str(ipaddress.ip_interface(address).network) if address else ""

    def filters(self, family: str) -> bool:
        """Whether the rules of this family are ours to keep for this bridge."""
        return self.iptables if family == "ipv4" else self.ip6tables

    @property
    def cannot_close(self) -> str:
        """The option that keeps icc: false from closing the bridge, "" where nothing does: a family without rules."""
        if not self.iptables:
            return "iptables"
        return "ip6tables" if self.subnet("ipv6") and not self.ip6tables else ""

    def settings(self) -> dict[str, str]:
        """What stands in the mark: only what differs from Docker's defaults."""
        switches = {"masq": self.masquerade, "icc": self.icc, "iptables": self.iptables, "ip6tables": self.ip6tables}
        words = {key: "0" for key, on in switches.items() if not on}
        return {**words, "pool": self.pool, "gw": self.gateway, "pool6": self.pool_v6, "gw6": self.gateway_v6,
                "adopted": "1" if self.adopted else "", "guard": ",".join(self.guard)}


def bridge_of(link: Link) -> Optional[Bridge]:
    """The bridge that ``link`` is, None when it is not one of ours."""
    mark = link.mark
    if mark is None or mark.kind != BRIDGE:
        return None
    words = mark.settings
    return Bridge(link, words.get("masq") != "0", words.get("icc") != "0", words.get("iptables") != "0",
                  words.get("ip6tables") != "0", words.get("pool", ""), words.get("gw", ""), words.get("pool6", ""),
                  words.get("gw6", ""), words.get("adopted") == "1",
                  tuple(family for family in words.get("guard", "").split(",") if family))


def bridges(state: HostState) -> dict[str, Bridge]:
    """All bridges of ours by name, in order of their names."""
    found = {link.name: bridge_of(link) for link in state.marked(BRIDGE)}
    return {name: found[name] for name in sorted(found)}


@dataclass(frozen=True)
class DesiredBridge:
    """What a task says of a bridge; None means that it says nothing, so that what exists stays.

    ``bip`` and ``bip6`` are addresses with a prefix length, ``mtu`` is in bytes, or "auto" for that of
    the default route.
    """

    name: str
    present: bool = True
    bip: Optional[str] = None
    mtu: Union[int, str, None] = None
    fixed_cidr: Optional[str] = None
    default_gateway: Optional[str] = None
    ip_masq: Optional[bool] = None
    ip_forward: bool = True
    forward_others: Optional[bool] = None
    iptables: Optional[bool] = None
    ip6tables: Optional[bool] = None
    ipv6: Optional[bool] = None
    bip6: Optional[str] = None
    fixed_cidr_v6: Optional[str] = None
    default_gateway_v6: Optional[str] = None
    stp: Optional[bool] = None
    mac_address: Optional[str] = None
    adopt: bool = False
    force: bool = False
    allow_overlap: bool = False
