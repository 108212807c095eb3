# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons of a host, and what they lack. Adapter.

Ansible may run a module with a Python that has its packages in a virtual environment, or that has none. What a module
needs, and the command ``mooring`` after it, is looked for there first and then in the Python of the system.
"""
from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import metadata

from . import command
from .errors import HostError

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
PACKAGES = ("jinja2", "pyroute2")  # what the whole collection needs
OLDEST = {"pyroute2": "0.5.14"}  # that of Debian 11 and Ubuntu 22.04; each newer one sends the same messages
# Looking for a package is ten times cheaper than importing it. The first line is what it lacks; then come versions,
# an empty line where a package has no metadata.
_PROBE = """
import sys
if sys.version_info < (3, 9):
    print("python")
    sys.exit()
from importlib import metadata, util
print(next((name for name in sys.argv[1:] if not util.find_spec(name)), ""))
for name in sys.argv[1:]:
    try:
        print(metadata.version(name))
    except metadata.PackageNotFoundError:
        print()
"""


def lack(interpreter: str, packages: Sequence[str] = PACKAGES, *options: str) -> str:
    """What it lacks first of the packages: "python" where it is older than 3.9, "" where it lacks nothing.

    :param options: of the interpreter
    :returns: the name of a package, with a version behind it where it has one that is too old
    :raises HostError: when it does not run
    """
    found = command.run([interpreter, *options, "-c", _PROBE, *packages])
    if found.code:
        raise HostError(f"{interpreter} does not run: {' '.join(found.err.split())}")
    missing, *versions = found.out.split("\n")
    old = (f"{name} {version}" for name, version in zip(packages, versions) if is_too_old(name, version))
    return missing or next(old, "")


def outdated(packages: Sequence[str]) -> str:
    """Name and version of the first package that this Python has in a version that is too old, "" where there is none.

    The version comes from metadata: importing the package would take 170 ms. One without any is taken as it is.
    """
    for name in (each for each in packages if each in OLDEST):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if is_too_old(name, version):
            return f"{name} {version}"
    return ""


def is_too_old(name: str, version: str) -> bool:
    """Whether a version of a package, as metadata have it, is older than the oldest that will do; "" is not."""
    return bool(version) and name in OLDEST and _release(version) < _release(OLDEST[name])


def too_old(found: str) -> str:
    """What to say of the name and version of a package that is too old."""
    name = found.split()[0]
    return (f"{found} is too old: version {OLDEST[name]} or newer is needed. Upgrade the distribution's package "
            f"python3-{name}, or what pip has installed")


def _release(version: str) -> tuple[int, ...]:
    """The first three numbers: 0.9.1rc2, 0.7.2+debian and 0.5.14.post1 are as good as the release."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])[:3])


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
