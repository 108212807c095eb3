# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces that port options are made of: port, range, protocol, address. Each refusal names the option."""
from __future__ import annotations

import ipaddress
import re

from ..core.errors import OptionError
from ..core.names import interface_name
from .model import PROTOCOLS, range_text

HIGHEST_PORT = 65535

_NOT_FORWARDED = "is link-local, so that the kernel forwards nothing from there to a container"
_OTHER_ADDRESS = "Give another address of the host, or none for all of them"
_IPV4_IN_IPV6 = ipaddress.IPv6Network("::ffff:0:0/96")
_DIGITS = re.compile(r"[0-9]+")
_NUMBERS = re.compile(r"[0-9.-]*|0x[0-9a-f.x]*")


class Entry:
    """One value of one option, so that every refusal names both."""

    def __init__(self, option: str, value: object, form: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise OptionError(option, value, "is neither text nor a number", form)
        self.option, self.form, self.text = option, form, str(value)
        if not self.text:
            raise self.refusal("is empty")
        if any(character.isspace() for character in self.text):
            raise self.refusal("has a space or a line break in it", f"Remove it. {form}")

    def refusal(self, problem: str, remedy: str = "") -> OptionError:
        return OptionError(self.option, self.text, problem, remedy or self.form)

    def port(self, which: str, text: str) -> int:
        """A port number; ``text`` is digits, ``which`` is "host port" or "container port" in the messages."""
        # The cut keeps numbers of thousands of digits away from int(), which refuses them.
        number = int(text.lstrip("0")[:6] or "0")
        if number > HIGHEST_PORT:
            raise self.refusal(f"has the {which} {text}, above the highest port there is",
                               f"Use a port from 1 to {HIGHEST_PORT}{self.base_60(number)}")
        if number == 0:
            remedy = ("Leave the host port out to have one chosen" if which == "host port"
                      else f"Use a port from 1 to {HIGHEST_PORT}")
            raise self.refusal(f"has port 0 as a {which}", remedy)
        return number

    def base_60(self, number: int) -> str:
        if not _DIGITS.fullmatch(self.text) or len(self.text) > 6:
            return ""
        minutes, seconds = divmod(number, 60)
        return f"; if the playbook has {minutes}:{seconds:02d}, put it in quotes, for YAML reads it as {number}"

    def ports(self, which: str, text: str) -> tuple[int, int]:
        """A port or a range of ports, as its first and last."""
        if not text:
            raise self.refusal(f"has no {which}")
        ends = text.split("-")
        if len(ends) > 2 or not all(_DIGITS.fullmatch(end) for end in ends):
            raise self.refusal(f"has {text!r} as a {which}, which is neither a number nor a range")
        first, last = self.port(which, ends[0]), self.port(which, ends[-1])
        if last < first:
            raise self.refusal(f"has the {which}s {text}, which run backwards", f"Write {range_text(last, first)}")
        return first, last

    def protocol(self, text: str) -> tuple[str, str]:
        """Split ``80/tcp`` into port and protocol. As in Docker, an empty protocol is tcp and case does not matter."""
        ports, _slash, name = text.partition("/")
        if "/" in name:
            raise self.refusal(f"has {name!r} as its protocol", "Give one protocol, and one entry for each protocol")
        protocol = name.lower() or "tcp"
        if protocol not in PROTOCOLS:
            raise self.refusal(f"has the unknown protocol {name!r}", f"Use one of {', '.join(PROTOCOLS)}")
        return ports, protocol

    def address(self, text: str) -> str:
        """A host address, "" where the text may name an interface instead."""
        if problem := no_place_for_ports(text):
            raise self.refusal(f"has the host address {text}, which {problem}", _OTHER_ADDRESS)
        found = canonical_address(text)
        if found is None and (self.text.startswith("[") or (problem := no_interface(text))):
            problem = "is not an IP address" if self.text.startswith("[") else problem
            raise self.refusal(f"has {text!r} as its host address, which {problem}",
                               "Give an IPv4 address, an IPv6 address in brackets, or the name of an interface without "
                               "brackets; names of hosts are not looked up")
        return found or ""

    def network(self, text: str, zone: str) -> str | None:
        """A network in canonical form, None when it is none. IPv4 mapped into IPv6 is IPv4, as with addresses.

        :param zone: what is wrong with one that has a zone
        """
        address, slash, prefix = text.partition("/")
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return None
        if "%" in address:
            raise self.refusal(zone, f"Write {address.partition('%')[0]}")
        if slash and not _DIGITS.fullmatch(prefix):
            raise self.refusal("has a mask in place of a prefix length", f"Write {network}")
        if network.network_address != ipaddress.ip_address(address):
            raise self.refusal("has bits set behind its prefix length",
                               f"Write {network} for the network, or {address} for the one address")
        if network.version == 6 and network.subnet_of(_IPV4_IN_IPV6):
            return str(ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)))
        return str(network)


def no_interface(text: str) -> str:
    """Why a text that is no address is not taken for the name of an interface either, as the rest of a sentence.

    What has but digits and dots may have been meant as a port or as an address, though the kernel takes it for a name.
    """
    if text in ("lo", "localhost"):
        return "is the loopback: 127.0.0.1 is its address"
    if _NUMBERS.fullmatch(text):
        return "is not an IP address, nor is an interface meant by digits alone"
    try:
        interface_name("", text)
    except OptionError:
        return "is neither an IP address nor the name of an interface"
    return ""


def no_place_for_ports(text: str) -> str:
    """Why ports cannot be published at an address, as the rest of a sentence, "" where nothing is known against it.

    What comes from a link-local IPv6 address is never forwarded (RFC 4291, 2.5.6), and what goes to one comes from one.
    """
    address = canonical_address(text.partition("%")[0])
    ip = ipaddress.ip_address(address) if address else None
    return _NOT_FORWARDED if ip and ip.version == 6 and ip.is_link_local else ""


def canonical_address(text: str) -> str | None:
    """The address in canonical form, None when it is not one. IPv4 mapped into IPv6 is IPv4, as to Docker's engine."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6:
        if "%" in text:
            return None
        return str(address.ipv4_mapped or address)
    # Early releases of Python 3.9 read 010.0.0.1 as 10.0.0.1.
    return text if str(address) == text else None
