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
  - Every run puts back rules of its own that somebody flushed, for all bridges of the host.
"""
