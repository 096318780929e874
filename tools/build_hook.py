"""Writes down, in every package that is built, which commit it was built from: hatchling calls it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IN_PACKAGE = "gatewayz_auth/adapters/figures/commit.txt"
_GIT_LIMIT_S = 30


class CommitHook(BuildHookInterface):
    """Puts the commit into wheel and sdist, and nothing into the tree that it builds from."""

    PLUGIN_NAME = "custom"
    _folder: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Note the commit, where the tree does not bring the note already (an sdist does)."""
        if version == "editable" or (Path(self.root) / "src" / IN_PACKAGE).exists():
            return
        self._folder = Path(tempfile.mkdtemp(prefix="gatewayz-auth-build-"))
        note = self._folder / "commit.txt"
        note.write_text(commit_of(Path(self.root)) + "\n", encoding="ascii")
        build_data["force_include"][str(note)] = f"src/{IN_PACKAGE}" if self.target_name == "sdist" else IN_PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Leave nothing behind."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def commit_of(root: Path) -> str:
    """The commit that ``root`` is a checkout of, with ``-changed`` where files differ from it, else ``unknown``."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return "unknown"  # no checkout of ours: a folder inside somebody else's
    commit, changes = _git(root, "rev-parse", "HEAD"), _git(root, "status", "--porcelain")
    if commit is None or changes is None or not re.fullmatch(r"[0-9a-f]{40}", commit):
        return "unknown"
    return f"{commit}-changed" if changes else commit


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - words of ours
            ["git", *words],  # noqa: S607 - the one of whoever builds
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
