#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: resolv_follower
short_description: Let running containers follow the host's resolv.conf
version_added: 0.1.0
description:
  - Installs a path unit of systemd that watches the host's C(/etc/resolv.conf), and a small program that it starts. The
    program brings the C(resolv.conf) of containers up to date that M(mooring.net.container_dns) or
    M(mooring.net.host_network) manages. None of them stays in memory.
  - The program is the modules' own code below C(/usr/local/lib/mooring). A later version of this collection brings it
    up to date.
  - Does nothing where systemd is not the first process, as RV(follower.systemd) tells.
  - The roles P(mooring.net.host_network#role) and P(mooring.net.containers#role) use it.
extends_documentation_fragment:
  - mooring.net.attributes.system
options:
  state:
    description: Whether the program and its units are there. V(absent) stops them and removes all of it.
    type: str
    choices: [present, absent]
    default: present
  python:
    description: The Python that runs the program. It needs jinja2.
    type: path
    default: /usr/bin/python3
seealso:
  - module: mooring.net.container_dns
  - module: mooring.net.host_network
"""

EXAMPLES = r"""
- name: Let running containers follow the host's resolv.conf
  mooring.net.resolv_follower:

- name: Let them keep what they have
  mooring.net.resolv_follower:
    state: absent
"""

RETURN = r"""
follower:
  description: What there is of the program afterwards, or in check mode now.
  returned: success
  type: dict
  contains:
    systemd:
      description: Whether systemd is the first process, without which there is no such program.
      type: bool
      returned: success
    present:
      description: Whether the unit that watches the file is there.
      type: bool
      returned: success
    installed:
      description: The digest of what was installed, empty where not all of it is as it was.
      type: str
      returned: success
actions:
  description: What was done, or in check mode would be done, one sentence for each operation.
  returned: success
  type: list
  elements: str
  sample: ["let systemd read its units again", "enable and start mooring-resolv.path"]
"""

from ansible_collections.mooring.net.plugins.module_utils.run.follower import run_follower_module


def main() -> None:
    run_follower_module()


if __name__ == "__main__":
    main()
