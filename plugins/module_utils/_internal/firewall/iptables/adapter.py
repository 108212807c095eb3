# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for iptables-save and iptables-restore, of both backends and families."""
from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Mapping

from ...core import command
from ...core.errors import HostError
from ...foreign.model import SavedTable
from ...link.decode import attribute
from ...link.rtnl import NETFILTER, RtnlSocket, message
from ..model import COMMANDS, TABLES, ObservedTable
from ..operations import RestoreTable
from .saved import parse
from .text import missing_extension, refused_lines, restore_text

WAIT = "30"  # seconds for the lock that iptables-legacy takes on /run/xtables.lock
_GROUP = "devgroup"
# linux/netfilter/nfnetlink.h, nf_tables_compat.h: NFNL_SUBSYS_NFT_COMPAT with NFNL_MSG_COMPAT_GET.
_COMPAT_GET = 11 << 8
_COMPAT_NAME, _COMPAT_REVISION, _COMPAT_TYPE = 1, 2, 3
_RARE = ("mangle",)  # few hosts have something of ours there
_UNREADABLE = re.compile(rf"^# Table `({'|'.join(TABLES)})' is incompatible", re.MULTILINE)


def snapshot() -> tuple[dict[tuple[str, str], ObservedTable], dict[tuple[str, str], SavedTable], dict[str, str]]:
    """Our share of all tables, what others have in them, and the families that cannot be used with the reason."""
    tables: dict[tuple[str, str], ObservedTable] = {}
    foreign: dict[tuple[str, str], SavedTable] = {}
    unusable: dict[str, str] = {}
    asked: dict[str, list[list[str]]] = {}
    for family, name in COMMANDS.items():
        if command.find(f"{name}-restore") is None:
            unusable[family] = f"{name} is not installed: install the package iptables"
        elif family == "ipv6" and not os.path.exists("/proc/net/if_inet6"):
            unusable[family] = "the kernel of this host runs without IPv6 (ipv6.disable=1)"
        else:
            asked[family] = [[f"{name}-save"], *_other_backend(name)]
    # All at the same time: most of what such a program takes is its start.
    results = iter(command.run_all([program for programs in asked.values() for program in programs]))
    for family, programs in asked.items():
        name = COMMANDS[family]
        saved, *others = [next(results) for _program in programs]
        if saved.code:
            unusable[family] = f"{name}-save failed: {saved.err.strip() or saved.code}"
        elif any(not other.code and any(line.startswith("-A ") for line in other.out.splitlines()) for other in others):
            unusable[family] = _mixture(name, programs[1][0])
        elif needed := [table for table in _UNREADABLE.findall(saved.out) if table not in _RARE]:
            unusable[family] = _unreadable(name, needed[0])
        else:
            found, rules_of_others = parse(saved.out)
            found.update({table: ObservedTable(fault=_unreadable(name, table))
                          for table in _UNREADABLE.findall(saved.out)})
            tables.update({(family, table): found.get(table, ObservedTable()) for table in TABLES})
            foreign.update({(family, table): rules for table, rules in rules_of_others.items()})
    return tables, foreign, unusable


def knows_groups(tables: Mapping[tuple[str, str], ObservedTable]) -> bool:
    """Whether rules can ask for the group of an interface: both kernel and iptables have the match devgroup.

    Of the kernel nf_tables answers for both backends (NFNL_MSG_COMPAT_GET), and loads the module. Without nf_tables
    the answer is no.

    :param tables: our share of the rules, where the match may stand already
    """
    if any(_GROUP in line for table in tables.values() for chain in table.chains.values() for line in chain.lines):
        return True
    name = next((COMMANDS[family] for family, _table in tables), "")
    return bool(name and kernel_knows(_GROUP) and not command.run([name, "-m", _GROUP, "-h"]).code)


def find_lacking(match: str) -> str:
    """Who does not know a match, as a sentence, "" where all do."""
    if not kernel_knows(match):
        return f"the kernel of this host lacks the match {match} (xt_{match})"
    return next((f"{name} of this host lacks the match {match} (libxt_{match})" for name in COMMANDS.values()
                 if command.find(name) is not None and command.run([name, "-m", match, "-h"]).code), "")


def kernel_knows(match: str) -> bool:
    """Whether the kernel has a match in its first revision; the request is struct nfgenmsg and NFTA_COMPAT_*."""
    request = struct.pack("=BBH", socket.AF_INET, 0, 0) + attribute(_COMPAT_NAME, match.encode() + b"\0")
    for kind in (_COMPAT_REVISION, _COMPAT_TYPE):
        request += attribute(kind, bytes(4))
    try:
        with RtnlSocket(NETFILTER) as kernel:
            return kernel.send([message(_COMPAT_GET, request)]) == [0]
    except OSError:
        return False


def _backend(name: str) -> str:
    return "legacy" if "legacy" in os.path.realpath(command.find(f"{name}-save") or "") else "nft"


def _other_backend(name: str) -> list[list[str]]:
    """What shows the rules of the backend that ``name`` is not set to; nothing when there can be none."""
    other = "nft" if _backend(name) == "legacy" else "legacy"
    if command.find(f"{name}-{other}-save") is None or (other == "legacy" and not _legacy_tables(name)):
        return []
    return [[f"{name}-{other}-save"]]


def _mixture(name: str, shown_by: str) -> str:
    """What is wrong when rules stand in the other backend too.

    A packet passes the chains of both: an ACCEPT of ours in one does not help against a DROP in the other.
    """
    return (f"there are rules in both backends of {name}, and {name} is set to {_backend(name)} on this host. Flush "
            f"those that `{shown_by}` shows, or use them all from one backend with `update-alternatives --config "
            f"{name}`")


def _unreadable(name: str, table: str) -> str:
    """What is wrong when iptables-nft-save leaves out a whole table, with what is ours in it."""
    family = {"iptables": "ip", "ip6tables": "ip6"}[name]
    return (f"nft has written rules to the table {table} of {name} that {name} cannot read. Move those that `nft list "
            f"table {family} {table}` shows beside the ones of {name} to a table of their own")


def _legacy_tables(name: str) -> bool:
    """Whether legacy tables exist in this namespace; asking iptables-legacy itself would make them."""
    try:
        with open(f"/proc/net/{name.removesuffix('tables')}_tables_names", encoding="ascii") as names:
            return bool(names.read().strip())
    except OSError:
        return False


def execute(operation: RestoreTable) -> None:
    """Carry out one transaction. :raises HostError: with the lines around the one that iptables-restore refuses."""
    name = COMMANDS[operation.family]
    text = restore_text(operation)
    done = command.run([f"{name}-restore", "--noflush", "-w", WAIT], text)
    if done.code:
        raise HostError(f"{name}-restore refused the input (exit status {done.code}): {done.err.strip()}\n"
                        f"{refused_lines(text, done.err)}{missing_extension(done.err)}")
