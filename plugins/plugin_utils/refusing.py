# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters say of a value that is not what they take."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ansible.errors import AnsibleFilterError

from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError, cut, printable

# What reading a value raises that has not the parts, or not the types, that it is to have.
WRONG = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


@contextlib.contextmanager
def refusing(name: str, wanted: str) -> Iterator[None]:
    """Errors in the block are of the value that a filter has been given.

    :param name: of the filter
    :param wanted: what it takes, as the end of a sentence: ``what network_info returns``
    """
    try:
        yield
    except MooringError as error:
        raise AnsibleFilterError(f"mooring.net.{name}: {error}") from error
    except WRONG as error:
        said = cut(printable(f"{type(error).__name__} {error}"))
        # Ansible would add the text of the cause, which may have the whole of a value in it.
        raise AnsibleFilterError(f"mooring.net.{name}: this is not {wanted}: {said}") from None
