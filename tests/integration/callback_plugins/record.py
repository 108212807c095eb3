# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the result of every task as a line of JSON, with a picture of the host that the task left."""
from __future__ import annotations

import json
import os

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase
from testhosts import Host
from worlds import picture

DOCUMENTATION = """
name: record
type: stdout
short_description: Record results for tests
description: One line of JSON for each task, in the file that MOORING_RECORD names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "record"

    def _record(self, result, status):
        name = result._host.get_name()
        line = {"host": name, "task": result._task.get_name(), "status": status, "result": result._result,
                "picture": picture(Host.get(name))}
        with open(os.environ["MOORING_RECORD"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, cls=AnsibleJSONEncoder) + "\n")

    def v2_runner_on_ok(self, result):
        self._record(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._record(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._record(result, "unreachable")
