# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, hooks and transactions as the text that iptables-restore(8) reads."""
from __future__ import annotations

from ..core.errors import MooringError
from ..core.names import COMMENT_LENGTH
from ..firewall.operations import RestoreTable
from .model import HOOK_COMMENT, Chain, Hook, ObservedChain, ObservedHook


def rule_line(chain: str, args: tuple[str, ...], comment: str) -> str:
    """A rule as ``-A``; the comment stands before the jump if there is one, as iptables-save shows it.

    :raises MooringError: when the comment is longer than the kernel keeps (XT_MAX_COMMENT_LEN)
    """
    if len(comment) > COMMENT_LENGTH:
        raise MooringError(f"the comment of a rule in {chain} has {len(comment)} characters and the kernel keeps "
                           f"{COMMENT_LENGTH}: {comment!r}; give the container or the link alias a shorter name")
    jump = args.index("-j") if "-j" in args else len(args)
    quoted = f'"{comment}"' if " " in comment else comment
    return " ".join(("-A", chain, *args[:jump], "-m", "comment", "--comment", quoted, *args[jump:]))


def chain_text(chain: Chain) -> ObservedChain:
    """A chain as a snapshot will show its comments, with the lines that make it."""
    return ObservedChain(chain.comments, tuple(rule_line(chain.name, rule.args, rule.comment) for rule in chain.rules))


def hook_text(hook: Hook) -> ObservedHook:
    return ObservedHook(hook.chain, rule_line(hook.chain, hook.args, HOOK_COMMENT), 0 if hook.last else 1)


def restore_text(operation: RestoreTable) -> str:
    """One transaction: chains declared or emptied, hooks out, rules in, hooks in, unwanted chains deleted.

    ``:CHAIN - [0:0]`` makes a chain or empties an existing one, and with --noflush leaves all others alone.
    """
    changes = operation.chains
    text = [f"*{operation.table}"]
    text += [f":{change.name} - [0:0]" for change in changes]
    text += ["-D" + hook.line[2:] for hook in operation.hooks_gone]
    text += [line for change in changes if change.after is not None for line in change.after.lines]
    for hook in operation.hooks_new:
        arguments = hook.line[len(f"-A {hook.chain}"):]
        text.append(f"-I {hook.chain} 1{arguments}" if hook.position == 1 else hook.line)
    text += [f"-X {change.name}" for change in changes if change.after is None]
    return "\n".join([*text, "COMMIT", ""])
