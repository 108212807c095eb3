# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline of the modules without Ansible around it, on a test host.

A process in the host keeps everything imported and answers one request per line, so that a step costs what its work
costs. With ``python pipeline.py`` this file is that process; tests use :class:`Pipeline`.
"""
import importlib
import json
import os
import resource
import subprocess
import sys
import time
import traceback
from pathlib import Path

import killing

CHECKOUT = Path(__file__).resolve().parent.parent.parent


# Packs the command mooring as the module host_program does.
PACK = """
import sys
sys.path.append(sys.argv[1])
from ansible_collections.mooring.net.plugins.module_utils._internal.program import adapter, archive
sys.stdout.buffer.write(archive.pack(sys.executable, adapter.source_of))
"""
PROGRAM = "/usr/local/lib/mooring/mooring.pyz"


def install_program(host):
    """Put the command mooring on a test host."""
    host.run(["sh", "-ec", f"mkdir -p $(dirname {PROGRAM}); {sys.executable} -c '{PACK}' "
                           f"{CHECKOUT / '.collections'} >{PROGRAM}; chmod 755 {PROGRAM}"])


class PipelineError(Exception):
    """A module refused or failed; the text is the message that Ansible would show.

    ``result`` is what the module returns all the same, where containers kept something from being done in them.
    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


class Pipeline:
    """The modules of the collection on one host."""

    def __init__(self, host):
        self._process = host.popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.kill()

    def kill(self):
        """End the process as SIGKILL does, in the middle of whatever it is at."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def begin(self, module, **params):
        """Begin to run a module, of which nobody will hear how it ends."""
        self._send(do="run", module=module, params=params, check=False)

    def _send(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _ask(self, **request):
        self._send(**request)
        line = self._process.stdout.readline()
        if not line:
            raise PipelineError(f"the pipeline on the host ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PipelineError(answer["error"], answer.get("result"))
        return answer

    def run(self, module, check=False, **params):
        """Run a module; its result. :raises PipelineError: with the message of its failure"""
        return self._ask(do="run", module=module, params=params, check=check)

    def kill_at(self, number, module, **params):
        """Run a module in a process of its own, which is killed before its changing system call of this number.

        :param number: 0 to let it end
        :returns: the names of all such calls up to that one
        """
        return self._ask(do="kill_at", number=number, module=module, params=params)["calls"]

    def run_at_once(self, *runs):
        """Run modules, each in a process of its own, all at the same time.

        :param runs: each as ``(module, parameters)``
        :returns: for each the message of its failure, "" for none, and when it ended (seconds of a clock of the host)
        """
        return self._ask(do="run_at_once", runs=runs)["ended"]

    def plan(self, module, **params):
        """Plan a run without starting it: one sentence for each operation, in order."""
        return self._ask(do="plan", module=module, params=params)["operations"]

    def step(self, number):
        """Carry out one operation of the plan that was made last."""
        self._ask(do="step", number=number)

    def execute(self, *operations):
        """Give operations to the host, as ``[verb, arguments]``: what was done, and the error if there was one.

        An argument that is such a list itself, beginning with a name of operations or links, is made into its value.
        """
        return self._ask(do="execute", operations=operations)

    def adapter(self, function, *arguments):
        """Call a function of module_utils, given as ``link.netlink.snapshot``; its result as plain data."""
        return self._ask(do="adapter", function=function, arguments=arguments)["result"]

    def clock(self):
        """Seconds of CPU that the process on the host has taken up to now, with the commands that it has run."""
        return self._ask(do="clock")["seconds"]


class Server:
    """The process in the host."""

    def __init__(self):
        sys.path.append(str(CHECKOUT / ".collections"))
        from ansible_collections.mooring.net.plugins.module_utils._internal.core import errors
        from ansible_collections.mooring.net.plugins.module_utils._internal.firewall import operations as of_rules
        from ansible_collections.mooring.net.plugins.module_utils._internal.host import operations as of_host
        from ansible_collections.mooring.net.plugins.module_utils._internal.host import real
        from ansible_collections.mooring.net.plugins.module_utils._internal.link import addressing
        from ansible_collections.mooring.net.plugins.module_utils._internal.link import operations as of_links
        from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import CONFIG
        from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge, frame, items, module

        self.errors, self.real, self.converge, self.items, self.module = errors, real, converge, items, module
        self.frame, self.config = frame, CONFIG
        self.verbs = {name: value for module in (of_host, of_rules, of_links, addressing)
                      for name, value in vars(module).items()}
        self.planned = ()

    def answer(self, request):
        try:
            return getattr(self, request.pop("do"))(**request)
        except self.errors.MooringError as error:
            return {"error": str(error)}
        except Exception:
            return {"error": f"an error in this module: {traceback.format_exc()}"}

    def parts(self, module, params):
        """What a module makes of its parameters."""
        found = importlib.import_module(f"ansible_collections.mooring.net.plugins.modules.{module}")
        if module == "host_network":
            return found.parts(self.frame.check_options(found.OPTIONS, params))
        parameters = self.frame.check_options({**found.RESOURCE.options, **self.config}, params)
        return [self.items.part_of(found.RESOURCE, parameters, self.frame.check_options)]

    def run(self, module, params, check):
        parts, host = self.parts(module, params), self.real.RealHost()
        plan = self.converge.converge(parts, host, changing=not check)
        result = self.module.result_of_host(plan) if module == "host_network" else self.module.result(
            parts[0].resource, plan, single=params.get("config") is None)
        result.update(self.frame.describe_plan(plan, True), warnings=[*plan.warnings, *host.warnings],
                      assumed=[assumption.problem for assumption in plan.assumed])
        if not plan.failed:
            return result
        among_others = module == "host_network" or bool(params.get("config"))
        return {"error": self.frame.describe_failed(plan.failed, among_others), "result": result}

    def kill_at(self, number, module, params):
        return {"calls": killing.run_killed(lambda: self.run(module, params, check=False), number)}

    def run_at_once(self, runs):
        started = []
        for module, params in runs:
            read, write = os.pipe()
            if not (pid := os.fork()):
                answer = self.answer({"do": "run", "module": module, "params": params, "check": False})
                os.write(write, json.dumps([answer.get("error", ""), time.monotonic()]).encode())
                os._exit(0)
            os.close(write)
            started.append((pid, read))
        ended = []
        for pid, read in started:
            with open(read, encoding="utf-8") as answer:
                ended.append(json.loads(answer.read() or '["it was killed", 0]'))
            os.waitpid(pid, 0)
        return {"ended": ended}

    def plan(self, module, params):
        plan = self.converge.converge(self.parts(module, params), self.real.RealHost(), changing=False)
        self.planned = plan.operations
        return {"operations": plan.steps}

    def step(self, number):
        host = self.real.RealHost()
        host.execute([self.planned[number]])
        return {"error": "; ".join(host.setbacks.why.values())} if host.setbacks.why else {}

    def execute(self, operations):
        host, error = self.real.RealHost(), ""
        operations = [self.value(operation) for operation in operations]
        try:
            done = host.execute(operations)
            error = "; ".join(host.setbacks.why.values())
        except self.errors.ExecutionError as failure:
            done, error = failure.done, str(failure)
        return {"done": [operation.describe() for operation in done], "failure": error, "warnings": host.warnings}

    def value(self, text):
        """``["LinkAdd", "", {"kind": ...}]`` -> LinkAdd("", Link(...)), lists -> tuples."""
        if isinstance(text, dict):
            return self.verbs[text.pop("is")](**{key: self.value(value) for key, value in text.items()})
        if isinstance(text, list):
            verb = self.verbs.get(str(text[0])) if text else None
            return verb(*map(self.value, text[1:])) if verb else tuple(map(self.value, text))
        return text

    def adapter(self, function, arguments):
        path, name = function.rsplit(".", 1)
        module = importlib.import_module(f"ansible_collections.mooring.net.plugins.module_utils._internal.{path}")
        return {"result": plain(getattr(module, name)(*map(self.value, arguments)))}

    def clock(self):
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return {"seconds": sum(each.ru_utime + each.ru_stime for each in used)}


def plain(value):
    """Dataclasses and tuples as what JSON has; keys as text."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key if isinstance(key, str) else " ".join(map(str, key)): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple, set, frozenset)) else value


if __name__ == "__main__":
    server = Server()
    for line in sys.stdin:
        print(json.dumps(server.answer(json.loads(line))), flush=True)
