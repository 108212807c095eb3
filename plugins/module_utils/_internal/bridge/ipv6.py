# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 on bridges, and on hosts that live from router advertisements. Pure.

Sources: Documentation/networking/ip-sysctl.rst of the kernel, and net/ipv6/addrconf.c.
"""
from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import OptionError
from ..core.plan import MAKE_LINK, RECORD_BRIDGE
from ..host.draft import Draft
from ..host.model import HostState, outer_links
from ..host.operations import SysctlSet
from ..host.settings import FORWARDING_OF, known
from ..link.model import IPV6_MIN_MTU
from ..netns.model import HOST
from .desired import DesiredBridge
from .model import Bridge, bridges

DISABLE_ALL = "net/ipv6/conf/all/disable_ipv6"
DISABLE = "net/ipv6/conf/{}/disable_ipv6"
ACCEPT_RA = "net/ipv6/conf/{}/accept_ra"
DAD_TRANSMITS = "net/ipv6/conf/{}/dad_transmits"
OF_BRIDGES = (DISABLE, ACCEPT_RA, DAD_TRANSMITS)
OF_OTHERS = (ACCEPT_RA, FORWARDING_OF["ipv6"])
NEW = tuple((HOST, name.format("default")) for name in (DISABLE, ACCEPT_RA))


def require_ipv6(state: HostState) -> None:
    value = state.sysctls.get((HOST, DISABLE_ALL))
    if value != "0":
        why = "the kernel runs without it" if value is None else "net.ipv6.conf.all.disable_ipv6 is 1"
        raise OptionError("ipv6", True, f"is not possible: IPv6 is disabled on this host ({why})",
                          "Enable it on the host, or say ipv6: false")


def require_mtu(bridge: Bridge, desired: DesiredBridge) -> None:
    """:raises OptionError: for a bridge with IPv6 that is to have an MTU with which the kernel has none"""
    address, mtu = bridge.declared("ipv6"), bridge.link.mtu
    if address and mtu < IPV6_MIN_MTU:
        problem = "is" if mtu == desired.mtu else f"is {mtu} here and"
        raise OptionError("mtu", desired.mtu or "auto", f"{problem} too small for IPv6, and bridge {bridge.name} has "
                          f"{address}", f"Give at least {IPV6_MIN_MTU}, or say ipv6: false")


def enable(draft: Draft, name: str, stage: int) -> None:
    """Before a bridge gets an IPv6 address: new interfaces may begin without IPv6."""
    setting = DISABLE.format(name)
    if known(draft.state.sysctls, HOST, setting) == "1":
        draft.do(SysctlSet(HOST, setting, "0", draft.state.sysctls.get((HOST, setting))), stage)


def configure(draft: Draft, bridge: Bridge, stage: int = MAKE_LINK) -> None:
    """The settings of a bridge, before anything is attached to it.

    :param stage: a later one where the kernel has none before, since the MTU was too small for IPv6
    """
    if draft.state.sysctls.get((HOST, DISABLE_ALL)) is None or bridge.uplink or bridge.link.mtu < IPV6_MIN_MTU:
        return
    # Whatever the bridge's families are: a container that sends router advertisements would become the host's
    # router (CVE-2020-13401).
    wanted = {ACCEPT_RA: "0"}
    if bridge.address("ipv6"):
        # The bridge asks for its containers from its link-local address. Its MAC address is made for it, so there is
        # none to detect, and detection would leave new containers unreachable for a second or two.
        wanted[DAD_TRANSMITS] = "0"
    for setting, value in wanted.items():
        name = setting.format(bridge.name)
        previous = draft.state.sysctls.get((HOST, name))
        if previous != value:
            draft.do(SysctlSet(HOST, name, value, previous), stage)
    if "ipv6" in bridge.isolated:
        _disable(draft, bridge.name)


def _disable(draft: Draft, name: str) -> None:
    """As Docker does, since the kernel would give the bridge a link-local address. It takes all addresses away."""
    setting = DISABLE.format(name)
    previous = draft.state.sysctls.get((HOST, setting))
    if previous != "1":
        draft.do(SysctlSet(HOST, setting, "1", previous), RECORD_BRIDGE)


def heed_routers(draft: Draft, switching: bool) -> None:
    """Before an interface begins to forward IPv6: the host goes on to hear the routers that it hears now.

    With accept_ra 1 an interface that forwards hears none. A host that has its address from them would lose it when
    its lifetime ends, or never get one. And whatever begins to forward, the kernel forgets the default routes that it
    has heard of by all interfaces but those with accept_ra 2. What hears none today does not begin to: with accept_ra
    0, or with 1 where it forwards already.

    :param switching: whether all interfaces begin to forward, and new ones as well
    """
    for interface in (*_hearing(draft.state), *(("default",) if switching else ())):
        name = ACCEPT_RA.format(interface)
        if draft.state.sysctls.get((HOST, name)) == "1" and draft.state.sysctls.get(
                (HOST, FORWARDING_OF["ipv6"].format(interface))) == "0":
            draft.do(SysctlSet(HOST, name, "2", "1"))


def _hearing(state: HostState) -> Iterator[str]:
    """Interfaces by which the host may hear routers: those of others, and bridges with an uplink."""
    yield from sorted(link.name for link in outer_links(state.host))
    yield from (bridge.name for bridge in bridges(state).values() if bridge.uplink)
