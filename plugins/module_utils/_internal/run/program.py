# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``mooring`` on a host: the modules' own code, without Ansible.

    mooring replay   bring the network back to what the host has been asked for
    mooring check    say what differs from that, a line for each difference
    mooring show     show the network of the host
    mooring follow   bring resolv.conf of containers up to date

Each command loads what it needs: all of the code takes longer to load than resolv.conf takes to be brought up to date.
"""
from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Optional

from ..applied.model import PATH
from ..core.errors import MooringError, printable

PATIENCE = 10  # seconds that a start of the host waits for bridges of others
TROUBLE = 2  # as diff(1) says it


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command. The exit status, see ``mooring --help``."""
    _settle_streams()
    try:
        status = _main(arguments)
        sys.stdout.flush()
        return status
    except MooringError as error:
        sys.stderr.write(f"mooring: {error}\n")
    except BrokenPipeError:
        sys.stdout = io.StringIO()  # whoever reads it has seen enough: what is left is not written when Python ends
    except OSError as error:  # that no adapter expects: it is the host that refuses, all the same
        sys.stdout = io.StringIO()
        sys.stderr.write(f"mooring: the host refuses something that this needs: {printable(str(error))}\n")
    return TROUBLE


def _settle_streams() -> None:
    """Who starts it may have closed what it writes to, and may have an encoding that lacks a character of a name."""
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _main(arguments: Optional[Sequence[str]]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return TROUBLE
    if os.geteuid() != 0:
        raise MooringError("this needs root")
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    if options.command == "follow":
        from ..names import follow
        return follow.main()
    if options.command == "replay" and options.started:
        from . import started
        return started.wire()
    from . import commands
    if options.command == "replay":
        return commands.replay(ask=commands.ask_nobody, patience=PATIENCE) if options.boot else commands.replay()
    return commands.show(options.json) if options.command == "show" else commands.check()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mooring", description="The container network of this host, as the Ansible collection mooring.net has set "
        "it up.", epilog=f"What the host has been asked for is in {PATH}. Exit status: 0 when all is well, 1 when "
        "something differs or could not be done, 2 for an error.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    replay = commands.add_parser("replay", help="bring the network back to what the host has been asked for")
    replay.add_argument("--boot", action="store_true", help="ask no container engine: none runs yet")
    replay.add_argument("--started", action="store_true", help="only what is about containers that an engine has "
                        "started since; look first whether there is one")
    commands.add_parser("check", help="say what differs from that, a line for each difference; change nothing")
    show = commands.add_parser("show", help="show the network of the host")
    show.add_argument("--json", action="store_true", help="as the module network_info returns it")
    commands.add_parser("follow", help="bring resolv.conf of containers up to date")
    return parser
