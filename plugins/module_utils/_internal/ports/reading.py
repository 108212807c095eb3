# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports read back from the notes of rules. Pure."""
from __future__ import annotations

import functools
import ipaddress
import re

from .model import NOWHERE, PROTOCOLS, Publication, family_of

_NAME = r"[A-Za-z0-9_.-]+"
_PUBLICATION = re.compile(rf"(?:(?P<host>[0-9.]+|\[[0-9a-f:.]+)(?:%(?P<at>{_NAME}))?\]?|(?P<waits>{_NAME}))"
                          r":(?P<first>[0-9]{1,5})(?:-[0-9]{1,5})?"
                          r"->(?P<container>[0-9.]+|\[[0-9a-f:.]+\]):(?P<port>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?"
                          r"/(?P<protocol>[a-z]+)(?: from (?P<sources>[0-9a-f.:/,]+))?")


# Every plan reads the same ones back several times.
@functools.lru_cache(maxsize=1 << 15)
def parse_publication(container: str, text: str) -> Publication:
    """The publication of ``container`` whose ``text`` this is.

    :raises ValueError: when ``text`` is not exactly what :attr:`Publication.text` makes
    """
    match = _PUBLICATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not of the form HOST_IP:HOST_PORT->CONTAINER_IP:CONTAINER_PORT/PROTOCOL")
    port = int(match["port"])
    inside, host = match["container"].strip("[]"), (match["host"] or "").strip("[]")
    publication = Publication(container, host or NOWHERE[family_of(inside)], int(match["first"]), inside, port,
                              match["protocol"], int(match["last"] or port) - port + 1,
                              tuple(match["sources"].split(",")) if match["sources"] else (),
                              match["at"] or match["waits"] or "")
    # Rendering it again catches every spelling that is not ours: leading zeros, ranges of unequal length, brackets.
    if publication.text != text or not _possible(publication):
        raise ValueError(f"{text!r} is not a published port in canonical form")
    return publication


def _possible(publication: Publication) -> bool:
    """Whether ports, protocol, addresses and networks exist and are written in canonical form."""
    highest = max(publication.host_port, publication.container_port) + publication.count - 1
    return (publication.count > 0 and publication.host_port > 0 and publication.container_port > 0
            and highest <= 65535 and publication.protocol in PROTOCOLS
            and _canonical_address(publication.host_ip) and _canonical_address(publication.container_ip)
            and all(_canonical_network(source) for source in publication.allow_from))


# A host has thousands of publications on a handful of addresses: the caches halve the time to read them back.
@functools.lru_cache(maxsize=4096)
def _canonical_address(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


@functools.lru_cache(maxsize=4096)
def _canonical_network(text: str) -> bool:
    try:
        return str(ipaddress.ip_network(text)) == text
    except ValueError:
        return False
