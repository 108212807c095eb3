# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interface of a container is to be kept to: what was asked for, and whether it can be had. Pure.

It is noted in the lease; upkeep/shapers.py makes it so, in this run and in every later one.
"""
from __future__ import annotations

from typing import Optional

from ..core.errors import OptionError
from ..host.draft import Draft
from ..host.endpoints import Endpoint
from ..link.bandwidth import FRAME_HEADERS, IFB, INGRESS, NONE, ROOT, Bandwidth, Limit, size_text
from .model import LocatedEndpoint

_NEEDS = {"ingress": frozenset({"sch_tbf"}),
          "egress": frozenset({"sch_tbf", IFB, "sch_ingress", "cls_u32 or act_mirred"})}


def choose_bandwidth(item: LocatedEndpoint, lease: Optional[Endpoint]) -> Bandwidth:
    """The limits that an endpoint will have: those it has where the item says nothing of them."""
    if item.bandwidth is None:
        return lease.bandwidth if lease else NONE
    return item.bandwidth


def require_bandwidth(draft: Draft, item: LocatedEndpoint, endpoint: Endpoint) -> None:
    """:param endpoint: as it will be
    :raises OptionError: for limits that the kernel cannot keep, or that somebody else's are in the way of
    """
    asked = item.bandwidth or NONE
    for name, limit, place in (("ingress", asked.ingress, ROOT), ("egress", asked.egress, INGRESS)):
        if limit is not None:
            _require_modules(draft, name, limit)
            _require_free(draft, name, limit, place, endpoint)
            _require_burst(name, limit, endpoint)


def _require_modules(draft: Draft, name: str, limit: Limit) -> None:
    if missing := sorted(draft.state.lacking & _NEEDS[name]):
        raise OptionError(f"bandwidth.{name}", limit.text, f"needs {', '.join(missing)}, which the kernel of this host "
                          "has not", f"Install the kernel's modules, or leave {name} out")


def _require_free(draft: Draft, name: str, limit: Limit, place: str, endpoint: Endpoint) -> None:
    found = (draft.state.shapers or {}).get((endpoint.link.name, place))
    if found and not found.own:
        raise OptionError(f"bandwidth.{name}", limit.text, f"cannot be kept: somebody else has put a discipline of the "
                          f"kind {found.kind} on {found.interface}, the host's end of {endpoint.container}",
                          f"Remove it with `tc qdisc delete dev {found.interface} {found.place}`, or leave {name} out")


def _require_burst(name: str, limit: Limit, endpoint: Endpoint) -> None:
    """A packet that is longer than the bucket never passes (tc-tbf(8))."""
    least = endpoint.link.mtu + FRAME_HEADERS
    if limit.burst and limit.burst < least:
        raise OptionError(f"bandwidth.{name}_burst", size_text(limit.burst), f"is too small for the MTU "
                          f"{endpoint.link.mtu} of {endpoint.interface}: no packet of that size would ever pass",
                          f"Give at least {least} bytes")
