# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports on record of containers that are not there: who gets them back, and who only stands in the way. Pure."""
from __future__ import annotations

from collections.abc import Collection

from ..bridge.model import Subnets, lasting_bridges
from ..core.errors import OptionError
from ..host.draft import Draft
from ..ports.refusal import Exhausted, PublishedElsewhere


def find_vanished(draft: Draft, attached: Collection[str]) -> set[str]:
    """Containers with ports on record that are attached to nothing, and were so on no bridge that is there.

    Where a bridge goes, its endpoints keep their leases. So only rules know of these containers, which somebody else
    put back when the host started: nobody is to get their ports back.
    """
    subnets = Subnets(lasting_bridges(draft.observed, draft.state))
    return {label for label, published in draft.recorded.by_container.items() if label not in attached
            and not any(subnets.bridge(publication.container_ip) for publication in published)}


def way_out(error: OptionError, attached: Collection[str]) -> str:
    """What to do about ports that are in the way though their containers are not attached, "" where there are none."""
    owners = [error.owner.container] if isinstance(error, PublishedElsewhere) else (
        error.holders if isinstance(error, Exhausted) else ())
    gone = [label for label in dict.fromkeys(owners) if label not in attached]
    if not gone:
        return ""
    option = "netns_path" if gone[0].startswith("/") else "container"
    return (f" Container {gone[0]} is not attached to any bridge. If it does not come back, `port_publish "
            f"{option}={gone[0]} state=absent` closes its ports.")
