# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that the kernel and iptables accept, and the names that we make.

A name that does not fit is refused, never shortened in silence. Sources of the limits: IFNAMSIZ in
``linux/if.h`` (16 with the closing zero), ``dev_valid_name()`` of the kernel, XT_EXTENSION_MAXNAMELEN (29 with the
closing zero, iptables(8)), XT_MAX_COMMENT_LEN (256 with the closing zero), IFALIASZ (256, of which the kernel
refuses the last).
"""
from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable

from . import model
from .errors import MooringError, OptionError

KNOWN_AFTER_APPLY = model.KNOWN_AFTER_APPLY  # also for a name

INTERFACE_LENGTH = 15
CHAIN_LENGTH = 28
COMMENT_LENGTH = 255
ALIAS_LENGTH = 254

HOST_NAME_LENGTH = 253  # RFC 1123 section 2.1 and RFC 1035 section 2.3.4, without the root's dot
NAME_PART_LENGTH = 63
_NAME_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
# Docker's names, SRV records (RFC 2782) and resolvers have underscores as well.
_NAME_PART_LOOKED_UP = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
# inet_aton(3), which resolvers ask before they look at any file: "83" is 0.0.0.83 to them.
READ_AS_ADDRESS = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)(\.(0[xX][0-9A-Fa-f]*|[0-9]+)){0,3}")
# Narrower than the kernel's rule: these names also stand in chain names, comments and files.
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NETNS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
_LABEL = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_.@+/-]*")
LABEL_LENGTH = 64
_ENDPOINT_LINK = re.compile(rf"veth[0-9a-f]{{{INTERFACE_LENGTH - 4}}}")


def interface_name(option: str, value: str) -> str:
    """``value`` if it can name an interface; :raises OptionError: otherwise."""
    if len(value) > INTERFACE_LENGTH:
        raise OptionError(option, value, f"has {len(value)} characters and the kernel allows {INTERFACE_LENGTH}",
                          "Choose a shorter interface name")
    if value in ("all", "default"):
        raise OptionError(option, value, "stands for all interfaces, and for new ones, in the settings of the kernel",
                          "Choose another interface name")
    if not _INTERFACE.fullmatch(value):
        raise OptionError(option, value, "is not an interface name",
                          "Use letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'")
    return value


def netns_name(option: str, value: str) -> str:
    """``value`` if it can name a network namespace (a file in /run/netns); :raises OptionError: otherwise."""
    if len(value) > LABEL_LENGTH:
        raise OptionError(option, value, f"has {len(value)} characters and at most {LABEL_LENGTH} are supported",
                          "Choose a shorter namespace name")
    if not _NETNS.fullmatch(value):
        raise OptionError(option, value, "is not the name of a network namespace",
                          "Give the name as `ip netns` lists it, or use netns_path for a path")
    return value


def container_label(option: str, value: str) -> str:
    """``value`` if it can name a container in our marks; :raises OptionError: otherwise."""
    if len(value) > LABEL_LENGTH:
        raise OptionError(option, value, f"has {len(value)} characters and at most {LABEL_LENGTH} are supported",
                          "Give the endpoint a shorter one with the option name")
    if not _LABEL.fullmatch(value):
        raise OptionError(option, value, "is not the name of a container",
                          "Use letters, digits, '_', '.', '@', '+', '-' and '/'")
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that nobody has: the one that was meant, "" where none is like it."""
    near = [(distance, each) for each in set(known) - {name} if abs(len(each) - len(name)) <= _far(name)
            and (distance := _distance(name, each)) <= _far(name)]
    return f". Did you mean {min(near)[1]}?" if near else ""


def _far(name: str) -> int:
    """How many characters a name may differ by that is still like it."""
    return max(1, len(name) // 4)


def _distance(one: str, other: str) -> int:
    """How many characters have to be put in, taken out or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, mine in enumerate(one, 1):
        before, row = row, [number]
        for place, theirs in enumerate(other):
            row.append(min(before[place] + (mine != theirs), before[place + 1] + 1, row[place] + 1))
    return row[-1]


def name_problem(value: str, underscores: bool = False) -> str:
    """What keeps a text from being a host name (RFC 1123), as the rest of a sentence, "" when nothing does.

    :param underscores: whether it may have some, as names have that are looked up, and are nobody's host name proper
    """
    if len(value) > HOST_NAME_LENGTH:
        return f"has {len(value)} characters, and a host name has at most {HOST_NAME_LENGTH} (RFC 1123)"
    part_form = _NAME_PART_LOOKED_UP if underscores else _NAME_PART
    for part in value.split("."):
        if len(part) > NAME_PART_LENGTH:
            return f"has a label of {len(part)} characters, and a label has at most {NAME_PART_LENGTH} (RFC 1123)"
        if not part_form.fullmatch(part):
            return "is not a host name (RFC 1123)"
    return ""


def without_zone(option: str, value: str, example: str) -> None:
    """:raises OptionError: for an IPv6 address with a zone (``%eth0``, RFC 4007), for which Python takes any text"""
    if "%" in value:
        raise OptionError(option, value, "names an interface behind the '%'", f"Give it like {example}")


def endpoint_link(container: str, interface: str) -> str:
    """Name of the host's end of a container's interface: the same for the same container and interface, always."""
    digest = hashlib.sha256(f"{container}\0{interface}".encode()).hexdigest()
    return "veth" + digest[:INTERFACE_LENGTH - 4]


def is_endpoint_link(name: str) -> bool:
    """Whether :func:`endpoint_link` may have made a name."""
    return _ENDPOINT_LINK.fullmatch(name) is not None


def chain_name(name: str) -> str:
    """``name`` if iptables accepts it as a chain; :raises MooringError: otherwise."""
    if len(name) > CHAIN_LENGTH:
        raise MooringError(f"chain name {name!r} has {len(name)} characters and iptables allows {CHAIN_LENGTH}")
    return name


def mac_of(address: str) -> str:
    """Docker's MAC address of an IPv4 address: ``02:42:`` and the four octets (Docker up to 27).

    Derived, so that a neighbour's ARP entry stays right when an address is used again.
    """
    return "02:42:" + ":".join(f"{octet:02x}" for octet in ipaddress.IPv4Address(address).packed)


def bridge_mac(name: str) -> str:
    """A fixed, locally administered MAC address for a bridge.

    A bridge without one takes the lowest address among its ports, which changes under its neighbours' feet
    (``br_stp_recalculate_bridge_id()``). ``02:6d`` keeps it apart from the addresses that :func:`mac_of` makes.
    """
    return "02:6d:" + ":".join(f"{octet:02x}" for octet in hashlib.sha256(name.encode()).digest()[:4])
