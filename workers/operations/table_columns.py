"""The columns of many tables as those of one: which there are, and of which type. In a worker."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workers.operations.table_parts import pl
from workers.wording import count_words, printable

_NAMED_MOST: Final = 3
# Beyond it a float does not tell one whole number from the next.
_EXACT_MOST: Final = 2**53


@dataclass(slots=True)
class United:
    """The columns of all tables in the order they come, each with the types it has somewhere.

    `inexact` are those whose whole numbers a column of fractions does not hold.
    """

    kinds: dict[str, set[pl.DataType]] = field(default_factory=dict)
    inexact: list[str] = field(default_factory=list)

    def add(self, schema: Mapping[str, pl.DataType]) -> None:
        """Take in the columns of one more table."""
        for name, kind in schema.items():
            known = self.kinds.setdefault(name, set())
            if kind != pl.Null:
                known.add(kind)

    def schema(self) -> dict[str, pl.DataType]:
        """Return the type of each column that holds all values it has."""
        schema = {name: _wide_enough(kinds) for name, kinds in self.kinds.items()}
        return schema | dict.fromkeys(self.inexact, pl.String())

    def warning(self, *, is_csv: bool) -> str:
        """Return sentences that name columns whose types differ, or nothing."""
        mixed = {
            name: sorted({_words(kind) for kind in kinds}) for name, kinds in self.kinds.items()
        }
        said = [f"{printable(name)!r} ({', '.join(w)})" for name, w in mixed.items() if len(w) > 1]
        kept = "each value is as its file has it" if is_csv else "such values became text"
        words = ""
        if said:
            columns = count_words(len(said), "column differs", "columns differ")
            words = f"{columns} in type from file to file: {_listed(said)}; {kept}."
        if self.inexact and not is_csv:
            columns = count_words(len(self.inexact), "column holds", "columns hold")
            names = _listed([repr(printable(name)) for name in self.inexact])
            large = "whole numbers too large beside fractions"
            words = f"{words} {columns} {large}: {names}; they became text.".strip()
        return words


def unite(tables: Sequence[Path]) -> United:
    """Return the columns of these Parquet files together; raises OSError."""
    united = United()
    for table in tables:
        united.add(schema_of(table))
    risky = [name for name, kinds in united.kinds.items() if _may_round(kinds)]
    united.inexact = [name for name in risky if any(_is_beyond(table, name) for table in tables)]
    return united


def schema_of(table: Path) -> Mapping[str, pl.DataType]:
    """Return the columns of a Parquet file and their types; raises OSError."""
    with table.open("rb") as stream:
        return pl.read_parquet_schema(stream)


def _may_round(kinds: Collection[pl.DataType]) -> bool:
    return _wide_enough(kinds) == pl.Float64 and any(kind.is_integer() for kind in kinds)


def _is_beyond(table: Path, name: str) -> bool:
    """Say whether a column of whole numbers holds one that a float does not."""
    kind = schema_of(table).get(name)
    if kind is None or not kind.is_integer():
        return False
    ends = pl.col(name).min().alias("least"), pl.col(name).max().alias("most")
    (found,) = pl.scan_parquet(table, glob=False).select(ends).collect().iter_rows()
    return any(end is not None and abs(end) > _EXACT_MOST for end in found)


def _listed(names: Sequence[str]) -> str:
    words, more = ", ".join(names[:_NAMED_MOST]), len(names) - _NAMED_MOST
    return f"{words} and {more:,} more" if more > 0 else words


def _wide_enough(kinds: Collection[pl.DataType]) -> pl.DataType:
    """Return the type that holds the values of all: of numbers the widest, else text."""
    if len(kinds) < 2:
        return next(iter(kinds), pl.String())
    if all(kind.is_signed_integer() for kind in kinds):
        return max(kinds, key=_bits)
    if all(kind.is_unsigned_integer() for kind in kinds):
        return max(kinds, key=_bits)
    if all(kind.is_integer() for kind in kinds) and pl.UInt64() not in kinds:
        return pl.Int64()
    if all(kind.is_numeric() for kind in kinds) and any(not kind.is_integer() for kind in kinds):
        return pl.Float64()
    return pl.String()


def _bits(kind: pl.DataType) -> int:
    return int(str(kind).lstrip("UInt"))


def _words(kind: pl.DataType) -> str:
    """Return what values of a type are, for people; all numbers are alike."""
    if kind.is_numeric():
        return "numbers"
    if kind.is_temporal():
        return "times"
    if kind == pl.Boolean:
        return "true or false"
    return "lists" if kind.is_nested() else "text"
