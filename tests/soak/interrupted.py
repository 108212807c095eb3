# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets after every single operation of tests/functional/test_interrupted_hosts.py, also inside of one container."""
import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["EVERY_OPERATION"] = "1"
    tests = Path(__file__).resolve().parents[1] / "functional" / "test_interrupted_hosts.py"
    sys.exit(pytest.main(["-q", str(tests), "-k", "nothing_is_open"]))
