# SPDX-License-Identifier: GPL-3.0-or-later
"""Print how many tests passed, failed and were skipped, from the JUnit files in a directory."""
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

passed = failed = skipped = 0
for path in Path(sys.argv[1]).glob("*.xml"):
    for suite in xml.parse(path).iter("testsuite"):
        broken = int(suite.get("failures")) + int(suite.get("errors"))
        left_out = int(suite.get("skipped"))
        failed += broken
        skipped += left_out
        passed += int(suite.get("tests")) - broken - left_out
print(passed, failed, skipped)
