# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible connection to a test host of the sandbox that Ansible itself runs in."""
from __future__ import annotations

DOCUMENTATION = """
name: testhost
short_description: Enter the namespaces of a test host
description:
  - Runs commands in a test host that was started with C(tests/hosts/testhost) in the same sandbox, through C(nsenter).
  - Ansible must run as root in that sandbox. There is nothing to log in to, and privilege escalation works as usual.
author: The mooring.net authors
options:
  host:
    description: Name of the test host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_testhost_name
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase

sys.path.append(str(Path(__file__).resolve().parent.parent))
import testhosts  # noqa: E402  # pylint: disable=wrong-import-position


class Connection(ConnectionBase):
    transport = "testhost"
    has_pipelining = True

    def _connect(self):
        name = self.get_option("host")
        try:
            self._testhost = testhosts.Host.get(name)
        except testhosts.TesthostError as error:
            raise AnsibleConnectionFailure(f"{error}") from error
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._display.vvv(f"EXEC {to_text(cmd)}", host=self._testhost.name)
        command = [*self._testhost.enter, "/bin/sh", "-c", cmd]
        # The environment of the controller has no place on a host, as with ssh.
        done = subprocess.run(
            [to_bytes(argument, errors="surrogate_or_strict") for argument in command],
            input=in_data or b"",
            capture_output=True,
            env=testhosts.ENVIRONMENT,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        self._copy(in_path, self._inside(out_path))

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        self._copy(self._inside(in_path), out_path)

    def _inside(self, path):
        path = to_text(path)
        return self._testhost.path(path if path.startswith("/") else f"/root/{path}")

    def _copy(self, source, target):
        if not os.path.exists(to_bytes(source)):
            raise AnsibleFileNotFound(f"there is no file {to_text(source)}")
        shutil.copyfile(to_bytes(source), to_bytes(target))

    def close(self):
        self._connected = False
