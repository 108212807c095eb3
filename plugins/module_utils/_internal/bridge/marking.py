# SPDX-License-Identifier: GPL-3.0-or-later
"""One more setting in the mark of a bridge that is there, whatever else a run writes into it. Pure."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..host.draft import Draft
from ..link.operations import LinkSet
from ..netns.model import HOST
from .model import Bridge


def change_mark(draft: Draft, bridge: Bridge, **settings: Any) -> None:
    """Add to the draft what records settings of a bridge, once all else of it is recorded.

    A mark is one text. What a bridge becomes last (see :func:`.recording.record`) is planned with the settings of then,
    and carried out later than it is planned: written before that, the new ones would be lost by it.

    :param bridge: as the draft has it by now. :param settings: by the names of its fields
    """
    alias = replace(bridge, **settings).mark.text
    operation = LinkSet(HOST, bridge.link, replace(bridge.link, alias=alias))
    stages = [stage for stage, other in draft.planned if isinstance(other, LinkSet) and other.netns == HOST
              and other.new.name == bridge.name and "alias" in other.changes]
    draft.do(operation, max([operation.stage, *stages]))
