# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection has in common."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.9
  - pyroute2 >= 0.5.14 (Debian and Ubuntu package C(python3-pyroute2))
  - iproute2 is not needed; the module speaks to the kernel itself
attributes:
  check_mode:
    description: Shows the plan, and changes nothing.
    support: full
  diff_mode:
    description: Shows what each operation takes away and what it puts there.
    support: full
  idempotent:
    description: Changes nothing in a second run on the same host.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/mooring.net.all) in C(module_defaults) to set O(lock_timeout) for all modules of the
      collection.
    support: full
    membership:
      - mooring.net.all
author:
  - The mooring.net developers (@mooring-net)
notes:
  - Run it as root, in the network namespace that is the host. Use C(become=true) where you do not log in as root.
  - What has to be text is taken as text only. Put in quotes what YAML takes for something else, like V(53:53) (3233 to
    YAML), V(0123), V(1.10), V(no) or V(2024-01-01). In a template the filter C(string) makes text of a number.
  - It changes what the kernel does now. A reboot takes that away, unless the host has been asked to come back to it,
    see O(mooring.net.host_network#module:persist).
  - Set C(ansible_python_interpreter) to a Python that has pyroute2. Otherwise the module looks for one in
    C(/usr/bin/python3) and starts again under it, which costs time in each task.
"""

    INFO = r"""
options: {}
requirements:
  - pyroute2 >= 0.5.14 (Debian and Ubuntu package C(python3-pyroute2))
attributes:
  check_mode:
    description: Changes nothing, with or without check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: N/A
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/mooring.net.all) in C(module_defaults) to set O(lock_timeout) for all modules of the
      collection.
    support: full
    membership:
      - mooring.net.all
author:
  - The mooring.net developers (@mooring-net)
notes:
  - Run it as root. Use C(become=true) where you do not log in as root.
  - What has to be text is taken as text only. Put in quotes what YAML takes for something else, like V(53:53) (3233 to
    YAML), V(0123), V(1.10), V(no) or V(2024-01-01). In a template the filter C(string) makes text of a number.
"""

    SYSTEM = r"""
options: {}
requirements:
  - python >= 3.9
attributes:
  check_mode:
    description: Shows the plan, and changes nothing.
    support: full
  diff_mode:
    description: Shows what each operation takes away and what it puts there.
    support: full
  idempotent:
    description: Changes nothing in a second run on the same host.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/mooring.net.all) in C(module_defaults) to set O(lock_timeout) for all modules of the
      collection.
    support: full
    membership:
      - mooring.net.all
author:
  - The mooring.net developers (@mooring-net)
notes:
  - Run it as root. Use C(become=true) where you do not log in as root.
"""
