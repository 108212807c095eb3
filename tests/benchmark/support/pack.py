# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends to a host for one module: ``pack.py MODULE`` prints its bytes and the seconds of CPU to pack it.

Seconds are those of the first time and of the next ones, when Ansible finds in its cache what it has packed before.
A process of its own for each module: what was imported and read before would not count for the next one.
"""
import json
import sys
import time

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

AGAIN = 5


def main(name):
    init_plugin_loader()
    found = module_loader.find_plugin_with_context(name)
    variables = {"ansible_python_interpreter": sys.executable}
    options = {"module_name": found.resolved_fqcn, "module_path": found.plugin_resolved_path, "module_args": {},
               "templar": Templar(DataLoader(), variables=variables), "task_vars": variables,
               "module_compression": "ZIP_DEFLATED"}
    start = time.process_time()
    built = modify_module(**options)
    first = time.process_time() - start
    start = time.process_time()
    for _time in range(AGAIN):
        modify_module(**options)
    again = (time.process_time() - start) / AGAIN
    data = built[0] if isinstance(built, tuple) else built.b_module_data  # it was a tuple before ansible-core 2.19
    print(json.dumps({"bytes": len(data), "first": first, "again": again}))


main(sys.argv[1])
