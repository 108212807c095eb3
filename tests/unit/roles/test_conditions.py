# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of tasks, as the oldest ansible-core that is supported reads them."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

TOP = Path(__file__).resolve().parents[3]
FILES = sorted([*TOP.glob("roles/*/tasks/*.yml"), *TOP.glob("playbooks/*.yml")])
CONDITIONS = {"when", "failed_when", "changed_when", "until", "that"}


class Loader(yaml.SafeLoader):
    """Reads text that Ansible is not to look for templates in as text."""


Loader.add_constructor("!unsafe", lambda _loader, node: node.value)


def conditions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from conditions(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in CONDITIONS:
                yield from (str(one) for one in (each if isinstance(each, list) else [each]))
            else:
                yield from conditions(each)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(TOP)) for path in FILES])
def test_a_condition_stands_in_an_if_of_jinja(path: Path) -> None:
    """Before 2.19 ansible-core puts it between "{% if" and "%}", where `a if b else c` has to be in parentheses."""
    for condition in conditions(yaml.load(path.read_text(encoding="utf-8"), Loader)):
        jinja2.Environment(autoescape=True).parse(f"{{% if {condition} %}}{{% endif %}}")


def test_that_would_not_go_unseen() -> None:
    with pytest.raises(jinja2.TemplateSyntaxError):
        jinja2.Environment(autoescape=True).parse("{% if a if b else c %}{% endif %}")
