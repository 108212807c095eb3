# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs run that configure interfaces of the host, and what keeps them away. Adapter."""
from __future__ import annotations

import os
from typing import Optional

from ..core.regular import read_regular

UNITS = "/run/systemd/units"  # systemd keeps a link there for each unit that is active: invocation:NAME


def is_running(unit: str) -> bool:
    """Whether a unit of systemd is active."""
    return os.path.lexists(f"{UNITS}/invocation:{unit}")


def read_file(path: str) -> Optional[str]:
    """The text of a file, None where there is none; "" for what is no file."""
    try:
        return read_regular(path)
    except FileNotFoundError:
        return None
    except OSError:
        return "" if os.path.lexists(path) else None
