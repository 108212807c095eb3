# SPDX-License-Identifier: GPL-3.0-or-later
"""Links between the pages of the project: the file is there, and so is the heading."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "tests/*/README.md", ".github/*.md")
               for page in ROOT.glob(pattern))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """As GitHub makes them of headings: small letters, "-" for blanks, nothing else but letters, digits, "_"."""
    headings = re.findall(r"^#+ +(.+?) *$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    return [link for link in LINK.findall(without_code(page.read_text(encoding="utf-8")))
            if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _hash, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_each_page_is_linked():
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    assert [str(page) for page in sorted((ROOT / "docs").glob("*.md")) if page not in linked] == []
