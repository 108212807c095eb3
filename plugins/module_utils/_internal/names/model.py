# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a container as a task wants them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..files.model import FALLBACK, Site
from ..netns.model import Resolved, Target


@dataclass(frozen=True)
class DesiredNames:
    """What a task wants; None means the default, as Docker has it."""

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


@dataclass(frozen=True)
class LocatedNames(DesiredNames):
    """The same once it is known where the container's files are.

    :param place: its namespace and its name in marks
    :param site: None for a container that is not there; ``place.missing`` says why
    :param leased: whether the container has an interface on a bridge
    :param shares: the container whose files its engine has given it with the network, "" for none
    """

    place: Resolved = Resolved("", "")
    site: Optional[Site] = None
    leased: bool = True
    shares: str = ""

    @classmethod
    def at(cls, desired: DesiredNames, place: Resolved, site: Optional[Site], leased: bool,
           shares: str = "") -> LocatedNames:
        return cls(**{**vars(desired), "place": place, "site": site, "leased": leased, "shares": shares})

    @property
    def label(self) -> str:
        return self.place.label
