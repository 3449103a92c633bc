"""What a person writes into a table step: names, renames, aggregates, SQL. Pure.

Light to import: a pipeline is checked when it is loaded, long before there is a table. Each
`..._problem` says in a sentence what is wrong with a text, or "".
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from workers.wording import printable

AGGREGATES: Final = (
    "count",
    "sum",
    "mean",
    "median",
    "min",
    "max",
    "std",
    "first",
    "last",
    "distinct",
)
"""What `tables.group` can tell of a group; `count` alone may go without a column."""

_AGGREGATE: Final = re.compile(r"(?s)(\w+)\s*\((.*)\)(?:\s+as\s+(.+))?", re.IGNORECASE)
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# Functions of polars that stand where a table does and open a file. `read_count (1, 2)` is a
# column in a list only behind IN, so that nothing a person needs is refused.
_FILE_FUNCTION: Final = re.compile(r"(?i)(?:read|scan)_\w+[\"`\]]?\s*\(")
_FILE_WORD: Final = re.compile(
    r"(?i)\b(?:read|scan)_(?:csv|ipc|json|ndjson|parquet|delta|iceberg)\b"
)
_MOST_SHOWN: Final = 5


class Aggregate(Struct, frozen=True):
    """One value told of each group, `function` of `column` (empty: of the rows), as `name`."""

    function: str
    column: str
    name: str


def near(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the name that was meant, or with the first that there are."""
    names = list(known)
    by_lower = {name.lower(): name for name in reversed(names)}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1)
    if matches:
        return f"Did you mean {printable(by_lower[matches[0]])!r}?"
    more = ", ..." if len(names) > _MOST_SHOWN else ""
    return f"There are {', '.join(map(printable, names[:_MOST_SHOWN]))}{more}." if names else ""


def column_names(text: str) -> list[str]:
    """Return the names of a comma separated list; one in double quotes may hold commas."""
    return [name for part in _parts(text) if (name := _unquoted(part))]


def columns_problem(text: str) -> str:
    """Refuse a list with an open quote or with a name twice."""
    if text.count('"') % 2:
        return f"a double quote is not closed in {printable(text)!r}."
    names = column_names(text)
    twice = [name for name in names if names.count(name) > 1]
    return f"{printable(twice[0])!r} stands there twice." if twice else ""


def renames(text: str) -> dict[str, str]:
    """Return the new name of each old one of `old=new, old2=new2`."""
    pairs = (_halves(part) for part in _parts(text) if part)
    return {_unquoted(old): _unquoted(new) for old, _, new in pairs}


def renames_problem(text: str) -> str:
    """Refuse what is not `old=new, old2=new2`."""
    if text.count('"') % 2:
        return f"a double quote is not closed in {printable(text)!r}."
    old_names: set[str] = set()
    for part in filter(None, _parts(text)):
        old, equals, new = map(_unquoted, _halves(part))
        if not (old and equals and new):
            return f"{printable(part)!r} is not of the form old=new."
        if old in old_names:
            return f"{printable(old)!r} is renamed twice."
        old_names.add(old)
    new_names = list(renames(text).values())
    twice = [name for name in new_names if new_names.count(name) > 1]
    return f"two columns would be called {printable(twice[0])!r}." if twice else ""


def aggregates(text: str) -> list[Aggregate]:
    """Return the aggregates of `sum(price), mean(weight) as typical, count()`."""
    found = []
    for part in filter(None, _parts(text)):
        match = _AGGREGATE.fullmatch(part)
        assert match is not None, part  # as `aggregates_problem` has made sure
        function, column = match[1].lower(), _unquoted(match[2].strip())
        if column == "*":
            column = ""
        plain = f"{function}_{column}" if column else function
        found.append(Aggregate(function, column, _unquoted((match[3] or plain).strip())))
    return found


def aggregates_problem(text: str) -> str:
    """Refuse what is not a list of aggregates, with the near match of an unknown function."""
    if text.count('"') % 2:
        return f"a double quote is not closed in {printable(text)!r}."
    for part in filter(None, _parts(text)):
        match = _AGGREGATE.fullmatch(part)
        if match is None:
            return f"{printable(part)!r} is not of the form sum(column)."
        function, column = match[1].lower(), _unquoted(match[2].strip())
        if function not in AGGREGATES:
            known = near(function, AGGREGATES) if function else ""
            known = known if known.startswith("Did") else f"There are {', '.join(AGGREGATES)}."
            return f"there is no aggregate {printable(function)!r}. {known}"
        if column in ("", "*") and function != "count":
            return f"{function}() names a column."
    names = [aggregate.name for aggregate in aggregates(text)]
    twice = [name for name in names if names.count(name) > 1]
    return f"two columns would be called {printable(twice[0])!r}." if twice else ""


def condition_problem(text: str) -> str:
    """Refuse a condition that cannot be one, or that would open a file."""
    if (said := _sql_problem(text)) or not text.strip():
        return said
    first = _plain(text).strip().split(None, 1)[:1]
    if first and first[0].lower() in ("select", "where", "with"):
        return f"a condition has no {first[0].upper()}, it is like price > 10."
    return ""


def query_problem(text: str) -> str:
    """Refuse what is not one SELECT, or would open a file."""
    if said := _sql_problem(text):
        return said
    words = _plain(text).replace("(", " ").split(None, 1)
    if not words or words[0].lower() not in ("select", "with"):
        hint = "Did you mean 'SELECT'?" if words and _is_near(words[0], "select") else ""
        return f"it is a SELECT, such as SELECT * FROM input. {hint}".strip()
    return ""


def _sql_problem(text: str) -> str:
    plain = _plain(text)
    if ";" in plain.rstrip().removesuffix(";"):
        return "it is one statement, without a semicolon."
    for quote in "'\"`":
        if quote in plain:
            return f"a quote ({quote}) is not closed."
    if plain.count("(") != plain.count(")"):
        return "its brackets do not match."
    # On the text as it is and without comments: nothing may hide from both.
    for said in (text, _COMMENT.sub(" ", text), plain):
        if (found := _FILE_WORD.search(said) or _FILE_FUNCTION.search(said)) is not None:
            word = printable(found[0].rstrip('( \t\r\n"`]'))
            return f"it reads no files ({word}), only the table of this input."
    return ""


def _plain(text: str) -> str:
    """Return the text without what stands in quotes and without comments."""
    both = re.compile(f"({_COMMENT.pattern})|({_QUOTED.pattern})", re.DOTALL)
    return both.sub(lambda found: " " if found[1] else "_", text)


def _is_near(word: str, known: str) -> bool:
    return bool(difflib.get_close_matches(word.lower(), [known], n=1))


def _parts(text: str) -> list[str]:
    """Return what stands between commas outside of quotes and brackets, stripped."""
    parts, depth, is_quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == '"':
            is_quoted = not is_quoted
        elif not is_quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and not is_quoted and depth <= 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _halves(part: str) -> tuple[str, str, str]:
    """Return what stands before and behind the first equals sign outside of quotes."""
    found = re.match(r'((?:"(?:[^"]|"")*"|[^"=])*)(=)(.*)', part, re.DOTALL)
    return (found[1].strip(), found[2], found[3].strip()) if found else (part, "", "")


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name


def unknown_column(name: str, columns: Sequence[str]) -> str:
    """Return the sentence about a column that the table does not have."""
    known = near(name, columns)
    if len(columns) == 1 and known.startswith("There are"):
        known = f"The only one is {printable(columns[0])!r}."
    return f"There is no column {printable(name)!r}. {known}".strip()
