"""docs/faults.md names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = 73
ROW = re.compile(r"^\| (\d+) \| .* \| `(tests/[\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


def test_table_of_faults_has_all_rows_and_names_tests_that_exist() -> None:
    rows = ROW.findall((ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    assert [int(number) for number, _, _ in rows] == list(range(1, ROWS + 1))
    missing = [
        f"{file}::{name}"
        for _, file, name in rows
        if f"\ndef {name}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
