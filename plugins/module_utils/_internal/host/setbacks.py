# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers kept from being done in them, while a plan is carried out. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..core.errors import HostError
from ..core.plan import Operation, concerned


@dataclass
class Setbacks:
    """A container can end at any moment, and one with CAP_NET_ADMIN changes what is in its namespace.

    :param why: by path of its namespace the first operation that failed
    """

    why: dict[str, str] = field(default_factory=dict)

    def forgive(self, operation: Operation, error: HostError) -> bool:
        """Whether a failed operation concerns one container alone: then nothing more is done in it."""
        path = concerned(operation)
        if not path:
            return False
        self.why.setdefault(path, str(error))
        return True

    def spare(self, operations: Sequence[Operation]) -> Iterator[Operation]:
        """Those operations that are to be tried."""
        return (operation for operation in operations if concerned(operation) not in self.why)
