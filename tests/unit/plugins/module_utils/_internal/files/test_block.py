# SPDX-License-Identifier: GPL-3.0-or-later
"""Our block in a file that others edit as well: their lines stay, and ours go without a trace."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.files import block
from ansible_collections.mooring.net.plugins.module_utils._internal.names import resolv
from hypothesis import given
from hypothesis import strategies as st

USERS = st.sampled_from(["", "# a comment", "sortlist 10.0.0.0", "  indented", "# mooring", "10.0.0.1\tname",
                         "\udc80bytes"])
ENGINES = st.sampled_from(["nameserver 192.0.2.1", "search a.example b.example", "options ndots:0", "domain example"])
MARK = {"container": "web", "text": "blanks  and\nlines", "long": "x" * 1000}


def put(text: str, mark: dict, body: list[str]) -> str:
    """As a run does it: what the block replaces is remembered the first time."""
    parts = block.split("resolv.conf", text)
    memory = parts.block.mark["was"] if parts.block else block.find_replaced(parts, resolv.is_engine_line)
    lines = block.compose("resolv.conf", {**mark, "was": memory}, body)
    return block.replace_block(parts, lines, resolv.is_engine_line)


@given(st.lists(USERS | ENGINES, max_size=8))
def test_what_was_there_comes_back(lines: list[str]) -> None:
    text = block.text_of(lines)
    assert block.remove_block(block.split("resolv.conf", put(text, MARK, ["nameserver 192.0.2.7"]))) == text


@given(st.lists(USERS | ENGINES, max_size=6), st.lists(USERS, max_size=4), st.lists(USERS, max_size=4))
def test_lines_of_others_stay_in_place(lines: list[str], before: list[str], after: list[str]) -> None:
    once = put(block.text_of(lines), MARK, ["nameserver 192.0.2.7"])
    edited = block.text_of([*before, *block.lines_of(once), *after])
    twice = put(edited, {"container": "other"}, ["nameserver 192.0.2.8", "search c.example"])
    parts, old = block.split("resolv.conf", twice), block.split("resolv.conf", once)
    assert list(parts.before) == [*before, *old.before] and list(parts.after) == [*old.after, *after]
    kept = [line for line in lines if not resolv.is_engine_line(line)]
    assert [*old.before, *old.after] == kept
    assert parts.block.body == ("nameserver 192.0.2.8", "search c.example")
    assert put(twice, {"container": "other"}, ["nameserver 192.0.2.8", "search c.example"]) == twice


@given(st.dictionaries(st.text(max_size=5), st.text() | st.lists(st.text(max_size=5)), max_size=4))
def test_a_mark_is_read_back_as_it_was_written(mark: dict) -> None:
    lines = block.compose("hosts", mark, ["body"])
    assert all(line.startswith("#") and len(line) <= 300 and line.isascii() for line in lines[:-2])
    assert all(len(line.split()) == 3 for line in lines[:-2]), "an editor may take blanks at the end away"
    found = block.split("hosts", block.text_of(lines)).block
    assert (found.mark, found.body) == (mark, ("body",))


def test_a_block_comes_where_the_engine_wrote() -> None:
    text = "# first\nnameserver 1.1.1.1\nsortlist 10.0.0.0\nsearch x\n"
    assert block.lines_of(put(text, {"a": 1}, ["nameserver 2.2.2.2"])) == [
        "# first", '# mooring:resolv.conf {"a":1,"was":[[1,"nameserver\\u00201.1.1.1"],[3,"search\\u0020x"]]}',
        "nameserver 2.2.2.2", "# mooring:end", "sortlist 10.0.0.0"]


@pytest.mark.parametrize(("text", "mark", "body", "after"), [
    ("# mooring:hosts {}\na\n", {}, (), ("a",)),  # somebody removed the end
    ("# mooring:hosts {\na\n# mooring:end\nb\n", None, ("a",), ("b",)),  # or damaged the mark
    ("# mooring:hosts []\n# mooring:end\n", None, (), ()),
])
def test_a_damaged_block(text: str, mark: object, body: tuple, after: tuple) -> None:
    parts = block.split("hosts", text)
    assert (parts.block.mark, parts.block.body, parts.after) == (mark, body, after)
    assert block.remove_block(parts) == (block.text_of(after) if after else None)


@pytest.mark.parametrize("was", [None, 3, "x", [3], [["x", "y"]], [[0, "x", "y"]], [[True, "x"]]])
def test_a_forged_memory_breaks_nothing(was: object) -> None:
    parts = block.split("hosts", block.text_of(["10.1.1.1 mine", *block.compose("hosts", {"was": was}, [])]))
    assert block.remove_block(parts) == "10.1.1.1 mine\n"


@pytest.mark.parametrize("more", [1, 2, 3, 100])
def test_what_a_killed_run_leaves_behind_a_shorter_text_is_nobodys_line(more: int) -> None:
    """As long as the file is not cut, it has a comment behind the new text, of at least the length of the old rest."""
    assert len(block.filler(more)) >= more and block.filler(0) == block.filler(-1) == ""
    text = "10.0.0.1 a\n" + block.text_of(block.compose("hosts", {"was": []}, ["10.0.0.2 b"])) + "10.0.0.3 c\n"
    assert block.split("hosts", text + block.filler(more)) == block.split("hosts", text)
    assert block.remove_block(block.split("hosts", text + block.filler(more))) == "10.0.0.1 a\n10.0.0.3 c\n"
    assert block.without_filler("web\n" + block.filler(more)) == "web\n"
