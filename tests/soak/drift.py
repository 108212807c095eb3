# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change by hand of tests/functional/test_drift.py with both backends of iptables."""
import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["EVERY_ROW"] = "1"
    sys.exit(pytest.main(["-q", str(Path(__file__).resolve().parents[1] / "functional" / "test_drift.py")]))
