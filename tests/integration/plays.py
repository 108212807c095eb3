# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on a test host through the real Ansible: one invocation for any number of tasks, and what each of them did."""
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testhosts import CHECKOUT, HERE

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Outcome:
    """``status`` is ok, changed or failed; ``picture`` is the host after the task, in comparable form."""

    name: str
    status: str
    result: dict
    picture: dict

    @property
    def message(self):
        return self.result.get("msg", "")


def task(title, module, /, check=None, diff=True, **options):
    """A task of a play. Keywords of tasks, such as vars, are given with an underscore in front: _vars."""
    keywords = {key[1:]: options.pop(key) for key in [key for key in options if key.startswith("_")]}
    module = module if "." in module else f"mooring.net.{module}"
    return {"name": title, module: options, "ignore_errors": True, "diff": diff,
            **({} if check is None else {"check_mode": check}), **keywords}


def play(folder, host, tasks, arguments=(), **keywords):
    """Run the tasks on the host; what came of each, in order."""
    return play_all(folder, {host: tasks}, arguments, **keywords)[host.name]


def play_all(folder, tasks, arguments=(), **keywords):
    """Run the tasks of each host in a play of its own, with one start of Ansible; what came of them by host name."""
    playbook, inventory, record = folder / "play.yml", folder / "hosts.yml", folder / "record"
    record.unlink(missing_ok=True)
    playbook.write_text(json.dumps([{"hosts": host.name, "gather_facts": False, "tasks": each, **keywords}
                                    for host, each in tasks.items()]))
    variables = {"ansible_connection": "testhost", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {host.name: variables for host in tasks}}}))
    paths = [os.environ.get("PYTHONPATH"), str(HERE), str(CHECKOUT / "tests" / "functional")]
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "--inventory", inventory, *arguments, playbook],
        capture_output=True, text=True, timeout=600, check=False, env={
            **os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "MOORING_RECORD": str(record),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"), "ANSIBLE_STDOUT_CALLBACK": "record",
            "ANSIBLE_CALLBACK_PLUGINS": str(FOLDER / "callback_plugins"),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"), "ANSIBLE_PIPELINING": "1",
            "LC_ALL": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    outcomes = {host.name: [] for host in tasks}
    for line in map(json.loads, record.read_text().splitlines() if record.exists() else ()):
        outcomes[line["host"]].append(Outcome(line["task"], line["status"], line["result"], line["picture"]))
    for host, each in tasks.items():
        count = len(outcomes[host.name])
        assert count == len(each), f"{count} of {len(each)} tasks ran on {host.name}\n{done.stdout}\n{done.stderr}"
    return outcomes
