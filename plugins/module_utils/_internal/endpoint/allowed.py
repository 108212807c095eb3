# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the container of an endpoint may send. Pure."""
from __future__ import annotations

from typing import Optional, Union

from ..applied.model import ENDPOINTS
from ..bridge.egress import describe, digest_of, find_problem, record
from ..bridge.model import Bridge
from ..core.errors import OptionError
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..ports.allow import ANYWHERE, AllowList, Limit
from ..ports.allow_spec import OPTION, parse_allow_to
from .model import LocatedEndpoint


def choose_limit(draft: Draft, item: LocatedEndpoint) -> str:
    """The digest of the list that an endpoint will have, "" for none.

    One that is there keeps its own where the item says nothing; so does a container that comes back, of which but rules
    still tell, or what the host is to come back to.
    """
    key = item.label, item.interface_name
    noted = draft.ledger.limits.get(key)
    asked = item.allow_to if item.allow_to is not None or noted else _asked_before(draft, item)
    if isinstance(asked, AllowList):
        record(draft, asked)
    chosen = digest_of(asked, noted.digest if noted else "")
    if chosen:
        draft.limited_asked.append(item.label)
        draft.ledger.limits[key] = Limit("", chosen, "", *key)
    else:
        draft.ledger.limits.pop(key, None)
    return chosen


def _asked_before(draft: Draft, item: LocatedEndpoint) -> Union[AllowList, str, None]:
    """The list that a persistent host has been asked for, of a container that is not attached."""
    applied = draft.observed.applied
    options = applied.items.get((ENDPOINTS, f"{item.label} {item.interface_name}"), {}) if applied else {}
    if options.get("allow_to") is None or any((lease.container, lease.interface) == (item.label, item.interface_name)
                                              for lease in endpoints(draft.observed)):
        return None
    return parse_allow_to(options["allow_to"])


def require_limits(draft: Draft, endpoint: Endpoint, bridge: Optional[Bridge]) -> None:
    """:raises OptionError: for a list that cannot be kept. :param bridge: of the endpoint, None for one of others"""
    if not endpoint.limit:
        return
    text = describe(draft.ledger, endpoint.limit)
    if bridge is None:
        raise OptionError(OPTION, text, f"cannot be kept for {endpoint.container}: this collection does not manage its "
                          "bridge, and makes no rules for it", "Take the bridge over with docker_bridge adopt=true, or "
                          f"say {OPTION}: {ANYWHERE}")
    if problem := find_problem(draft.state, bridge):
        _option, _value, what, remedy = problem
        raise OptionError(OPTION, text, what, f"{remedy}, or say {OPTION}: {ANYWHERE}")
