# SPDX-License-Identifier: GPL-3.0-or-later
"""What an option says of rates and of sizes, in the units of tc(8), as values. Pure."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional, Union

from ..core.errors import OptionError
from .bandwidth import NONE, Bandwidth, Limit, rate_text, size_text

# Bits per second, in capitals as well: LXD writes 10Mbit. An "i" makes it powers of 1024.
_RATES = {"": 1, **{f"{prefix}{i}bit": (1024 if i else 1000) ** power
                    for power, prefix in enumerate(("", "k", "m", "g", "t")) for i in ("", "i") if prefix or not i}}
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}
_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.ASCII)
RATES = (8_000, 400 * 10 ** 9)  # slower nobody means, and with more the kernel's 32 bits for the queue are not enough
LARGEST_BURST = 1 << 30
_SECONDS = 250  # the kernel keeps a burst as the time that it takes, in 32 bits of 64 ns
_DIRECTIONS = ("ingress", "egress")


def parse_bandwidth(option: str, value: Optional[Mapping[str, Any]]) -> Optional[Bandwidth]:
    """All limits of an interface; a direction that is not named has none. None where nothing is said.

    :raises OptionError: naming the direction, its value, what is wrong and what would be right
    """
    if value is None:
        return None
    limits = {name: _limit(f"{option}.{name}", value.get(name), value.get(f"{name}_burst")) for name in _DIRECTIONS}
    return Bandwidth(**limits) if any(limits.values()) else NONE


def _limit(option: str, rate: Union[str, int, None], burst: Union[str, int, None]) -> Optional[Limit]:
    if rate in (None, ""):
        if burst not in (None, ""):
            raise OptionError(f"{option}_burst", burst, f"is the burst of a limit, and {option} gives none",
                              f"Give {option} as well, like 10mbit")
        return None
    bits = parse_rate(option, rate)
    size = parse_size(f"{option}_burst", burst) if burst not in (None, "") else 0
    longest = min(LARGEST_BURST, bits // 8 * _SECONDS)
    if size > longest:
        raise OptionError(f"{option}_burst", burst, f"is more than {rate_text(bits)} lets through in {_SECONDS} seconds"
                          if longest < LARGEST_BURST else "is more than a bucket can hold",
                          f"Give at most {size_text(longest)}")
    return Limit(bits, size)


def parse_rate(option: str, value: Union[str, int, None]) -> int:
    """Bits per second, whole bytes of them. :raises OptionError: for anything else"""
    bits = _parse(value, _RATES)
    if bits is None:
        raise OptionError(option, value, "is not a rate: tc(8) counts bytes with bps, and others bits" if
                          str(value).lower().endswith("bps") else "is not a rate",
                          "Give bits per second, like 10mbit, 512kbit or 1.5gbit")
    first, last = RATES
    if not first <= bits <= last:
        raise OptionError(option, value, "is no rate that an interface can be kept to",
                          f"Give bits per second from {rate_text(first)} to {rate_text(last)}")
    return bits - bits % 8


def parse_size(option: str, value: Union[str, int, None]) -> int:
    """Bytes. :raises OptionError: for anything else"""
    size = _parse(value, _SIZES)
    if not size:
        raise OptionError(option, value, "is not a size", "Give bytes, like 65536, 64kb (of 1024 bytes) or 1mb")
    return size


def _parse(value: Union[str, int, None], units: Mapping[str, int]) -> Optional[int]:
    found = _NUMBER.fullmatch(str(value).strip().lower())
    if found is None or found[2] not in units:
        return None
    whole, _point, part = found[1].partition(".")
    return int(whole + part) * units[found[2]] // 10 ** len(part)
