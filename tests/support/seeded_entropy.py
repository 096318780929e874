"""Randomness that a seed repeats."""

from __future__ import annotations

import random


class SeededEntropy:
    """``reliability.entropy.Entropy`` from one seed: the same calls, the same answers."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a test's

    def token(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def secret_bytes(self, length: int) -> bytes:
        return self._random.randbytes(length)

    def fraction(self) -> float:
        return self._random.random()
