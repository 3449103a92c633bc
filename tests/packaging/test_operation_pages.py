"""The pages on operations say what the declarations say."""

import subprocess
import sys
from pathlib import Path

from workers.operations import all_operations

ROOT = Path(__file__).parents[2]


def test_pages_are_those_that_the_declarations_write(tmp_path: Path) -> None:
    script = ROOT / "packaging" / "operation_pages.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    written = {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()}
    kept = {file.name: file.read_text("utf-8") for file in (ROOT / "docs/operations").iterdir()}
    assert written == kept, "run packaging/operation_pages.py"


def test_each_operation_has_its_page_with_all_parameters() -> None:
    for operation in all_operations():
        page = (ROOT / "docs" / "operations" / f"{operation.family}.md").read_text("utf-8")
        assert f"`{operation.id}`" in page
        for parameter in operation.parameters:
            assert f"| `{parameter.name}` |" in page
