# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, hooks and transactions as the text that iptables-restore(8) reads."""
from __future__ import annotations

import re
from typing import NamedTuple

from ...core.errors import MooringError
from ...core.names import COMMENT_LENGTH
from ..model import HOOK_COMMENT, USER, Chain, Hook, Jump, ObservedChain, ObservedHook, Rule
from ..operations import RestoreTable
from .words import Words, rule_comment, rule_words


# Both backends say where they stopped; nft sometimes names the line behind it.
_LINE = re.compile(r"\bline:? (\d+)")
# "Warning: Extension addrtype revision 0 not supported, missing kernel module?"
_EXTENSION = re.compile(r"Extension (\w+) revision \d+ not supported, missing kernel module")
_AROUND = 2  # lines before and after the one that is named


class WrittenChain(NamedTuple):
    """A chain in words: the comments say whether it has to be written at all, which most of the time it has not."""

    name: str
    words: tuple[Words, ...]
    comments: tuple[str, ...]


def write_chain(chain: Chain, family: str) -> WrittenChain:
    words = tuple([rule_words(rule, family) for rule in chain.rules])
    return WrittenChain(chain.name, words, tuple(map(rule_comment, words, [rule.note for rule in chain.rules])))


def rule_line(chain: str, words: Words, comment: str) -> str:
    """A rule as ``-A``; the comment stands before the jump if there is one, as iptables-save shows it.

    :raises MooringError: when the comment is longer than the kernel keeps (XT_MAX_COMMENT_LEN)
    """
    if len(comment) > COMMENT_LENGTH:
        raise MooringError(f"the comment of a rule in {chain} has {len(comment)} characters and the kernel keeps "
                           f"{COMMENT_LENGTH}: {comment!r}; give the container or the link alias a shorter name")
    jump = next((place for place, word in enumerate(words) if word in ("-j", "-g")), len(words))
    quoted = f'"{comment}"' if " " in comment else comment
    return " ".join(("-A", chain, *words[:jump], "-m", "comment", "--comment", quoted, *words[jump:]))


def chain_text(written: WrittenChain) -> ObservedChain:
    """A chain as a snapshot will show its comments, with the lines that make it."""
    return ObservedChain(written.comments, tuple([rule_line(written.name, words, comment)
                                                  for words, comment in zip(written.words, written.comments)]))


def hook_text(hook: Hook, family: str) -> ObservedHook:
    """The tagged rule in the built-in chain, which has the name of the hook in capital letters."""
    chain = hook.point.upper()
    return ObservedHook(chain, rule_line(chain, hook_words(hook, family), HOOK_COMMENT), 0 if hook.last else 1)


def hook_words(hook: Hook, family: str) -> Words:
    return rule_words(Rule(hook.matches, Jump(hook.target), ""), family)


def restore_text(operation: RestoreTable) -> str:
    """One transaction: chains declared or emptied, hooks out, rules in, hooks in, unwanted chains deleted.

    ``:CHAIN - [0:0]`` makes a chain or empties an existing one, and with --noflush leaves all others alone.
    """
    changes = operation.chains
    # Not declared, which would empty one that somebody has made meanwhile.
    text = [f"*{operation.table}", *([f"-N {USER}"] if operation.user == "make" else ())]
    text += [f":{change.name} - [0:0]" for change in changes]
    text += ["-D" + hook.line[2:] for hook in operation.hooks_gone]
    text += [line for change in changes if change.after is not None for line in change.after.lines]
    for hook in operation.hooks_new:
        arguments = hook.line[len(f"-A {hook.chain}"):]
        text.append(f"-I {hook.chain} 1{arguments}" if hook.position == 1 else hook.line)
    text += [f"-X {change.name}" for change in changes if change.after is None]
    text += [f"-X {USER}"] if operation.user == "delete" else []
    return "\n".join([*text, "COMMIT", ""])


def refused_lines(text: str, said: str) -> str:
    """The numbered lines of a transaction around the first one that iptables-restore names, else its first ones."""
    found = _LINE.search(said)
    lines = text.splitlines()
    first = min(max(int(found[1]) - 1 - _AROUND, 0) if found else 0, max(len(lines) - 2 * _AROUND - 1, 0))
    return "\n".join(f"{number + 1:4} {lines[number]}"
                     for number in range(first, min(first + 2 * _AROUND + 1, len(lines))))


def missing_extension(said: str) -> str:
    """What to do where iptables-restore says that the kernel lacks an extension, as further sentences, else "".

    Enterprise Linux 10 has them in a package beside its kernel, which iptables-nft has stopped to recommend
    (https://github.com/docker/docker-ce-packaging/issues/1340).
    """
    found = _EXTENSION.search(said)
    return (f"\nThe kernel that runs lacks the extension {found[1]} of iptables. On Enterprise Linux 10 install the "
            "package kernel-modules-extra, and start the kernel for which that is") if found else ""
