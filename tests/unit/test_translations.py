# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in another language is in step with the page that it translates: section by section, what no language changes.

Those are levels of headings, code, rows of tables, items of lists, and where links lead. The words a person translates.
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = ".zh-CN"
TRANSLATED = sorted(page for pattern in ("*", "docs/*", "roles/*/*") for page in ROOT.glob(f"{pattern}{LANGUAGE}.md"))
CODE = re.compile(r"^```.*?^```$|(?:^ {4}\S[^\n]*\n)(?:^ {4}[^\n]*\n)*", re.MULTILINE | re.DOTALL)


class Section(NamedTuple):
    """What stands under one heading, up to the next one."""

    level: int
    blocks: list[str]
    spans: set[str]
    tables: list[int]
    items: int
    links: list[str]


def original(page: Path) -> Path:
    return page.with_name(page.name.replace(LANGUAGE, ""))


def sections(page: Path) -> list[Section]:
    blocks: list[str] = []

    def keep(found: re.Match[str]) -> str:
        blocks.append(found[0].strip("\n"))
        return f"\x00{len(blocks) - 1}\x00\n"

    text = CODE.sub(keep, page.read_text(encoding="utf-8"))
    parts = re.split(r"^(#+) .+\n", text, flags=re.MULTILINE)
    assert parts[0] == "", "a page begins with its heading"
    return [_section(len(level), body, blocks) for level, body in zip(parts[1::2], parts[2::2])]


def _section(level: int, body: str, blocks: list[str]) -> Section:
    tables = [table.count("\n") for table in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE)]
    links = [_meant(link) for link in re.findall(r"\]\(([^)\s]+)\)", body)]
    return Section(level, [blocks[int(number)] for number in re.findall("\x00([0-9]+)\x00", body)],
                   set(re.findall(r"`([^`\n]+)`", body)), tables, len(re.findall(r"^ *\* ", body, re.MULTILINE)),
                   sorted(link for link in links if link != "README.md"))


def _meant(link: str) -> str:
    """The page in the first language, of a link to it or to its translation."""
    return link.replace(LANGUAGE, "")


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_translation_is_in_step(page: Path) -> None:
    there, here = sections(original(page)), sections(page)
    assert [section.level for section in here] == [section.level for section in there]
    for number, (right, found) in enumerate(zip(there, here), 1):
        told = f"section {number}: what has changed in {original(page).name} is to be translated in {page.name}"
        # What the translation says of code that it shows untranslated is its own.
        known = set(re.findall(r"[a-z_]+:|\w+", " ".join(right.blocks)))
        assert found.spans - known == right.spans - known, told
        assert found._replace(spans=set()) == right._replace(spans=set()), told


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_leads_to_the_other_at_its_top(page: Path) -> None:
    for here, there in ((page, original(page)), (original(page), page)):
        assert f"]({there.name})" in "\n".join(here.read_text(encoding="utf-8").splitlines()[:4])


def test_the_readme_is_translated() -> None:
    assert ROOT / f"README{LANGUAGE}.md" in TRANSLATED
