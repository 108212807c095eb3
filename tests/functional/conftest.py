# SPDX-License-Identifier: GPL-3.0-or-later
# pylint: disable=unused-import
from shares import pytest_collection_modifyitems, pytest_runtest_protocol  # noqa: F401
from testhosts_pytest import host, new_host, pytest_configure  # noqa: F401
