"""What stands in place of a secret in our own pages and examples: whoever can read knows it."""

from __future__ import annotations

_PLACEHOLDERS = ("replace-this-by-", "only-for-this-example-")  # docs/how-to/, examples/; a test looks at all of them


def is_documented(secret: str) -> bool:
    """Whether ``secret`` was copied from the documentation or an example."""
    return secret.strip().startswith(_PLACEHOLDERS)
