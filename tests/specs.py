#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""specs.py [--check]: write the options of the document into the roles and into the documentation of host_network.

Types come from plugins/module_utils/_internal/document/options.py, which is made of the options of the modules;
descriptions from tests/document.yml, the one place where they are written. With --check nothing is written, and the
exit status says whether something would be.
"""
import argparse
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
DESCRIPTIONS = CHECKOUT / "tests" / "document.yml"
ROLES = ("bridge_host", "containers", "host_network")
FRAGMENT = CHECKOUT / "plugins" / "doc_fragments" / "document.py"
BEGIN = "      container_networks:\n"
WIDTH = 96

HEAD = '''# SPDX-License-Identifier: GPL-3.0-or-later
"""The document, as host_network takes it. Written by tests/specs.py."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
'''
TAIL = '''"""
'''


class Dumper(yaml.SafeDumper):
    """Lists of words in one line, everything else in blocks, and nothing by reference."""

    def ignore_aliases(self, data):
        return True


def _list(dumper, value):
    plain = all(isinstance(each, str) for each in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=plain and sum(map(len, value)) < 60)


Dumper.add_representer(list, _list)


def described(options, texts, nested):
    """Options with their descriptions, in the order of the descriptions.

    :param nested: the key for options of options: ``options`` in a role, ``suboptions`` in a module
    """
    if set(options) != set(texts):
        sys.exit(f"specs: tests/document.yml lacks {sorted(set(options) - set(texts))} and has "
                 f"{sorted(set(texts) - set(options))} besides")
    found = {}
    for name, text in texts.items():
        option, more = options[name], {}
        if isinstance(text, dict):
            text, more = text["description"], {nested: described(option["options"], text["options"], nested)}
        kept = {key: option[key] for key in ("type", "elements", "required", "choices") if key in option}
        found[name] = {**kept, "description": " ".join(text.split()), **more}
    return found


def text(value, indent):
    lines = yaml.dump(value, Dumper=Dumper, sort_keys=False, width=WIDTH - indent, allow_unicode=True).splitlines()
    return "".join(f"{' ' * indent}{line}".rstrip() + "\n" for line in lines)


def files():
    """What each file is to say."""
    sys.path.insert(0, str(CHECKOUT / ".collections"))
    from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import NETWORK

    texts = yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))
    for role in ROLES:
        path = CHECKOUT / "roles" / role / "meta" / "argument_specs.yml"
        before = path.read_text(encoding="utf-8").partition(BEGIN)[0]
        document = {"type": "list", "elements": "dict", "default": [], "description": texts["description"],
                    "options": described(NETWORK, texts["options"], "options")}
        yield path, before + text({"container_networks": document}, 6)
    document = {"description": texts["description"], "type": "list", "elements": "dict", "required": True,
                "suboptions": described(NETWORK, texts["options"], "suboptions")}
    yield FRAGMENT, HEAD + text({"options": {"networks": document}}, 0) + TAIL


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    wrong = [path for path, wanted in files() if not path.exists() or path.read_text(encoding="utf-8") != wanted]
    if options.check:
        sys.exit(f"specs: run tests/specs.py, which changes {', '.join(map(str, wrong))}" if wrong else 0)
    for path, wanted in files():
        path.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
