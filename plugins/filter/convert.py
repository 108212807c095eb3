# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a container engine says of its networks to the document, for the playbook from_docker.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible.errors import AnsibleFilterError

from ansible_collections.mooring.net.plugins.module_utils._internal.convert import convert


def from_docker(networks: Sequence[Mapping[str, Any]], containers: Sequence[Mapping[str, Any]] = (),
                pools: Optional[Sequence[Mapping[str, Any]]] = None) -> dict[str, Any]:
    """The document, as value and as text, and what could not be carried over."""
    try:
        return convert.from_docker(networks, containers, pools)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError("mooring.net._from_docker: this is not what docker inspect and docker network inspect "
                                 f"say: {type(error).__name__} {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"_from_docker": from_docker}  # private: for the playbook only
