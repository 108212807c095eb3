# SPDX-License-Identifier: GPL-3.0-or-later
"""How much an interface of a container may send and receive, and the queueing disciplines that keep it to that. Values.

Directions are those of the container, as with CNI's plugin bandwidth and the annotations of Kubernetes: ``ingress`` is
what it receives, ``egress`` what it sends. Both are kept on the host, where a container reaches nothing: what it
receives by a token bucket (tc-tbf(8)) on the host's end of its pair; what it sends is led from there through an
interface of kind ifb with such a bucket, since a queue holds only what an interface sends.
"""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ..core.names import INTERFACE_LENGTH
from .model import Mark, Shaper

IFB = "ifb"  # the kind of the interface, and that of its mark
ROOT, INGRESS = "root", "ingress"  # the places of a discipline: of what an interface sends, and of what it receives
BUCKET = "tbf"

_UNITS = {"bit": 1, "kbit": 10 ** 3, "mbit": 10 ** 6, "gbit": 10 ** 9, "tbit": 10 ** 12}
_SIZES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20}
# tc-tbf(8): the bucket has to hold what flows between two ticks of the timer, of which there are 100 in a second where
# there are few, "for 10mbit/s on Intel, you need at least 10kbyte". Less than this is emptied by two large packets.
_TICKS, _LEAST_BURST = 100, 32 << 10
_LATENCY = 20  # parts of a second (50 ms) for which a packet waits at most, as in the example of that page: about 70 ms
FRAME_HEADERS = 22  # of Ethernet, with two tags of VLANs: what is longer than the bucket with them never passes


@dataclass(frozen=True)
class Limit:
    """:param rate: in bits per second, a multiple of 8; ``burst``: in bytes, 0 for the default"""

    rate: int
    burst: int = 0

    @property
    def text(self) -> str:
        """As it stands in marks: ``10mbit`` or ``10mbit/64kb``."""
        return rate_text(self.rate) + (f"/{size_text(self.burst)}" if self.burst else "")

    @classmethod
    def parse(cls, text: str) -> Optional[Limit]:
        """The inverse of :attr:`text`, None for what is none."""
        words = text.partition("/")
        rate, burst = _number(words[0], _UNITS), _number(words[2] or "0b", _SIZES)
        return cls(rate, burst) if rate and burst is not None else None

    def shaper(self, interface: str, mtu: int) -> Shaper:
        """The bucket that keeps it, on an interface whose packets are of this length at most."""
        least = mtu + FRAME_HEADERS
        burst = max(self.burst or max(self.rate // 8 // _TICKS, _LEAST_BURST), least)
        return Shaper(interface, ROOT, BUCKET, own=True, rate=self.rate // 8, burst=burst,
                      limit=burst + self.rate // 8 // _LATENCY)


def _number(text: str, units: Mapping[str, int]) -> Optional[int]:
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = units.get(text[len(digits):])
    return int(digits) * unit if digits.isdecimal() and unit else None


def _shortest(number: int, units: Mapping[str, int]) -> str:
    name = [name for name, size in units.items() if number % size == 0][-1]
    return f"{number // units[name]}{name}"


def rate_text(rate: int) -> str:
    """Bits per second as tc(8) takes them: ``1500kbit``."""
    return _shortest(rate, _UNITS)


def size_text(size: int) -> str:
    """Bytes as tc(8) takes them: ``64kb``, of 1024 bytes each."""
    return _shortest(size, _SIZES)


@dataclass(frozen=True)
class Bandwidth:
    """The limits of an interface of a container; None for a direction without one."""

    ingress: Optional[Limit] = None
    egress: Optional[Limit] = None

    @property
    def settings(self) -> dict[str, str]:
        """The words of a mark."""
        return {"in": self.ingress.text if self.ingress else "", "out": self.egress.text if self.egress else ""}

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Bandwidth:
        return cls(Limit.parse(settings.get("in", "")), Limit.parse(settings.get("out", "")))

    @property
    def options(self) -> dict[str, str]:
        """As options of netns_attach, those alone that are set."""
        found = {}
        for name, limit in (("ingress", self.ingress), ("egress", self.egress)):
            if limit:
                found[name] = rate_text(limit.rate)
                if limit.burst:
                    found[f"{name}_burst"] = size_text(limit.burst)
        return found


NONE = Bandwidth()


def limit_of(shaper: Shaper, mtu: int) -> Optional[Limit]:
    """The limit that a bucket of ours keeps, None for anything else. The latency tells the very burst."""
    if not shaper.own or shaper.kind != BUCKET:
        return None
    burst, plain = shaper.limit - shaper.rate // _LATENCY, Limit(shaper.rate * 8)
    return plain if burst == plain.shaper(shaper.interface, mtu).burst or burst <= 0 else Limit(shaper.rate * 8, burst)


def ifb_name(container: str, interface: str) -> str:
    """Name of the ifb for what an interface of a container sends: the same for the same ones, always."""
    digest = hashlib.sha256(f"{container}\0{interface}".encode()).hexdigest()
    return IFB + digest[:INTERFACE_LENGTH - len(IFB)]


def ifb_mark(container: str, interface: str) -> Mark:
    """``mooring:ifb:web:if=eth0``."""
    return Mark(IFB, container, {"if": interface})


def fits(found: Optional[Shaper], wanted: Shaper) -> bool:
    """Whether a discipline is as it is to be. The kernel keeps a burst as time, in ticks of 64 ns."""
    if found is None or (found.place, found.kind, found.own, found.rate, found.limit, found.target, found.altered) != (
            wanted.place, wanted.kind, wanted.own, wanted.rate, wanted.limit, wanted.target, wanted.altered):
        return False
    return abs(found.burst - wanted.burst) <= 2 + wanted.burst // 1000 + wanted.rate // 4_000_000
