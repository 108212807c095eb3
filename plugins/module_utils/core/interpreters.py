# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons of a host, and what they lack. Adapter.

Ansible may run a module with a Python that has its packages in a virtual environment, or that has none. What a module
needs, and the command ``mooring`` after it, is looked for there first and then in the Python of the system.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from . import command
from .errors import HostError

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
PACKAGES = ("jinja2", "pyroute2")  # what the whole collection needs
# Looking for a package is ten times cheaper than importing it.
_PROBE = ("import importlib.util as u, sys; print('python' if sys.version_info < (3, 9) else "
          "next((name for name in sys.argv[1:] if not u.find_spec(name)), ''))")


def lack(interpreter: str, packages: Sequence[str] = PACKAGES, *options: str) -> str:
    """Which of the packages it lacks first, "python" where it is older than 3.9, "" where it lacks nothing.

    :param options: of the interpreter
    :raises HostError: when it does not run
    """
    found = command.run([interpreter, *options, "-c", _PROBE, *packages])
    if found.code:
        raise HostError(f"{interpreter} does not run: {' '.join(found.err.split())}")
    return found.out.strip()


def serves(interpreter: str, packages: Sequence[str] = PACKAGES, *options: str) -> bool:
    """Whether it is there, runs and has all of them."""
    try:
        return os.access(interpreter, os.X_OK) and not lack(interpreter, packages, *options)
    except HostError:
        return False


def current() -> str:
    """The Python that runs this, by the name that stays when the system gets its next version.

    What ``python3`` leads to is another one then. A virtual environment is named as it is: its packages are its own.
    """
    if sys.prefix == sys.base_prefix:
        for stable in INTERPRETERS:
            if os.path.realpath(stable) == os.path.realpath(sys.executable):
                return stable
    return sys.executable
