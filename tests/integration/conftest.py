# SPDX-License-Identifier: GPL-3.0-or-later
from testhosts_pytest import host, new_host, pytest_configure  # noqa: F401  # pylint: disable=unused-import
