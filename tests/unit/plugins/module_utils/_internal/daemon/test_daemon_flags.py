# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the flags of dockerd come from."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.flags import (environment_files, flags,
                                                                                         meaning)

DEFAULT = "/etc/default/docker"
DEBIAN = """\
# /lib/systemd/system/docker.service
[Service]
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
"""
DROP_IN = """
# /etc/systemd/system/docker.service.d/flags.conf
[Service]
Environment="MORE=--icc=false --debug"
ExecStart=
ExecStart=-/usr/bin/dockerd \\
    --mtu 1400 ${MORE}
"""


def found(unit="", **files):
    return [(flag.key, flag.value, flag.text, flag.source)
            for flag in flags(unit, {DEFAULT: files["default"]} if files else {})]


@pytest.mark.parametrize(("text", "wanted"), [
    ("", {}), ("# DOCKER_OPTS='--debug'", {}), ("OTHER=--debug", {}),
    ("DOCKER_OPTS=-b=bridge0", {"bridge": "bridge0"}),
    ('DOCKER_OPTS="-b bridge0 -D"', {"bridge": "bridge0", "debug": True}),
    ("DOCKER_OPTS='--icc=false --iptables=true'", {"icc": False, "iptables": True}),
    ("DOCKER_OPTS='--icc --mtu 1400'", {"icc": True, "mtu": "1400"}),
    ("export DOCKER_OPTS='--dns 192.0.2.1 --dns=192.0.2.2 --dns-opt ndots:2'",
     {"dns": ["192.0.2.1", "192.0.2.2"], "dns-opts": ["ndots:2"]}),
    ("DOCKER_OPTS='-H unix:///run/docker.sock -H tcp://127.0.0.1:2375'",
     {"hosts": ["unix:///run/docker.sock", "tcp://127.0.0.1:2375"]}),
    ("DOCKER_OPTS=--icc=false\nDOCKER_OPTS=--debug", {"debug": True}),
    ('DOCKER_OPTS=--icc=false\nDOCKER_OPTS="$DOCKER_OPTS --debug"', {"icc": False, "debug": True}),
    ('DOCKER_OPTS="--icc=false \\\n  --debug"', {"icc": False, "debug": True}),
    ("# a comment \\\nDOCKER_OPTS=--debug", {"debug": True}), ('DOCKER_OPTS="--icc=false', {})])
def test_variables_of_the_init_script(text, wanted):
    assert meaning(flags("", {DEFAULT: text})) == wanted


def test_a_flag_knows_where_it_is():
    assert found(default="\n\nDOCKER_OPTS='--mtu 1400'") == [("mtu", "1400", "--mtu 1400", f"{DEFAULT}, line 3")]


def test_debians_unit_reads_the_variable():
    own = [("hosts", "fd://", "-H fd://", "/lib/systemd/system/docker.service"),
           ("containerd", "/run/containerd/containerd.sock", "--containerd=/run/containerd/containerd.sock",
            "/lib/systemd/system/docker.service")]
    assert found(DEBIAN) == own
    of_file = ("icc", False, "--icc=false", f"{DEFAULT}, line 1")
    assert found(DEBIAN, default="DOCKER_OPTS=--icc=false") == [of_file, *own]
    assert environment_files(DEBIAN) == [DEFAULT]


def test_a_unit_without_the_variable_does_not_read_it():
    unit = DEBIAN.replace(" $DOCKER_OPTS", "").replace("EnvironmentFile=-/etc/default/docker\n", "")
    assert "icc" not in [key for key, *_rest in found(unit, default="DOCKER_OPTS=--icc=false")]
    assert environment_files(unit) == []


def test_a_drop_in_replaces_the_command_line():
    source = "/etc/systemd/system/docker.service.d/flags.conf"
    assert found(DEBIAN + DROP_IN) == [("icc", False, "--icc=false", source), ("debug", True, "--debug", source),
                                       ("mtu", "1400", "--mtu 1400", source)]


def test_an_init_script_reads_debians_file():
    assert environment_files("") == [DEFAULT]
