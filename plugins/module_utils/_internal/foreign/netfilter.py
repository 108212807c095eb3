# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for tables of nftables that iptables does not show: firewalld's, an administrator's own.

Asked of the kernel itself, since a host may have such tables without the program nft.
"""
from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

from ..link.decode import attribute
from ..link.rtnl import NETFILTER, RtnlSocket
from . import nft
from .expressions import SetOf
from .model import BaseChain, Ruleset

_FAMILIES = {name: number for number, name in nft.FAMILIES.items()}
_NETWORKS = {"inet": ("ipv4", "ipv6"), "ip": ("ipv4",), "ip6": ("ipv6",)}
# What iptables of the backend nft works with; iptables-save shows it.
_OF_IPTABLES = ("raw", "mangle", "nat", "filter", "security")
_BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def snapshot() -> tuple[Ruleset, ...]:
    """Every table with a chain that packets of containers pass; nothing on a kernel without nftables."""
    try:
        with RtnlSocket(NETFILTER) as kernel:
            return read(kernel)
    except OSError:
        return ()


def read(kernel: RtnlSocket) -> tuple[Ruleset, ...]:
    """:raises OSError: what the kernel answered instead"""
    bases: dict[tuple[str, str], list[BaseChain]] = {}
    for payload in kernel.dump(nft.GETCHAIN, _request("")):
        base = nft.base_chain(payload)
        family, name = nft.table_key(payload) if base else ("", "")
        if base and family and not (name in _OF_IPTABLES and base.name in _BUILT_IN and family != "inet"):
            bases.setdefault((family, name), []).append(base)
    return tuple(_ruleset(kernel, *key, found) for key, found in bases.items())


def _ruleset(kernel: RtnlSocket, family: str, name: str, bases: Iterable[BaseChain]) -> Ruleset:
    sets = _Sets(kernel, family, name)
    unread: dict[str, list[bytes]] = {}
    for payload in kernel.dump(nft.GETRULE, _request(family, name)):
        unread.setdefault(nft.chain_name(payload), []).append(payload)
    return Ruleset(f"{family} {name}", _NETWORKS[family], tuple(bases),
                   nft.chains(unread, (base.name for base in bases), sets))


class _Sets(Mapping[str, SetOf]):
    """The sets of a table. Each is read when a rule asks for it: every list in a rule is one."""

    def __init__(self, kernel: RtnlSocket, family: str, table: str) -> None:
        self._kernel, self._table = kernel, (family, table)
        named = map(nft.set_name, kernel.dump(nft.GETSET, _request(family, table)))
        self._found: dict[str, Optional[SetOf]] = {name: None for name, readable in named if readable}

    def __getitem__(self, name: str) -> SetOf:
        found = self._found[name]
        if found is None:
            found = nft.set_of(list(self._kernel.dump(nft.GETSETELEM, _request(*self._table, name))))
            self._found[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _request(family: str, *names: str) -> bytes:
    """struct nfgenmsg; the table is the first attribute of all these messages, a set the second."""
    request = struct.pack("=BBH", _FAMILIES.get(family, 0), 0, 0)
    for number, name in enumerate(names, 1):
        request += attribute(number, name.encode() + b"\0")
    return request
