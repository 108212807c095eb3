# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a container engine says of its networks to the document, for the playbook from_docker.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.mooring.net.plugins.module_utils._internal.convert import convert
from ansible_collections.mooring.net.plugins.plugin_utils.refusing import refusing


def from_docker(networks: Sequence[Mapping[str, Any]], containers: Sequence[Mapping[str, Any]] = (),
                pools: Optional[Sequence[Mapping[str, Any]]] = None) -> dict[str, Any]:
    """The document, as value and as text, and what could not be carried over."""
    with refusing("_from_docker", "what docker inspect and docker network inspect say"):
        return convert.from_docker(networks, containers, pools)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"_from_docker": from_docker}  # private: for the playbook only
