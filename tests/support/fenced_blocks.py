"""The fenced blocks of a Markdown page, and what each kind of them has to stand."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings import KNOBS, load_environment, read_settings, warnings

ROOT = Path(__file__).parents[2]
ADDRESS = "http://localhost:8000"
DRY_RUN = ("make run", "make test", "make setup", "make check", "make bench", "make help")
"""What pages show as ``$ …``: read by make without being carried out; what they do is what the other tests do."""

REQUIRED = {
    "DATABASE_URL": "postgresql://auth@db.example.com/auth",
    "PRIVY_APP_ID": "an-app",
    "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json",
    "API_KEY_SECRET": "a-made-up-secret-that-is-long-enough-1",
}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its page, the line it begins at, its kind, its text without indentation."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page of ours; the founding document is somebody else's."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "founding-document.md"),
    ]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of ``page`` in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, match.start()) + 1,
            match["kind"].strip(),
            re.sub(rf"(?m)^{match['indent']}", "", match["body"]),
        )
        for match in _FENCE.finditer(text)
    ]


def run(block: Block, folder: Path, served_url: str, database_url: str) -> None:
    """Carry out ``block`` in ``folder``; an assertion or an error where it does not do what a page may promise."""
    kinds = {
        "sh": lambda: _shell(block, folder, served_url),
        "python": lambda: _program(block, folder),
        "console": lambda: _dry_run(block),
        "dotenv": lambda: _settings(block, folder),
        "sql": lambda: _sql(block, database_url),
        "json": lambda: json.loads(block.text),
        "text": lambda: None,
    }
    assert block.kind in kinds, f"{block}: {block.kind!r} is no kind that is run; a block that cannot run is `text`"
    kinds[block.kind]()


def _environment() -> dict[str, str]:
    knobs = {knob.name for knob in KNOBS}
    here = {name: value for name, value in os.environ.items() if name not in knobs}
    return {**here, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{here['PATH']}", "PYTHONPATH": str(ROOT / "src")}


def _shell(block: Block, folder: Path, served_url: str) -> None:
    text = block.text.replace(ADDRESS, served_url).replace("/tmp/", f"{folder}/")
    _finished(["bash", "-euo", "pipefail", "-c", text], folder, block)


def _program(block: Block, folder: Path) -> None:
    _finished([sys.executable, "-c", block.text], folder, block)


def _finished(command: list[str], folder: Path, block: Block) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def _dry_run(block: Block) -> None:
    commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    assert commands, f"{block}: shows no command"
    for command in commands:
        assert command in DRY_RUN, f"{block}: nobody has said how {command!r} is tested"
        _finished(["make", "-n", command.removeprefix("make ")], ROOT, block)


def _settings(block: Block, folder: Path) -> None:
    (folder / ".env").write_text(block.text, encoding="utf-8")
    try:
        given = load_environment(folder, {})
    finally:
        (folder / ".env").unlink()
    assert given, f"{block}: sets nothing"
    unknown = set(given) - {knob.name for knob in KNOBS}
    assert not unknown, f"{block}: {unknown}"
    assert not warnings({**REQUIRED, **given}), f"{block}: {warnings(given)}"
    made = {name: given[name] for name in given.keys() - {"API_KEY_SECRET", "ADMIN_TOKEN"}}
    read_settings({**REQUIRED, **made}, dev=False)
    read_settings(given, dev=True)
    for name in given.keys() - made.keys():  # a secret on a page is nobody's
        with pytest.raises(SettingsError, match=f"{name} .*put the output"):
            read_settings({**REQUIRED, **made, name: given[name]}, dev=False)


def _sql(block: Block, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in block.text.split(";"):
            if statement.strip():
                connection.execute(statement.encode())
