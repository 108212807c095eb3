# SPDX-License-Identifier: GPL-3.0-or-later
"""A link between containers, decided: what it opens, and how it is written down."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Optional

_NOTE = re.compile(r"(?P<source>\S+) link (?P<target>[^\s:]+):(?P<alias>\S+) "
                   r"(?P<source_ip>[0-9a-f.:]+)->(?P<target_ip>[0-9.]+|\[[0-9a-f:.]+\]):"
                   r"(?P<ports>[0-9]{1,5}(?:-[0-9]{1,5})?|none)/(?P<protocol>[a-z]+)")

# Ports and protocol of a link that opens nothing, since its target exposes nothing: it gives a name all the same.
NO_PORTS = ("none", "any")


@dataclass(frozen=True, order=True)
class Linkage:
    """One port range that a link (Docker's ``--link target:alias``) opens from ``source`` to ``target``.

    ``bridge`` is the one that both are on. ``ports`` is "5432" or "8000-8010". A link to a target with several ports
    is several linkages, and one to a target without any has NO_PORTS.
    """

    source: str
    target: str
    alias: str
    source_ip: str
    target_ip: str
    ports: str
    protocol: str
    bridge: str = ""

    @property
    def family(self) -> str:
        return "ipv6" if ":" in self.target_ip else "ipv4"

    @property
    def opens(self) -> bool:
        return (self.ports, self.protocol) != NO_PORTS

    @property
    def as_name(self) -> Linkage:
        """What of it gives a name, whatever it opens."""
        return replace(self, ports=NO_PORTS[0], protocol=NO_PORTS[1])

    @property
    def name(self) -> tuple[str, str, str, str]:
        """Who calls whom what, at addresses of which family."""
        return self.source, self.alias, self.target, self.family

    @property
    def port_range(self) -> tuple[int, int]:
        """The first and the last port that it opens."""
        first, _dash, last = self.ports.partition("-")
        return int(first), int(last or first)

    @property
    def note(self) -> str:
        target_ip = f"[{self.target_ip}]" if ":" in self.target_ip else self.target_ip
        return (f"{self.source} link {self.target}:{self.alias} "
                f"{self.source_ip}->{target_ip}:{self.ports}/{self.protocol}")

    @classmethod
    def parse(cls, note: str, bridge: str) -> Optional[Linkage]:
        """The linkage that a note in the ICC chain of ``bridge`` stands for, None when it is another note."""
        match = _NOTE.fullmatch(note)
        if match is None or (match["ports"] == NO_PORTS[0]) != (match["protocol"] == NO_PORTS[1]):
            return None
        words = match.groupdict()
        return cls(**{**words, "target_ip": words["target_ip"].strip("[]"), "bridge": bridge})
