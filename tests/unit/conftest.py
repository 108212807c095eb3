# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests have in common."""
from __future__ import annotations

import os

import hypothesis
import pytest

# The same examples in every run, no files beside the tests, and no bound on the time of one example.
# HYPOTHESIS_EXAMPLES=1000 searches longer.
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "20"))
hypothesis.settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=EXAMPLES)
hypothesis.settings.load_profile("unit")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
