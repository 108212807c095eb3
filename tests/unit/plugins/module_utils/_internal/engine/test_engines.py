# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to each engine for all containers of a task."""
from __future__ import annotations

import types
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.command import Result
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.engine import inspect as engines

WEB = "aab0|/web|71|/d/hosts|/d/hostname|/d/resolv.conf"
AA = "ccd1|aa|72|/p/hosts|/p/hostname|"
STOPPED = "eef2|/gone|0|/d/hosts|/d/hostname|/d/resolv.conf"


@pytest.fixture
def asked():
    """The questions, and what Docker and Podman answer."""
    answers = {"docker": Result(1, f"{WEB}\n{STOPPED}\n", "No such container: aa\n"),
               "podman": Result(125, f"{AA}\n", "Error: no such container\n")}
    questions, patience = [], []

    def run(words, seconds):
        questions.append((words[0], words[6:]))
        patience.append(seconds)
        if isinstance(answers[words[0]], Exception):
            raise answers[words[0]]
        return answers[words[0]]

    command = types.SimpleNamespace(find=lambda program: answers.get(program) and program, run=run)
    with mock.patch.object(engines, "command", command), \
            mock.patch.object(engines, "is_roots", lambda path: path.startswith(("/d/", "/p/"))), \
            mock.patch.object(engines.processes, "start_time", lambda pid: f"t{pid}"):
        yield types.SimpleNamespace(questions=questions, patience=patience, answers=answers)


def test_containers_are_found_by_name_and_by_id(asked) -> None:
    answers = engines.inspect(["web", "aab", "aa", "gone", "nobody"])
    found, problems = answers.found, answers.problems
    assert asked.questions == [("docker", ["web", "aab", "aa", "gone", "nobody"]), ("podman", ["gone", "nobody"])]
    assert (found["web"], found["aab"].name) == (
        engines.Container("docker", "aab0", "web", 71, "t71", ("/d/hosts", "/d/hostname", "/d/resolv.conf")), "web")
    assert problems == {"gone": "docker says that it is not running; podman has no container of this name",
                        "nobody": "docker has no container of this name; podman has no container of this name"}


def test_who_joins_another_one_is_told_its_name(asked) -> None:
    """Engines keep the id; who is asked for together with the owner needs no other question."""
    joiner = "bbc1|/side|73|/d/hosts|/d/hostname|/d/resolv.conf|container:aab0"
    asked.answers["docker"] = Result(0, f"{WEB}\n{joiner}\n", "")
    assert engines.inspect(["web", "side"]).found["side"].owner == "web" and len(asked.questions) == 1
    assert engines.inspect(["side"]).found["side"].owner == "web"
    asked.answers["docker"] = Result(0, f"{joiner}\n", "")
    assert engines.inspect(["side"]).found["side"].owner == "aab0"
    assert [names for _engine, names in asked.questions[1:]] == [["side"], ["side"], ["aab0"]]


def test_a_name_comes_before_the_beginning_of_an_id(asked) -> None:
    asked.answers["docker"] = Result(0, f"{WEB}\n{AA}\n", "")
    assert engines.inspect(["aa"]).found["aa"].name == "aa"
    assert len(asked.questions) == 1


def test_what_an_engine_says_when_it_does_not_answer(asked) -> None:
    asked.answers.update(docker=HostError("docker did not answer within 20 seconds"), podman=None)
    assert engines.inspect(["web"]) == engines.Answers(
        {}, {"web": "docker: docker did not answer within 20 seconds; podman is not installed"})
    asked.answers.update(docker=Result(1, "", "Cannot connect to the Docker daemon\n"))
    assert engines.inspect(["web"]).problems["web"].startswith("docker says: Cannot connect to the Docker daemon")


@pytest.mark.parametrize("name", ["web", "aab"])
def test_a_container_that_starts_for_ever_keeps_no_other_one_from_being_found(name: str) -> None:
    """Docker does not answer about it before it runs, nor about others in the same question."""
    def run(words, seconds):
        if words[1] == "ps":
            return Result(0, "aab0|web,other/alias\nccd1|aa\n", "")
        if "hung" in words:
            raise HostError(f"docker inspect did not answer within {seconds} seconds")
        return Result(0, f"{WEB}\n", "")

    command = types.SimpleNamespace(find=lambda program: program == "docker" or None, run=run)
    with mock.patch.object(engines, "command", command):
        answers = engines.inspect([name, "hung", "nobody"])
    assert [found.identifier for found in answers.found.values()] == ["aab0"] and name in answers.found
    assert set(answers.problems) == {"hung", "nobody"}
    assert answers.problems["hung"].startswith("docker: docker inspect did not answer within")


def test_files_of_an_engine_that_others_can_lead_elsewhere_are_those_of_the_container(asked) -> None:
    """An engine without root, which root was told to ask (DOCKER_HOST), has them in a folder of its user."""
    asked.answers["docker"] = Result(0, WEB.replace("/d/", "/home/user/"), "")
    assert engines.inspect(["web"]).found["web"].paths == ("", "", "")


def test_engines_have_so_many_seconds_together(asked) -> None:
    clock = iter([100, 100, 109.5])
    with mock.patch.object(engines, "time", types.SimpleNamespace(monotonic=lambda: next(clock))):
        engines.inspect(["nobody"])
    assert asked.patience == [engines.ENGINE_SECONDS, engines.LEAST]
