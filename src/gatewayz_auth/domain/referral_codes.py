"""Referral codes: their look, and the one form in which two of them are the same.

Eight characters like ``K7QX2MPB``: upper case, no vowels (no words come about), nothing that is taken for another when
it is read aloud or written down. 28^8 codes (38 bits): among a million codes one guess in 378,000 finds somebody's, and
all that it finds is whom to credit.
"""

from __future__ import annotations

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
LENGTH = 8
MAX_LENGTH = 64
"""A platform's own, older codes may be longer than ours; what is longer than this is cut off and belongs to nobody."""


def compose(letters: str) -> str:
    """The code made of ``letters``: ``LENGTH`` characters of ``ALPHABET``, drawn by ``reliability.entropy``."""
    if len(letters) != LENGTH or any(letter not in ALPHABET for letter in letters):
        raise ValueError("a referral code is made of eight characters of its alphabet")
    return letters


def normalised(written: str | None) -> str | None:
    """The code as it is stored and compared: no blanks, upper case, at most ``MAX_LENGTH``; None where none is left.

    Whoever types ``k7qx 2mpb`` means ``K7QX2MPB``. The sign-up's statement does the same to what it records.
    """
    return "".join((written or "").split()).upper()[:MAX_LENGTH] or None


def may_be_code(code: str) -> bool:
    """Whether ``code`` (normalised) could be anybody's: letters A to Z and digits, nothing else."""
    return 0 < len(code) <= MAX_LENGTH and code.isascii() and code.isalnum() and code == code.upper()


def shown(code: str) -> str:
    """The code as people are shown it, in groups of four: ``K7QX 2MPB``; typed so, it is the same code."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))
