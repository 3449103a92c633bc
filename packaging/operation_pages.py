"""Write docs/operations: a page a family, from the operations' declarations.

    .venv/bin/python packaging/operation_pages.py [FOLDER]

A test says when a page is not what the declarations say.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(ROOT))

from workers.command_line.catalogue import toml_value, values_words  # noqa: E402  # after the path is set
from workers.operations import all_operations  # noqa: E402  # the same
from workers.operations.declaration import Operation, Parameter  # noqa: E402  # the same

_TITLES = {
    "images": "Pictures",
    "tables": "Tables",
    "arrays": "Arrays",
    "files": "Files of any kind",
    "user": "Own code",
}
_HEAD = "<!-- Written by packaging/operation_pages.py from the declarations; do not edit. -->"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    families = {name: list(found) for name, found in groupby(all_operations(), key=_family)}
    written = {f"{name}.md": _page(name, found) for name, found in families.items()}
    links = [f"- [{_TITLES.get(name, name)}]({name}.md)" for name in families]
    written["README.md"] = "\n".join([_HEAD, "", "# Operations", "", *links, ""])
    return written


def _family(operation: Operation) -> str:
    return operation.family


def _page(family: str, found: list[Operation]) -> str:
    lines = [_HEAD, "", f"# {_TITLES.get(family, family)}", ""]
    for operation in found:
        lines += _operation(operation)
    return "\n".join(lines)


def _operation(operation: Operation) -> list[str]:
    lines = [f"## {operation.label}: `{operation.id}`", "", operation.sentence, ""]
    if not operation.parameters:
        return lines
    lines += ["| parameter | default | values | what it is |", "|---|---|---|---|"]
    lines += [_parameter(parameter) for parameter in operation.parameters]
    return [*lines, ""]


def _parameter(parameter: Parameter) -> str:
    sentence = parameter.sentence or parameter.label
    if parameter.shown_when is not None:
        other, values = parameter.shown_when
        words = " or ".join(f"`{toml_value(value)}`" for value in values)
        sentence += f" Matters when `{other}` is {words}."
    cells = (
        f"`{parameter.name}`",
        f"`{toml_value(parameter.default)}`",
        values_words(parameter),
        sentence,
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def main() -> None:
    """Write the pages; those of families that are no more go."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "operations"
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for file in folder.glob("*.md"):
        if file.name not in written:
            file.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
