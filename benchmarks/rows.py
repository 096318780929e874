"""What every benchmark answers with: figures, each beside what it is compared to in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: ``ratio`` is figure over compared, None where the figure stands alone."""

    name: str
    figure: str
    compared_to: str = ""
    ratio: float | None = None
    aim: str = ""
