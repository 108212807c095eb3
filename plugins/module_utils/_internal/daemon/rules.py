# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon leaves behind in the firewall. Pure."""
from __future__ import annotations

import re
import shlex


def stale_rules(saved: str, bridge: str) -> list[list[str]]:
    """The rules that the daemon has put into chains that are not its own for a bridge, as arguments for iptables.

    It leaves them behind for a bridge that it no longer uses. Their masquerade would hit whoever gets the subnet next.

    :param saved: what ``iptables-save`` says
    """
    name = re.escape(bridge)
    ours = re.compile(rf"-A (?:FORWARD (?:-o {name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT|-o {name} -j "
                      rf"DOCKER|-i {name} ! -o {name} -j ACCEPT|-i {name} -o {name} -j (?:ACCEPT|DROP))"
                      rf"|POSTROUTING (?:-s \S+ ! -o {name} -j MASQUERADE|-o {name} -m addrtype --src-type LOCAL -j "
                      r"MASQUERADE))")
    found, table = [], ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif ours.fullmatch(line):
            found.append(["-t", table, "-D", *shlex.split(line)[1:]])
    return found
