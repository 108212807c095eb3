# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules are meaning everywhere but in the backend of iptables, and where rules of others are read."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "plugins/module_utils/_internal"
MAY = {
    "firewall/iptables": "the backend",
    "foreign": "reads rules of others, of iptables and of nftables",
    "program/model": "starts Python isolated, with -I",
    "daemon/rules": "takes away what a Docker daemon has left behind, by the exact form of its rules",
}
# As words of their own: MOORING-DNAT is the name of a chain, and a sentence may speak of a connection.
WORDS = re.compile(r"(?<![\w-])(?:-[sdiopmjgtADINXFRP]|--(?:source|destination|in-interface|out-interface|protocol|"
                   r"sports?|dports?|ctstate|ctstatus|(?:src|dst)-type|icmp-type|icmpv6-type|physdev[a-z-]*|"
                   r"to-destination|to-source|to-ports|comment|match|jump|goto|noflush)|ACCEPT|DROP|RETURN|MASQUERADE|"
                   r"[DS]NAT|REDIRECT|LOCAL|RELATED|ESTABLISHED|PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING|addrtype|"
                   r"conntrack|physdev|icmp6?|ipv6-icmp|ip6?tables-(?:save|restore))(?![\w-])")


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The string constants of a file with their lines, without docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def found_in(source: str) -> list[tuple[int, str]]:
    return sorted((line, word) for line, text in texts(ast.parse(source)) for word in WORDS.findall(text))


def has_leave(name: str) -> bool:
    return any(name == allowed or name.startswith(f"{allowed}/") for allowed in MAY)


FILES = {path.relative_to(UTILS).with_suffix("").as_posix(): path for path in sorted(UTILS.rglob("*.py"))}


@pytest.mark.parametrize("name", [name for name in FILES if not has_leave(name)])
def test_no_word_of_iptables(name: str) -> None:
    assert found_in(FILES[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("allowed", MAY)
def test_who_may_does(allowed: str) -> None:
    assert any(found_in(path.read_text(encoding="utf-8")) for name, path in FILES.items()
               if name == allowed or name.startswith(f"{allowed}/"))


def test_the_test_sees_words_and_no_others() -> None:
    source = '"""-j DROP"""\nx = ("-s", f"-d {y} -j ACCEPT", "MOORING-DNAT", "drop", "--state")\nz = "-m conntrack"\n'
    assert found_in(source) == [(2, "-d"), (2, "-j"), (2, "-s"), (2, "ACCEPT"), (3, "-m"), (3, "conntrack")]
