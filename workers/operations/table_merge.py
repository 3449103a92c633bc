"""Many tables become one: rows file after file, columns united by name. Runs in a worker.

A CSV file holds every value as its own table had it. In a Parquet file a column has one type: of
numbers the widest, else text where types differ.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from msgspec import Struct
from polars.exceptions import PolarsError

from workers.channel import Buffer
from workers.operations.table_columns import United, schema_of, unite
from workers.operations.table_parts import pl
from workers.operations.table_values import encoded, write_table
from workers.outcome import Failure, FailureKind
from workers.partials import Partial, shown_names
from workers.step_runs import forget
from workers.typed import override
from workers.wording import printable

_PARQUET: Final = ".parquet"
_BATCH_BYTES: Final = 4 * 2**20

Schema = Mapping[str, pl.DataType]


def mergeable(values: pl.DataFrame) -> pl.DataFrame:
    """Return the table with columns that hold no value at all as columns of no type.

    So they fit whatever the other tables hold under that name.
    """
    empty = [name for name in values.columns if values[name].null_count() == values.height]
    return values.with_columns(pl.col(name).cast(pl.Null) for name in empty)


def merge(partials: Sequence[Partial], target: Path, file_column: str) -> Failure | str:
    """Write all tables to `target` as one; `file_column` is the name of a column of file names.

    Returns a warning or "". Raises OSError when the output cannot be written or a table is gone.
    """
    try:
        united = unite([partial.path for partial in partials])
        if file_column in united.kinds:
            message = (
                f"The tables have a column {printable(file_column)!r} themselves; "
                "choose another name for the column of names."
            )
            return Failure(FailureKind.OPERATION_FAILED, message)
        merging = _Merging(united, partials, file_column, target)
        write = merging.write_parquet if target.suffix == _PARQUET else merging.write_csv
        with target.open("xb") as stream:
            write(stream)
    except PolarsError as error:
        message = "A table that was read cannot be put together with the others."
        return Failure(FailureKind.OPERATION_FAILED, message, detail=str(error))
    return united.warning(is_csv=target.suffix != _PARQUET)


class _Merging(Struct, frozen=True):
    united: United
    partials: Sequence[Partial]
    file_column: str
    target: Path

    def write_csv(self, stream: BinaryIO) -> None:
        """Write piece by piece: no more than one table is held."""
        columns = list(self.united.kinds)
        for number, (name, partial) in enumerate(self._named()):
            values = pl.read_parquet(partial.path.read_bytes())
            missing = [pl.lit(None).alias(each) for each in columns if each not in values.columns]
            values = values.with_columns(missing).select(columns)
            if self.file_column:
                names = pl.Series(self.file_column, [name], pl.String)
                values.insert_column(0, names.new_from_index(0, values.height))
            stream.writelines(encoded(values, ".csv", ",", has_header=number == 0))

    def write_parquet(self, stream: BinaryIO) -> None:
        """Write table after table, each column in one type for all."""
        schema = self.united.schema()
        with ExitStack() as between:
            frames = [self._together(some, schema, between) for some in self._batches()]
            catching = _Catching(stream)
            try:
                # Whatever has a write method is one to polars; its types ask for all of a file.
                file = cast("IO[bytes]", catching)
                joined = pl.concat(frames, how="vertical")
                joined.sink_parquet(file, compression="zstd", maintain_order=True)
            except PolarsError:
                if catching.error is not None:  # polars tells it without its number
                    raise catching.error from None
                raise

    def _batches(self) -> Iterator[list[tuple[str, Partial]]]:
        """Yield neighbours that are small together: a scan of each would take 18 ms of planning."""
        batch: list[tuple[str, Partial]] = []
        size = 0
        for name, partial in self._named():
            size += partial.path.stat().st_size
            if batch and size > _BATCH_BYTES:
                yield batch
                batch, size = [], partial.path.stat().st_size
            batch.append((name, partial))
        if batch:
            yield batch

    def _together(
        self, batch: Sequence[tuple[str, Partial]], schema: Schema, between: ExitStack
    ) -> pl.LazyFrame:
        """Return the tables of a batch as one; several stand in a file meanwhile."""
        frames = [self._scanned(name, partial, schema) for name, partial in batch]
        if len(frames) == 1:
            return frames[0]
        first = batch[0][1].path.stem
        together = self.target.with_name(f"{self.target.stem}-{first}{_PARQUET}")
        between.callback(forget, together)
        write_table(pl.concat([frame.collect() for frame in frames]), together, ",")
        return pl.scan_parquet(together, glob=False)

    def _scanned(self, name: str, partial: Partial, schema: Schema) -> pl.LazyFrame:
        own = schema_of(partial.path)
        columns = [
            _in_type(column, own.get(column), kind).alias(column) for column, kind in schema.items()
        ]
        if self.file_column:
            columns.insert(0, pl.lit(name).alias(self.file_column))
        return pl.scan_parquet(partial.path, glob=False).select(columns)

    def _named(self) -> Iterator[tuple[str, Partial]]:
        return zip(shown_names(self.partials), self.partials, strict=True)


class _Catching(io.RawIOBase):
    """A file whose refusals are kept, since polars keeps their words alone."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, piece: Buffer, /) -> int:  # type: ignore[override]  # the same protocol
        try:
            return self._stream.write(piece)
        except OSError as error:
            self.error = error
            raise


def _in_type(column: str, own: pl.DataType | None, kind: pl.DataType) -> pl.Expr:
    """Return the column in a type, filled with missing values where a table lacks it."""
    if own is None:
        return pl.lit(None).cast(kind)
    if own == kind:
        return pl.col(column)
    if kind == pl.String and own.is_nested():
        return pl.struct(pl.col(column)).struct.json_encode()
    return pl.col(column).cast(kind)
