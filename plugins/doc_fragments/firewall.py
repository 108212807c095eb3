# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that write rules have in common."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
requirements:
  - iptables-save and iptables-restore, and the same of ip6tables (Debian and Ubuntu package C(iptables)), of either
    backend
notes:
  - Rules live in chains whose names begin with C(MOORING). Those are written whole; of other chains only one rule,
    with the comment C(mooring), is added to C(FORWARD), to C(PREROUTING) and C(OUTPUT), and to C(POSTROUTING).
    Policies of chains are never changed.
  - Rules of others are read and never changed, those of nftables that iptables does not show among them. The program
    C(nft) is not needed for that. The page C(docs/living_with_others.md) of the collection says what happens beside
    Docker, ufw and firewalld.
  - Rules are the only record of published ports and links. When somebody flushed them, every run of every module puts
    back those of the bridges; published ports and links come back with the task that says them.
  - What containers send to the outside is accepted at the top of C(FORWARD), as Docker does, so that rules of others
    behind it do not see it. What they send to a bridge of others, behind which there are but containers and virtual
    machines, is left to those rules.
  - What comes from a bridge with a source that is no address of that bridge is dropped. The page
    C(docs/who_reaches_what.md) of the collection says what passes all the same, like what a container sends for a
    network that the host routes through it.
"""
