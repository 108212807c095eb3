# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of where containers may send: whose they are, and where they cannot be kept. Pure."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

from ..core.errors import OptionError
from ..firewall.model import COMMANDS, FAMILIES
from ..firewall.sets import sets_of
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..host.settings import known
from ..netns.model import HOST
from ..ports.allow import ANYWHERE, AllowList
from ..ports.allow_spec import OPTION
from ..ports.ledger import Ledger
from .desired import DesiredBridge
from .ipv6 import DISABLE_ALL
from .model import Bridge, bridges

Asked = Union[AllowList, str, None]
UNKNOWN = "(unknown)"


def is_list(asked: Asked) -> bool:
    """Whether a task limits, and does not take a limit away or say nothing."""
    return isinstance(asked, AllowList)


def digest_of(asked: Asked, kept: str) -> str:
    """Which list there will be. :param kept: the one that there is"""
    if isinstance(asked, AllowList):
        return asked.digest
    return "" if asked == ANYWHERE else kept


def shown(ledger: Ledger, digest: str) -> Optional[list[str]]:
    """A list as it is returned to the user, None where there is none."""
    if not digest:
        return None
    return list(ledger.lists[digest].texts) if digest in ledger.lists else [UNKNOWN]


def limit_bridges(draft: Draft, items: Sequence[DesiredBridge]) -> None:
    """Take in the lists of a task. :raises OptionError: where one cannot be kept, or those of containers no more"""
    own = bridges(draft.state)
    limited = {endpoint.bridge: endpoint for endpoint in reversed(endpoints(draft.state)) if endpoint.limit}
    for item in items:
        if not item.present:
            continue
        bridge, lease = own[item.name], limited.get(item.name)
        if isinstance(item.allow_to, AllowList):
            record(draft, item.allow_to)
        for limit, option in ((bridge.limit, OPTION), (lease.limit if lease else "", "")):
            problem = find_problem(draft.state, bridge) if limit else None
            if problem and option and is_list(item.allow_to):
                raise OptionError(OPTION, describe(draft.ledger, limit), problem[2], problem[3])
            if problem:
                whose = f"{OPTION} of {'the bridge' if option or lease is None else f'container {lease.container}'}"
                raise OptionError(problem[0], problem[1], f"contradicts {whose}, since it {problem[2]}",
                                  f"Say {OPTION}: {ANYWHERE} first, or leave this out")


def record(draft: Draft, wanted: AllowList) -> None:
    """Let a list be known. :raises OptionError: where rules cannot ask sets, or somebody else has one of its name"""
    draft.ledger.lists[wanted.digest] = wanted
    text = describe(draft.ledger, wanted.digest)
    if draft.observed.sets_problem and wanted.places:
        raise OptionError(OPTION, text, f"cannot be kept: {draft.observed.sets_problem}", "Use a kernel and iptables "
                          "with sets of addresses, or give an empty list, which closes all")
    for needed in (each for family in FAMILIES for each in sets_of(wanted.digest, wanted, family)):
        found = draft.observed.sets.get(needed.name)
        if found and (found.kind or (found.family, found.with_ports) != (needed.family, needed.with_ports)):
            raise OptionError(OPTION, text, f"needs a set {needed.name}, and somebody else made one of that name and "
                              f"of another type", f"Remove that one: `ipset destroy {needed.name}`")


def describe(ledger: Ledger, digest: str) -> str:
    texts = shown(ledger, digest) or []
    return ", ".join(texts[:3]) + (", ..." if texts[3:] else "")


def find_problem(state: HostState, bridge: Bridge) -> Optional[tuple[str, Any, str, str]]:
    """Why a list cannot be kept on a bridge: an option and its value, what is wrong as the rest of a sentence, and what
    to do; None where it can be."""
    if bridge.uplink:
        return ("adopt_uplink", True, f"cannot be kept on bridge {bridge.name}, which has an uplink: what is no packet "
                "of IP leaves by that, and no rule sees it", "Give the container a bridge without an uplink")
    for family in FAMILIES:
        if family == "ipv6" and not bridge.subnet(family) and not _has_ipv6(state):
            continue
        command = COMMANDS[family]
        if not bridge.filters(family):
            return (command, False, f"needs rules, and bridge {bridge.name} has {command}: false",
                    f"Say {command}: true for the bridge")
        if family in state.unusable:
            return (command, True, f"needs rules of {command}: {state.unusable[family]}", f"Make {command} usable")
    return None


def _has_ipv6(state: HostState) -> bool:
    return known(state.sysctls, HOST, DISABLE_ALL) not in (None, "1")
