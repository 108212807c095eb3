# SPDX-License-Identifier: GPL-3.0-or-later
"""What every task of every module may say, of itself and not of what it manages."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  lock_timeout:
    description:
      - How many seconds to wait for another run of this collection that is at work on the host. Runs queue, and the
        time begins anew with each one that comes to the front.
    type: raw
    default: 120
"""
