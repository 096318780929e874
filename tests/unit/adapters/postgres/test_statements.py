"""Each statement is one statement, under its own name, with one sentence that says what it does."""

from pathlib import Path

import pytest

from gatewayz_auth.adapters.postgres import statements

FILES = sorted((Path(statements.__file__).parent / "queries").glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_one_sentence_and_one_statement(file):
    first, *rest = file.read_text().splitlines()
    assert first.startswith("-- ")
    assert first.endswith((".", ":")) or ". " in first
    text = statements.statement(file.stem)
    assert text
    assert b";" not in text
    assert b"--" not in text
    assert rest
