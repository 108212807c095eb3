# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task of the role docker_daemon tells of a failure."""
import pytest
from ansible_collections.mooring.net.plugins.filter import daemon


@pytest.mark.parametrize(("result", "text"), [
    ({"failed": True, "msg": "no such\nservice"}, "no such service"),
    ({"failed": True, "msg": "non-zero return code", "stderr": "iptables: bad rule"}, "iptables: bad rule"),
    ({"failed": True, "msg": "One or more items failed", "results": [
        {"item": {"name": "db"}, "msg": "OK"},
        {"failed": True, "item": {"name": "web"}, "msg": "Status 500", "json": {"message": "port is in use"}}]},
     "web: port is in use")])
def test_a_failure_is_told_in_the_words_of_whoever_refused(result, text):
    assert daemon.daemon_failure(result) == text


def test_the_end_of_a_log_is_what_matters_of_it():
    told = 'time="1" level=info msg="starting"'
    assert daemon.daemon_log_end(f"{told}\nfailed to start daemon: no\n{told}\n") == "failed to start daemon: no"
    assert daemon.daemon_log_end(f"{told}\n{told}\n") == f"{told}\n{told}"
    assert daemon.daemon_log_end("a\nb\nc", lines=2) == "b\nc"
    assert daemon.daemon_log_end("") == ""
