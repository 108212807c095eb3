# SPDX-License-Identifier: GPL-3.0-or-later
"""One resource in flat options, or many in a list."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  config:
    description:
      - A list of dictionaries with the options of this module, to do many in one task.
      - All of them are read, planned and carried out together, which is far faster than a loop. When one of them is
        wrong, nothing is changed.
      - Options that are given beside O(config) are defaults for its items.
    type: list
    elements: dict
  state:
    description: Whether it is to be there, or not.
    type: str
    choices: [present, absent]
    default: present
"""
