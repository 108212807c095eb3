# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan does not know before it is carried out, and how people write what values have."""
from __future__ import annotations

FAMILY_NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}


class KnownAfterApply(str):
    """Stands for a text that only the execution of a plan will show, like an address on a bridge that is not there yet.

    It is a type: whoever looks into a value, or writes it down to be read back, asks for the type. Its characters are
    for people, in the diff and in results.
    """

    __slots__ = ()

    def partition(self, separator: str) -> tuple[str, str, str]:
        """No part of it is known either, like the address in front of a prefix length."""
        return self, "", ""


KNOWN_AFTER_APPLY = KnownAfterApply("(known after apply)")


def is_known(value: str) -> bool:
    return not isinstance(value, KnownAfterApply)
