# SPDX-License-Identifier: GPL-3.0-or-later
"""How messages read."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import (HostError, MooringError,
                                                                                        OptionError, doing)


def test_an_option_error_names_option_value_problem_and_remedy() -> None:
    error = OptionError("bip", "10.0.0.1", "lacks a prefix length", "Give it like 10.0.0.1/24")
    assert str(error) == "bip: '10.0.0.1' lacks a prefix length. Give it like 10.0.0.1/24."
    assert (error.option, error.value, error.problem) == ("bip", "10.0.0.1", "lacks a prefix length")


def test_an_option_error_without_a_remedy_ends_in_one_full_stop() -> None:
    assert str(OptionError("pid", 0, "is not a process")) == "pid: '0' is not a process."


def test_a_long_value_is_cut_also_where_the_problem_repeats_it() -> None:
    value = "x" * 100_000
    error = OptionError("bip", value, f"is not an IP address ({value!r} does not appear to be one)", "Give one")
    assert str(error) == (f"bip: '{'x' * 200}...' is not an IP address ('...' does not appear to be one). Give one.")
    assert error.value == value


def test_messages_read_from_the_outside_in() -> None:
    with pytest.raises(MooringError) as caught, doing("config[2]"), doing("bridge br0"):
        raise HostError("no room")
    assert str(caught.value) == "config[2]: bridge br0: no room"


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), doing("config[2]"):
        raise ZeroDivisionError
