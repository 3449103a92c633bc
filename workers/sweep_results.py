"""The results of a sweep, put together from its blocks and written to one file; in the engine."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from workers.errors import JobRefused
from workers.job import JobSpec, Sweep, TaskId
from workers.operations.sweep import Value, arguments_of, axis_length, point_count, unpack
from workers.output import Staging
from workers.publishing import publish
from workers.report import formula_safe
from workers.wording import printable

OUTPUT_SUFFIXES: Final = (".csv", ".parquet", ".npy")


class Results(Struct, frozen=True):
    """All values of a sweep in the order of its points; None and a sentence where it failed."""

    sweep: Sweep
    values: list[Value]
    failures: dict[int, str]

    @classmethod
    def collect(cls, sweep: Sweep, parts: Iterator[tuple[int, int, bytes]]) -> "Results":
        """Put the blocks' (first point, points, bytes) together; missing ones stay None."""
        values: list[Value] = [None] * point_count(sweep)
        failures: dict[int, str] = {}
        for first, points, data in parts:
            block, failed = unpack(data)
            values[first : first + points] = block
            failures.update({first + offset: text for offset, text in failed.items()})
        return cls(sweep, values, failures)

    def write(self, target: Path) -> None:
        """Write the results as the target's suffix says: .csv, .parquet or .npy."""
        writers: dict[str, Callable[[Path], None]] = {
            ".npy": self._write_npy,
            ".parquet": self._write_parquet,
            ".csv": self._write_csv,
        }
        writers[target.suffix.lower()](target)

    def _write_npy(self, target: Path) -> None:
        import numpy as np

        shape = tuple(axis_length(axis) for axis in self.sweep.axes)
        try:
            if None in self.values:
                array = np.array(
                    [math.nan if value is None else value for value in self.values], dtype=float
                )
            else:
                array = np.array(self.values)
        except (TypeError, ValueError, OverflowError) as error:
            raise JobRefused(f"These results do not fit into one .npy array: {error}") from error
        if array.dtype == object:
            raise JobRefused("These results do not fit into one .npy array; choose .csv.")
        with target.open("wb") as stream:
            np.save(stream, array.reshape(shape + array.shape[1:]), allow_pickle=False)

    def _columns(self) -> tuple[list[str], Iterator[list[Value]]]:
        """Return the header and the rows: arguments, result (or a dict's columns), error."""
        names = [axis.name for axis in self.sweep.axes]
        keys = next((list(v) for v in self.values if isinstance(v, dict)), None)
        header = names + (keys if keys is not None else [self.sweep.function])
        header += ["error"] if self.failures else []
        return header, self._rows(keys)

    def _rows(self, keys: list[str] | None) -> Iterator[list[Value]]:
        arguments = arguments_of(self.sweep, 0, len(self.values))
        for point, (place, value) in enumerate(zip(arguments, self.values, strict=True)):
            if keys is None:
                cells = [value]
            else:
                cells = [value.get(key) if isinstance(value, dict) else None for key in keys]
            error = [self.failures.get(point, "")] if self.failures else []
            yield [*place, *cells, *error]

    def _write_csv(self, target: Path) -> None:
        header, rows = self._columns()
        with target.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            # Text that a function returns must not become a formula in a spreadsheet.
            writer.writerows([_cell(value) for value in row] for row in rows)

    def _write_parquet(self, target: Path) -> None:
        import polars as pl

        header, rows = self._columns()
        try:
            frame = pl.DataFrame(list(rows), schema=header, orient="row", infer_schema_length=None)
            frame.write_parquet(target)
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
            reason = str(error).partition("\n")[0]
            raise JobRefused(f"These results do not fit into one table: {reason}") from error


def _cell(value: Value) -> Value:
    return formula_safe(value) if isinstance(value, str) else value


def publish_results(
    sweep: Sweep, spec: JobSpec, staging: Staging, parts: Iterator[tuple[int, int, bytes]]
) -> str:
    """Write the sweep's output file; return a sentence when that could not be done."""
    target = staging.target(TaskId(0), 1, spec.output.suffix)
    try:
        Results.collect(sweep, parts).write(target)
        published = publish(target, spec.output, spec.on_existing)
    except (JobRefused, OSError) as error:
        return f"The results cannot be written to {printable(spec.output)}: {error}"
    return "" if isinstance(published, Path) else published.message
