# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates and sizes in the units of tc, and the bucket that keeps a limit."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.link.bandwidth import (Bandwidth, Limit, fits,
                                                                                           limit_of)
from ansible_collections.mooring.net.plugins.module_utils._internal.link.rates import (RATES, parse_bandwidth,
                                                                                       parse_rate, parse_size)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("value, bits", [
    ("10mbit", 10_000_000), ("10Mbit", 10_000_000), ("10 mbit", 10_000_000), ("512kbit", 512_000), ("1gbit", 10 ** 9),
    ("1.5mbit", 1_500_000), ("0.25gbit", 250_000_000), ("64kibit", 65536), ("1mibit", 1 << 20), ("8000", 8000),
    (1_000_000, 1_000_000), ("8009bit", 8008), ("400gbit", 400 * 10 ** 9)])
def test_a_rate(value: Any, bits: int) -> None:
    assert parse_rate("bandwidth.ingress", value) == bits


@pytest.mark.parametrize("value", ["10mbps", "1MBps", "10m", "10M", "fast", "-1mbit", "1e6", "1,5mbit", "", "mbit",
                                   "10 000", "7999", "401gbit", "0", 0, -5, "٣mbit"])
def test_no_rate(value: Any) -> None:
    with pytest.raises(MooringError, match=r"^bandwidth.ingress: .*\. Give bits per second"):
        parse_rate("bandwidth.ingress", value)


def test_bytes_per_second_are_told_from_bits() -> None:
    with pytest.raises(MooringError, match="tc.8. counts bytes with bps, and others bits"):
        parse_rate("bandwidth.egress", "10mbps")


@pytest.mark.parametrize("value, size", [("64kb", 65536), ("64k", 65536), ("1mb", 1 << 20), (5000, 5000),
                                         ("5000b", 5000), ("1.5kb", 1536)])
def test_a_size(value: Any, size: int) -> None:
    assert parse_size("bandwidth.ingress_burst", value) == size


@pytest.mark.parametrize("value", ["64kbit", "0", "-1", "big", "0kb"])
def test_no_size(value: Any) -> None:
    with pytest.raises(MooringError, match=r"^bandwidth.ingress_burst: .*\. Give bytes"):
        parse_size("bandwidth.ingress_burst", value)


def test_all_limits_stand_in_one_option() -> None:
    assert parse_bandwidth("bandwidth", None) is None
    assert parse_bandwidth("bandwidth", {}) == Bandwidth()
    found = parse_bandwidth("bandwidth", {"ingress": "10mbit", "egress": None, "ingress_burst": "64kb"})
    assert found == Bandwidth(Limit(10_000_000, 65536))
    assert found.options == {"ingress": "10mbit", "ingress_burst": "64kb"}


@pytest.mark.parametrize("value, says", [
    ({"egress_burst": "64kb"}, "egress_burst: '64kb' is the burst of a limit, and bandwidth.egress gives none"),
    ({"egress": "8kbit", "egress_burst": "1mb"}, "egress_burst: '1mb' is more than 8kbit lets through in 250"),
    ({"ingress": "400gbit", "ingress_burst": "2gb"}, "bandwidth.ingress_burst: '2gb' is more than a bucket can hold")])
def test_a_burst_needs_its_limit(value: dict[str, str], says: str) -> None:
    with pytest.raises(MooringError, match=says):
        parse_bandwidth("bandwidth", value)


limits = st.builds(Limit, st.integers(RATES[0] // 8, RATES[1] // 8).map(lambda size: size * 8),
                   st.one_of(st.just(0), st.integers(1600, 250_000)))


@given(st.builds(Bandwidth, st.none() | limits, st.none() | limits))
def test_marks_and_options_say_the_same(wanted: Bandwidth) -> None:
    assert Bandwidth.of({key: value for key, value in wanted.settings.items() if value}) == wanted
    assert parse_bandwidth("bandwidth", wanted.options) == wanted
    assert len("".join(wanted.settings.values())) <= 60


@given(limits, st.integers(68, 65535))
def test_a_bucket_says_which_limit_it_keeps(limit: Limit, mtu: int) -> None:
    bucket = limit.shaper("veth0", mtu)
    assert bucket.burst >= mtu + 14 and fits(bucket, bucket) and bucket.limit < 1 << 32
    assert limit_of(bucket, mtu) == (limit if limit.burst >= mtu + 22 else Limit(limit.rate, limit.burst and 0)
                                     if bucket.burst == Limit(limit.rate).shaper("veth0", mtu).burst
                                     else Limit(limit.rate, bucket.burst))


def test_a_default_burst_is_what_flows_in_ten_milliseconds() -> None:
    """tc-tbf(8): for 10 Mbit/s at least 10 kB, with a timer of 100 ticks in a second."""
    assert Limit(10_000_000).shaper("veth0", 1500).burst == 32 << 10
    assert Limit(10 ** 9).shaper("veth0", 1500).burst == 1_250_000
    assert Limit(8000).shaper("veth0", 65535).burst == 65557
