# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conftest.py of tests on test hosts imports: fixtures, and the refusal to run outside of a sandbox."""
import itertools

import pytest

import testhosts

_numbers = itertools.count(1)


def pytest_configure(config):
    if not testhosts.in_sandbox():
        folder = config.rootpath / "tests"
        pytest.exit("These tests make network namespaces and links, so they run in a sandbox only: ./run functional, "
                    f"./run integration, or {folder}/hosts/sandbox pytest {folder}/functional", returncode=2)


@pytest.fixture
def new_host():
    """Start a host with a name of its own and, if wanted, with layers and systemd; it ends with the test."""
    hosts = []

    def start(*layers, systemd=False):
        host = testhosts.Host.up(f"test-{next(_numbers)}", layers, systemd)
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.down()


@pytest.fixture
def host(new_host):
    """A host that ends with the test."""
    return new_host()
