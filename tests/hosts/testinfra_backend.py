# SPDX-License-Identifier: GPL-3.0-or-later
"""testinfra backend `testhost://NAME`, known to testinfra once this module is imported."""
import shlex

import testinfra.backend
from testinfra.backend.base import BaseBackend

import testhosts


class TesthostBackend(BaseBackend):
    NAME = "testhost"

    def __init__(self, name, *args, **kwargs):
        super().__init__(name, *args, **kwargs)
        self._testhost = testhosts.Host.get(name)

    def run(self, command, *args, **kwargs):
        environment = [f"{name}={value}" for name, value in testhosts.ENVIRONMENT.items()]
        inside = ["/bin/sh", "-c", self.get_command(command, *args)]
        return self.run_local(shlex.join([*self._testhost.enter, "/usr/bin/env", "-i", *environment, *inside]))


testinfra.backend.BACKENDS[TesthostBackend.NAME] = f"{__name__}.TesthostBackend"
