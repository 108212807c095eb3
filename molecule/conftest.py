# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the tests of the scenarios name hosts as testhost://NAME."""
import testinfra_backend  # noqa: F401  # pylint: disable=unused-import
