# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests have in common."""
from __future__ import annotations

import hypothesis
import pytest

# The same examples in every run, no files beside the tests, and no bound on the time of one example.
hypothesis.settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=40)
hypothesis.settings.load_profile("unit")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
