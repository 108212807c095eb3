# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others as tests have them: recorded (data/neighbours/record.py), or a few lines."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.model import Ruleset, SavedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.netfilter import read

FOLDER = Path(__file__).resolve().parents[1] / "data" / "neighbours"
RECORDED = sorted(path.name for path in FOLDER.glob("*.save"))


def recorded(name: str) -> dict[tuple[str, str], SavedTable]:
    """The tables of a recording, like ``docker-nft.v4.save``."""
    family = "ipv6" if ".v6." in name else "ipv4"
    return {(family, table): rules for table, rules in parse((FOLDER / name).read_text(encoding="utf-8"))[1].items()}


def saved(table: str, *lines: str, family: str = "ipv4", **policies: str) -> dict[tuple[str, str], SavedTable]:
    """One table with these rules, given without ``-A``."""
    text = [f"*{table}", *(f":{chain} {policy} [0:0]" for chain, policy in policies.items()),
            *(f"-A {line}" for line in lines), "COMMIT"]
    return {(family, table): parse("\n".join(text))[1][table]}


class Recording:
    """A socket that answers what the kernel answered."""

    def __init__(self, recorded_answers: dict[str, list[str]]) -> None:
        self._answers = recorded_answers

    def dump(self, kind: int, request: bytes) -> Iterator[bytes]:
        return map(bytes.fromhex, self._answers[f"{kind} {request.hex()}"])


def answers() -> dict[str, list[str]]:
    """The messages of the recorded table of nftables by the question, which is kind and request."""
    return json.loads((FOLDER / "admin.nft.json").read_text(encoding="utf-8"))


def admin() -> Ruleset:
    """The recorded table of nftables."""
    return read(Recording(answers()))[0]
