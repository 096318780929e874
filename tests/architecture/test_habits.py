"""Small files, two doors to time and to randomness, tasks with an owner, and nothing of the machine it was made on."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gatewayz_auth"
MODULES = sorted(PACKAGE.rglob("*.py"))
CEILING = 400

BANNED = {
    "time.time": "reliability/clock.py",
    "time.time_ns": "reliability/clock.py",
    "time.monotonic": "reliability/clock.py",
    "time.monotonic_ns": "reliability/clock.py",
    "time.perf_counter": "reliability/clock.py",
    "time.sleep": None,
    "datetime.now": None,
    "datetime.utcnow": None,
    "datetime.today": None,
    "date.today": None,
    "random.": "reliability/entropy.py",
    "secrets.": "reliability/entropy.py",
    "os.urandom": "reliability/entropy.py",
    "uuid.uuid1": None,
    "uuid.uuid4": None,
    "asyncio.wait_for": None,
    "asyncio.timeout": None,
    "asyncio.timeout_at": None,
    "asyncio.TaskGroup": None,
    "asyncio.ensure_future": "query_timeout.py",  # on the loop of a program that imports us, which has no owner of ours
    "asyncio.create_task": "reliability/owned_tasks.py",
    "asyncio.to_thread": None,
    "asyncio.get_event_loop": None,
    "eval": None,
    "exec": None,
    "pickle.load": None,
    "pickle.loads": None,
    "pickle.Unpickler": None,
    "breakpoint": None,
}
"""What nobody may call, and the one file that may: the door."""


def called(path: Path) -> list[tuple[int, str]]:
    """Every dotted name that is called or read in ``path``, with its line."""
    return [
        (node.lineno, ast.unparse(node.func if isinstance(node, ast.Call) else node))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    ]


def tracked() -> list[Path]:
    """Every file that is committed; in an archive without git, every file beside the usual leftovers."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 0 and done.stdout:
        paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not set(path.parts) & {".venv", ".git", ".state", "logs"}]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "tools"])
def test_no_module_is_longer_than_the_ceiling(folder):
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > CEILING
    }
    assert not long


def test_nobody_goes_round_the_doors_to_time_randomness_and_tasks():
    wrong = []
    for path in MODULES:
        here = str(path.relative_to(PACKAGE))
        for line, name in called(path):
            for banned, door in BANNED.items():
                is_hit = name == banned or (banned.endswith(".") and name.startswith(banned))
                if is_hit and here != door:
                    wrong.append(f"{here}:{line} {name}")
    assert not wrong


def test_cancellation_is_never_swallowed():
    """Whoever catches everything raises again, or hands the error on by name."""
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = "BaseException" if node.type is None else ast.unparse(node.type)
            if not re.search(r"\b(BaseException|CancelledError)\b", kinds):
                continue
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            hands_on = node.name is not None and any(
                isinstance(inner, ast.Name) and inner.id == node.name for inner in ast.walk(node)
            )
            if not (raises or hands_on):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} except {kinds}")
    assert not wrong


def test_only_the_command_line_prints():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] != "cli"
        for line, name in called(path)
        if name in {"print", "sys.stdout.write", "sys.stderr.write"}
    ]
    assert not wrong


def test_every_module_says_what_it_is_for():
    assert not [path.name for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]


def test_nothing_that_is_committed_names_a_registry_or_this_machine():
    needles = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "registry." + "npmjs",
        "/work" + "/",
        "/tmp" + "/w/",
        "/tmp" + "/bash_",
    ]
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(needle)}" for needle in needles))
    pictures = {".png", ".ico", ".woff2", ".gif"}
    wrong = []
    for path in tracked():
        if path.suffix in pictures:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert not wrong
