"""What a test needs beyond the lock file: skipped with the command that brings it, a failure under REQUIRE_ALL=1."""

import shutil
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
VECTORS_MISSING = "../shared/vectors is not here: nothing installs it, it lies beside the checkout"


def needs_debian(package: str, program: str | None = None) -> str:
    """The path of ``program`` (default: named like ``package``); skips the test where it is not installed.

    To be called in a test or a fixture: ``pgbouncer = needs_debian("pgbouncer")``.
    """
    name = program or package
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"needs {name}: apt-get install -y {package}")
    return found


def needs_vectors() -> Path:
    """The folder of the signature and JWS vectors; where it is missing the test says so, and that is no failure."""
    folder = _ROOT.parent / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip(VECTORS_MISSING)
    return folder


def is_allowed(reason: str) -> bool:
    """Whether a skip for this reason is none that REQUIRE_ALL=1 makes a failure."""
    return "shared/vectors" in reason
