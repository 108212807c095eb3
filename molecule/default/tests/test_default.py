# SPDX-License-Identifier: GPL-3.0-or-later
testinfra_hosts = ["testhost://mooring-default"]


def test_the_host_reaches_the_outside(host):
    assert host.run("ping -c1 -W5 192.0.2.1").rc == 0
    assert host.run("ping -c1 -W5 2001:db8:1::1").rc == 0
