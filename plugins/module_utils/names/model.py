# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a container as a task wants them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..files.model import FALLBACK, Site
from ..netns.model import Resolved, Target


@dataclass(frozen=True)
class DesiredNames:
    """What a task wants; None means the default, as Docker has it.

    ``resolved`` and ``site`` are filled in by the run; there is no site for a container that is not there, and
    ``resolved.missing`` says why. ``leased`` says that the container has an interface on a bridge of ours.
    """

    target: Target
    name: Optional[str] = None
    present: bool = True
    hostname: Optional[str] = None
    domainname: Optional[str] = None
    dns_servers: tuple[str, ...] = ()
    dns_search_domains: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    etc_hosts: tuple[tuple[str, str], ...] = ()
    fallback_dns_servers: tuple[str, ...] = FALLBACK
    hosts_template: str = ""
    hostname_template: str = ""
    resolv_conf_template: str = ""
    resolved: Optional[Resolved] = None
    site: Optional[Site] = None
    leased: bool = True

    @property
    def label(self) -> str:
        return self.resolved.label if self.resolved else self.target.value
