# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges, as the difference of two values of a host. Pure."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..bridge.model import Bridge, bridges
from ..firewall.model import FAMILIES
from ..host.model import HostState
from ..netns.model import HOST
from .model import ADDRESS, FOLLOWING, LINK, SETTING, Fact, Key, Rank, joined

DEFAULT_MTU = 1500
_ADDRESSES = {"ipv4": "bip", "ipv6": "bip6"}
# Options of a bridge, and what is set of them.
_OPTIONS: dict[str, Callable[[Bridge], Any]] = {
    "mtu": lambda bridge: bridge.link.mtu, "stp": lambda bridge: bridge.link.stp,
    "mac_address": lambda bridge: bridge.link.mac, "ip_masq": lambda bridge: bridge.masquerade,
    "icc": lambda bridge: bridge.icc, "iptables": lambda bridge: bridge.iptables,
    "ip6tables": lambda bridge: bridge.ip6tables, "fixed_cidr": lambda bridge: bridge.pool,
    "default_gateway": lambda bridge: bridge.gateway, "fixed_cidr_v6": lambda bridge: bridge.pool_v6,
    "default_gateway_v6": lambda bridge: bridge.gateway_v6, "ip_forward": lambda bridge: bridge.forward,
    "gateway_mode": lambda bridge: bridge.gateway_mode("ipv4"),
    "gateway_mode_v6": lambda bridge: bridge.gateway_mode("ipv6"),
    "allow_bridges": lambda bridge: bridge.allowed, "trusted_interfaces": lambda bridge: bridge.trusted_interfaces,
    "trusted_networks": lambda bridge: bridge.trusted_networks, "adopt_uplink": lambda bridge: bridge.uplink,
    "internal": lambda bridge: bridge.internal, "container_names": lambda bridge: bridge.names,
    "user_chain": lambda bridge: bridge.user, "outbound_address": lambda bridge: bridge.outbound,
    "outbound_address_v6": lambda bridge: bridge.outbound_v6, "aux_addresses": lambda bridge: bridge.aux,
}


def changed_bridges(before: HostState, after: HostState, made: Collection[str]) -> Iterator[Fact]:
    """Those that come, go, or have other addresses and options.

    :param made: those that the run makes. Check mode takes others for granted
    """
    was, now = _by_mark(before), _by_mark(after)
    for name in sorted({*was, *now}):
        old, new = was.get(name), now.get(name)
        if old is not None and new is not None:
            yield from _changes(old, new) if old != new else ()
        elif new is not None and name not in made and name not in before.host.links:
            yield from _changes(Bridge(new.link), new)
        elif new is not None:
            yield _made(new, name in before.host.links)
        elif old is not None:
            verb = "let go of" if name in after.host.links else "remove"
            yield Fact(Rank.GONE, f"{verb} bridge {name}", _lines(old), (), _keys(name), rules=True)


def _by_mark(state: HostState) -> dict[str, Bridge]:
    """Bridges by the names that they were given, whatever somebody calls them."""
    return {bridge.link.mark.name if bridge.link.mark else name: bridge for name, bridge in bridges(state).items()}


def _made(bridge: Bridge, was_there: bool) -> Fact:
    said = ", ".join(_said(key, bridge) for key in _unusual(bridge))
    text = f"{'take over' if was_there else 'create'} bridge {bridge.name}{_with(bridge)}" + (
        f" ({said})" if said else "")
    return Fact(Rank.BRIDGE, text, (), _lines(bridge), _keys(bridge.name), rules=True)


def _with(bridge: Bridge) -> str:
    addresses = [address for family in FAMILIES if (address := _address(bridge, family))]
    return f" with {joined(addresses)}" if addresses else ""


def _address(bridge: Bridge, family: str) -> str:
    """The address of a bridge, or the one that it would have if it were not isolated."""
    return bridge.address(family) or (bridge.network if family == "ipv4" else bridge.network_v6)


def _unusual(bridge: Bridge) -> list[str]:
    """The options that are not as Docker makes a bridge."""
    usual = Bridge(bridge.link)
    return [key for key, get in _OPTIONS.items()
            if (get(bridge) != DEFAULT_MTU if key == "mtu" else bridge.link.stp if key == "stp"
                else get(bridge) != get(usual))]


def _said(key: str, bridge: Bridge) -> str:
    return f"{key} {_text(_OPTIONS[key](bridge))}"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value) or "none"


def _lines(bridge: Bridge) -> tuple[str, ...]:
    return (*(f"bridge {bridge.name}: {_ADDRESSES[family]} {address}" for family in FAMILIES
              if (address := _address(bridge, family))),
            *(f"bridge {bridge.name}: {_said(key, bridge)}" for key in dict.fromkeys(("mtu", *_unusual(bridge)))))


def _changes(old: Bridge, new: Bridge) -> Iterator[Fact]:
    name = new.name
    for family, option in _ADDRESSES.items():
        was, now = _address(old, family), _address(new, family)
        if was != now:
            text = f"take the address {was} from bridge {name}" if not now else (
                f"give bridge {name} the address {now}" + (f" (was {was})" if was else ""))
            before, after = ((f"bridge {name}: {option} {address}",) if address else () for address in (was, now))
            yield Fact(Rank.BRIDGE, text, before, after, _keys(name), rules=True)
    for key, get in _OPTIONS.items():
        if get(old) != get(new):
            yield Fact(Rank.BRIDGE, f"set {key} of bridge {name} to {_text(get(new))} (was {_text(get(old))})",
                       (f"bridge {name}: {_said(key, old)}",), (f"bridge {name}: {_said(key, new)}",),
                       _keys_of_option(key, name), rules=key not in ("mtu", "stp", "mac_address"))
    yield from _limited(old, new)


def _limited(old: Bridge, new: Bridge) -> Iterator[Fact]:
    """A list is written down in rules, and its bridge has but the number of it."""
    if old.limit != new.limit:
        text = f"limit where containers of bridge {new.name} may send" if new.limit else (
            f"no longer limit where containers of bridge {new.name} may send")
        yield Fact(Rank.BRIDGE, text, keys=_keys_of_option("allow_to", new.name), rules=True)


def _keys(name: str) -> tuple[Key, ...]:
    return (LINK, HOST, name), (ADDRESS, HOST, name), (SETTING, HOST, name), (FOLLOWING, HOST, name)


def _keys_of_option(key: str, name: str) -> tuple[Key, ...]:
    followed = key in ("mtu", "default_gateway", "default_gateway_v6")
    return ((LINK, HOST, name), *(((FOLLOWING, HOST, name),) if followed else ()))
