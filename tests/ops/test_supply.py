"""What is deployed is listed whole, and a published weakness fails the check where it can be known."""

import json
import os
import subprocess
import sys

import jsonschema_rs
import pytest
from tests.support.fenced_blocks import ROOT

COMPONENT = {
    "type": "object",
    "required": ["type", "name", "version", "purl", "bom-ref"],
    "properties": {
        "type": {"enum": ["library", "application"]},
        "purl": {"pattern": r"^pkg:pypi/[a-z0-9-]+@[0-9][^/]*$"},
        "hashes": {
            "minItems": 1,
            "items": {"required": ["alg", "content"], "properties": {"content": {"pattern": "^[0-9a-f]{64}$"}}},
        },
        "licenses": {"minItems": 1},
    },
}
CYCLONEDX = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"],
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "version": {"const": 1},
        "metadata": {"required": ["component"], "properties": {"component": COMPONENT}},
        "components": {"minItems": 1, "items": {**COMPONENT, "required": [*COMPONENT["required"], "hashes"]}},
        "dependencies": {"items": {"required": ["ref", "dependsOn"]}},
    },
}
"""What CycloneDX 1.6 asks of the parts that we use; its own schema is fetched from nowhere."""


def test_the_bill_of_materials_lists_every_locked_package_once_and_is_the_same_each_time(tmp_path):
    texts = []
    for name in ("first.json", "second.json"):
        subprocess.run([sys.executable, "tools/write_sbom.py", tmp_path / name], cwd=ROOT, check=True, timeout=60)
        texts.append((tmp_path / name).read_text())
    document = json.loads(texts[0])
    assert texts[0] == texts[1]
    jsonschema_rs.validate(CYCLONEDX, document)
    lock = (ROOT / "requirements" / "run.txt").read_text()
    pinned = {line.split(" ")[0].split("[")[0] for line in lock.splitlines() if "==" in line}
    listed = [f"{part['name']}=={part['version']}" for part in document["components"]]
    assert sorted(listed) == sorted(pinned)
    refs = {part["bom-ref"] for part in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
    assert {entry["ref"] for entry in document["dependencies"]} == refs
    assert all(set(entry["dependsOn"]) <= refs for entry in document["dependencies"])


def audited(folder, script):
    """What ``tools/audit`` says where pip-audit does what ``script`` says; None: it is not installed."""
    if script is not None:
        (folder / "pip-audit").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "pip-audit").chmod(0o755)
    return subprocess.run(
        [ROOT / "tools" / "audit"],
        env={"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin", "AUDIT_LIMIT_S": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


TO_REPORT = 'while [ "$1" != --output ]; do shift || exit 1; [ $# -gt 0 ] || exit 1; done;'


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        (None, 0, "pip-audit is not installed"),
        ("echo no route >&2; exit 1", 0, "no advisories could be had"),
        ("exec sleep 20", 0, "no advisories could be had"),
        (f"{TO_REPORT} echo '{{}}' >\"$2\"", 0, "none is published"),
        (f"{TO_REPORT} echo '{{}}' >\"$2\"; exit 1", 1, "some are published"),
    ],
)
def test_a_published_weakness_fails_the_check_and_one_that_cannot_be_known_does_not(tmp_path, script, code, says):
    done = audited(tmp_path, script)
    assert done.returncode == code
    told = (done.stdout + done.stderr).splitlines()
    assert says in told[0]
    assert len(told) == 1
