"""The only door to randomness: secrets from the CSPRNG, jitter from a cheap generator."""

from __future__ import annotations

import random
import secrets
from typing import Protocol


class Entropy(Protocol):
    """Randomness as an argument; tests seed their own."""

    def token(self, alphabet: str, length: int) -> str:
        """``length`` characters of ``alphabet``, unguessable."""
        ...

    def secret_bytes(self, length: int) -> bytes:
        """``length`` unguessable bytes."""
        ...

    def fraction(self) -> float:
        """A number from 0 up to but without 1, for jitter only."""
        ...


class SystemEntropy:
    """The machine's own randomness."""

    __slots__ = ()

    def token(self, alphabet: str, length: int) -> str:
        """``length`` characters of ``alphabet`` from the CSPRNG."""
        return "".join(secrets.choice(alphabet) for _ in range(length))

    def secret_bytes(self, length: int) -> bytes:
        """``length`` bytes from the CSPRNG."""
        return secrets.token_bytes(length)

    def fraction(self) -> float:
        """A number from 0 up to but without 1, for jitter only."""
        return random.random()  # noqa: S311 - jitter, never a secret


class Dice:
    """Fractions that a seed repeats: for a load or a drawing that can be done again, never for a secret."""

    __slots__ = ("fraction",)

    def __init__(self, seed: int) -> None:
        """Begin where ``seed`` says."""
        self.fraction = random.Random(seed).random  # noqa: S311 - to be repeated
