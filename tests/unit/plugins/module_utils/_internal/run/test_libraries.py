# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python runs a module: what it lacks, and what it has in a version that is too old."""
from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import interpreters
from ansible_collections.mooring.net.plugins.module_utils._internal.program import adapter
from ansible_collections.mooring.net.plugins.module_utils._internal.run import frame


@pytest.mark.parametrize(("version", "old"), [
    ("0.5.13", "pyroute2 0.5.13"), ("0.4.13", "pyroute2 0.4.13"), ("0.5.14", ""), ("0.5.14.post1", ""), ("0.5.19", ""),
    ("0.6", ""), ("0.10rc1", ""), ("0.7.2+debian", ""), ("1.0", ""), ("0.5.2", "pyroute2 0.5.2"),
])
def test_a_package_that_is_too_old_is_found_in_its_metadata(version: str, old: str) -> None:
    """Without importing it, and in check mode as well: parameters are read later."""
    with mock.patch.object(interpreters.metadata, "version", lambda _name: version):
        assert interpreters.outdated(("jinja2", "pyroute2")) == old


def test_a_package_without_metadata_is_taken_as_it_is() -> None:
    assert interpreters.outdated(("no-such-package",)) == ""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_module_does_not_begin_with_a_pyroute2_that_is_too_old(elsewhere: bool) -> None:
    """It goes on under a Python with a newer one, and says which version it has found where there is none."""
    answer = mock.Mock()
    with mock.patch.object(frame.importlib.util, "find_spec", lambda name: name), \
            mock.patch.object(interpreters.metadata, "version", lambda _name: "0.5.10"), \
            mock.patch.object(frame, "has_respawned", lambda: False), \
            mock.patch.object(interpreters, "serves", lambda *_words: elsewhere), \
            mock.patch.object(frame, "respawn_module", side_effect=SystemExit) as respawn, \
            contextlib.suppress(SystemExit):
        frame.require_libraries(answer, ("pyroute2",))
    assert bool(respawn.mock_calls) == elsewhere
    said = [call.kwargs["msg"] for call in answer.fail_json.mock_calls]
    assert said == ([] if elsewhere else [
        f"{sys.executable}: pyroute2 0.5.10 is too old: version 0.5.14 or newer is needed. Upgrade the distribution's "
        "package python3-pyroute2, or what pip has installed"])


def test_another_python_is_asked_for_its_versions(tmp_path: Path) -> None:
    (tmp_path / "pyroute2").mkdir()
    (tmp_path / "pyroute2" / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "pyroute2-0.5.9.dist-info").mkdir()
    metadata = tmp_path / "pyroute2-0.5.9.dist-info" / "METADATA"
    with mock.patch.dict(os.environ, {"PYTHONPATH": str(tmp_path)}):
        for version, lack in (("0.5.9", "pyroute2 0.5.9"), ("0.5.14", "")):
            metadata.write_text(f"Metadata-Version: 2.1\nName: pyroute2\nVersion: {version}\n")
            assert interpreters.lack(sys.executable, ("pyroute2",)) == lack
            assert interpreters.serves(sys.executable, ("pyroute2",)) is not bool(lack)
    assert interpreters.lack(sys.executable, ("no_such_package", "pyroute2")) == "no_such_package"
    with mock.patch.object(interpreters, "lack", lambda *_words: "pyroute2 0.5.9"):
        assert adapter.read_installed((), {}, "/opt/python3").fault == (
            "python: /opt/python3: pyroute2 0.5.9 is too old: version 0.5.14 or newer is needed. Upgrade the "
            "distribution's package python3-pyroute2, or what pip has installed, or give another Python")


def test_the_oldest_version_is_the_same_everywhere() -> None:
    top = Path(__file__).resolve().parents[6]
    oldest = interpreters.OLDEST["pyroute2"]
    for name in ("requirements.txt", "requirements/demo.txt"):
        assert f"pyroute2>={oldest}\n" in (top / name).read_text(encoding="utf-8")
    assert f"\nFLOOR={oldest} " in (top / "run").read_text(encoding="utf-8")
    assert f"pyroute2 {oldest} or newer" in (top / "README.md").read_text(encoding="utf-8")
    fragments = (top / "plugins/doc_fragments/attributes.py").read_text(encoding="utf-8")
    assert fragments.count(f"pyroute2 >= {oldest} ") == fragments.count("pyroute2 >=")
