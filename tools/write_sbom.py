"""Writes what is in the package that is deployed, as CycloneDX 1.6: everything that ``requirements/run.txt`` locks.

``python tools/write_sbom.py [FILE]``; the same lock file and the same installed packages give the same document.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

from gatewayz_auth import __version__

ROOT = Path(__file__).resolve().parents[1]
_PINNED = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: ; ([^\\\n]+?))?((?: ?\\\n +--hash=sha256:[0-9a-f]{64})+)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def sbom(lock: str, direct: list[str]) -> dict[str, Any]:
    """The document: one component a pinned package, with the hashes of every file that may be installed for it."""
    components = [_component(*match.groups()) for match in _PINNED.finditer(lock)]
    refs = {component["name"]: component["bom-ref"] for component in components}
    if len(components) != lock.count("=="):
        raise SystemExit("requirements/run.txt has lines that are not understood: correct tools/write_sbom.py")
    own = f"pkg:pypi/gatewayz-auth@{__version__}"
    named = {_normal(_NAME.match(line)[0]) for line in direct}  # type: ignore[index] - every line begins with a name
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(hashlib.sha256(lock.encode()).hexdigest()[:32], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "gatewayz-auth",
                "version": __version__,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": own, "dependsOn": sorted(refs[name] for name in named)},
            *({"ref": ref, "dependsOn": _needs(name, refs)} for name, ref in refs.items()),
        ],
    }


def _component(name: str, version: str, marker: str | None, hashes: str) -> dict[str, Any]:
    ref = f"pkg:pypi/{_normal(name)}@{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": ref, "name": _normal(name), "version": version, "purl": ref}
    if licence := _licence(name, version):
        found["licenses"] = [{"expression": licence}]
    found["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in re.findall(r"[0-9a-f]{64}", hashes)]
    if marker:
        found["properties"] = [{"name": "gatewayz-auth:marker", "value": marker.strip()}]
    return found


def _licence(name: str, version: str) -> str | None:
    """What the installed package says of itself, as SPDX; None where it is not installed or says it otherwise."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    return told["License-Expression"] if told["Version"] == version and "License-Expression" in told else None


def _needs(name: str, refs: dict[str, str]) -> list[str]:
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    names = {_normal(match[0]) for line in wanted if "extra ==" not in line and (match := _NAME.match(line))}
    return sorted(refs[found] for found in names & set(refs))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(words: list[str]) -> int:
    """Write it to the file named, or to ``reports/sbom.json``."""
    place = Path(words[0]) if words else ROOT / "reports" / "sbom.json"
    direct = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    document = sbom((ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"), direct)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written: {place} ({len(document['components'])} packages)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
