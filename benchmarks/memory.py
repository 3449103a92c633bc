"""What the worker predicts that a file takes in memory, beside what it took.

    python benchmarks/memory.py [--quick] [--json] [--only WORD]

Draws pictures, tables and arrays, and runs each in a worker's process of its own, which first ran
a small one so that libraries are loaded. The growth is the peak of its resident memory over what
it held before (Linux only). A prediction holds when it is no less than the growth and at most
three times as much; below what is worth asking for it need not be exact.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

# Run as a script, only the folder of this file is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import heed_termination, run_apart, say
from workers import memory
from workers.attempt import ASK_ABOVE
from workers.job import ParameterValue, Step
from workers.operations import find_family
from workers.operations.input_file import InputFile, open_input
from workers.step_runs import predicted_need

MB: Final = 10**6
MOST_TIMES: Final = 3.0
LIMIT_S: Final = 180.0
SMALL: Final = 0.01


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of file, and one step it goes through."""

    kind: str
    operation: str
    values: dict[str, ParameterValue]

    @property
    def name(self) -> str:
        """Return the kind and the step in a few words."""
        said = " ".join(str(value) for value in self.values.values())
        return f"{self.kind} {self.operation.partition('.')[2]} {said}".strip()


_STEPS: Final[dict[str, dict[str, ParameterValue]]] = {
    "tables.sort": {"columns": "key"},
    "tables.filter": {"condition": "number > 100"},
    "tables.deduplicate": {},
    "tables.group": {"columns": "key", "aggregates": "sum(value)"},
    "tables.sample": {"rows": 10**9},
}
CASES: Final = (
    *(
        Case(kind, "images.resize", {"width": 1024, "height": 1024})
        for kind in ("jpg", "passes.jpg", "png", "webp", "tif")
    ),
    *(
        Case(kind, "images.convert", {"format": "tiff"})
        for kind in ("jpg", "turned.jpg", "passes.jpg", "passes.png", "webp")
    ),
    Case("jpg", "images.convert", {"format": "jpeg", "quality": 82}),
    Case("jpg", "images.convert", {"format": "jpeg", "quality": 95}),
    Case("jpg", "images.convert", {"format": "webp", "quality": 82}),
    Case("jpg", "images.metadata", {"mode": "strip"}),
    Case("jpg", "images.rotate", {"turn": "90"}),
    Case("jpg", "images.rotate", {"turn": "free", "degrees": 10.0}),
    Case("jpg", "images.crop", {"mode": "trim"}),
    Case("jpg", "images.auto_levels", {}),
    Case("jpg", "images.adjust", {"contrast": 20}),
    Case("jpg", "images.sharpen", {}),
    Case("jpg", "images.blur", {"radius": 20}),
    Case("jpg", "images.denoise", {"size": "7"}),
    Case("jpg", "images.colour_profile", {"mode": "srgb"}),
    Case("jpg", "images.watermark_text", {"size": 60}),
    Case("jpg", "images.watermark_text", {"tile": True}),
    Case("jpg", "images.metadata", {"copyright": "© me"}),
    Case("csv", "tables.convert", {"format": "parquet"}),
    Case("csv", "tables.summary", {"format": "csv"}),
    Case("parquet", "tables.convert", {"format": "csv"}),
    Case("parquet", "tables.summary", {"format": "csv"}),
    *(Case(kind, "tables.convert", {"format": "parquet"}) for kind in ("jsonl", "arrow", "xlsx")),
    *(Case(kind, "tables.convert", {"format": "csv"}) for kind in ("jsonl", "arrow", "xlsx")),
    Case("zstd.arrow", "tables.convert", {"format": "parquet"}),
    Case("csv", "tables.convert", {"format": "jsonl"}),
    Case("parquet", "tables.convert", {"format": "jsonl"}),
    Case("parquet", "tables.convert", {"format": "arrow"}),
    *(
        Case(kind, operation, values)
        for kind in ("csv", "parquet")
        for operation, values in _STEPS.items()
    ),
    Case("npy", "arrays.statistics", {"format": "csv"}),
    Case("npy", "arrays.fft_magnitude", {"axis": -1}),
    Case("npy", "arrays.statistics", {"quantiles": "0.5"}),
    Case("npy", "arrays.histogram", {"bins": 50}),
    Case("npy", "arrays.normalise", {"method": "z-score"}),
    Case("npy", "arrays.power_spectral_density", {"segment": 64}),
    Case("npy", "arrays.filter", {"axis": 0}),
    Case("npy", "arrays.resample", {"new_rate": 2.0}),
    Case("npz", "arrays.normalise", {"method": "range"}),
    Case("h5", "arrays.open", {"array": ""}),
)


def draw(kind: str, size: float, file: Path) -> None:
    """Write a file of a kind: so many megapixels; tables and arrays of a like weight."""
    if kind in ("csv", "parquet", "jsonl", "arrow", "zstd.arrow", "xlsx"):
        _draw_table(size, file)
    elif kind in ("npy", "npz", "h5"):
        _draw_array(size, file)
    else:
        _draw_picture(kind, size, file)


def _draw_picture(kind: str, megapixels: float, file: Path) -> None:
    import pyvips

    width = int((megapixels * MB * 4 / 3) ** 0.5)
    height = width * 3 // 4
    grey = pyvips.Image.gaussnoise(width // 8 + 1, height // 8 + 1, mean=128, sigma=60)
    grey = grey.resize(width / grey.width, vscale=height / grey.height)
    picture = grey.bandjoin([grey.flip("horizontal"), grey.flip("vertical")]).cast("uchar")
    picture = picture.copy(interpretation="srgb")
    if kind.startswith("turned"):
        picture.set_type(pyvips.GValue.gint_type, "orientation", 6)
    passes = {"interlace": True} if kind.startswith("passes") else {}
    quick = {"effort": 0} if kind == "webp" else {}
    picture.write_to_file(str(file), **passes, **quick)


def _draw_table(size: float, file: Path) -> None:
    import numpy as np
    import polars as pl

    rows, rng = int(size * 40_000), np.random.default_rng(1)
    table = pl.DataFrame(
        {
            "number": rng.integers(0, 1000, rows),
            "value": rng.normal(size=rows),
            "place": rng.integers(0, 5000, rows).astype(str) if rows else [],
            "key": [f"customer-{row:09d}" for row in range(rows)],
        }
    )
    if file.suffix == ".csv":
        table.write_csv(file)
    elif file.suffix == ".jsonl":
        table.write_ndjson(file)
    elif file.suffix == ".arrow":
        is_packed = file.name.endswith("zstd.arrow")
        table.write_ipc(file, compression="zstd" if is_packed else "uncompressed")
    elif file.suffix == ".xlsx":
        _write_workbook(table.columns, table.rows(), file)
    else:
        table.write_parquet(file)


def _write_workbook(names: Sequence[str], rows: Sequence[Sequence[object]], file: Path) -> None:
    from tests.engine.tables import workbook

    workbook(file, {"One": [names, *rows]})  # type: ignore[list-item]  # numbers and texts


def _draw_array(size: float, file: Path) -> None:
    import numpy as np

    side = int((size * 10 * MB / 8) ** 0.5)
    values = np.random.default_rng(1).normal(size=(side, side))
    if file.suffix == ".npz":
        np.savez_compressed(file, values)
    elif file.suffix == ".h5":
        import h5py

        with h5py.File(file, "w") as written:
            written.create_dataset("values", data=values, chunks=True, compression="gzip")
    else:
        np.save(file, values)


def measure_here(index: int, small: str, big: str) -> None:
    """Run a case in this process, first on the small file, and say prediction and growth."""
    case = CASES[index]
    steps = (Step(case.operation, case.values),)
    _run(steps, Path(small))
    with _opened(Path(big)) as source:
        predicted = predicted_need(steps, source)
    held = memory.resident_bytes()
    memory.reset_peak()
    _run(steps, Path(big))
    say([predicted, memory.peak_bytes() - held])


def _run(steps: tuple[Step, ...], file: Path) -> None:
    family = find_family(steps[0].operation.partition(".")[0])
    with _opened(file) as source, TemporaryDirectory(dir=file.parent) as folder:
        target = Path(folder) / f"out{family.output_suffix(steps, source.suffix)}"
        answer = family.run(steps, source, target)
        assert isinstance(answer, str), answer


def _opened(file: Path) -> InputFile:
    opened = open_input(file)
    assert isinstance(opened, InputFile), opened
    return opened


def measure(index: int, size: float, folder: Path) -> tuple[int, int] | None:
    """Return what was predicted and what was taken, measured apart; None when it went wrong."""
    kind = CASES[index].kind
    small, big = folder / f"small.{kind}", folder / f"{size:g}.{kind}"
    for file, amount in ((small, SMALL), (big, size)):
        if not file.exists():
            draw(kind, amount, file)
    call = f"measure_here({index}, {str(small)!r}, {str(big)!r})"
    ended = run_apart(f"from benchmarks.memory import measure_here; {call}", LIMIT_S)
    if ended.said is None or ended.problem:
        print(f"{CASES[index].name}: {ended.problem or 'said nothing'}")
        return None
    predicted, taken = ended.said
    return int(predicted), int(taken)


def main() -> int:
    """Print the table and, on wish, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one size only")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line")
    parser.add_argument("--only", default="", help="measure the cases with this word")
    chosen = parser.parse_args()
    heed_termination()
    figures: dict[str, dict[str, float | str | bool]] = {}
    print(f"{'':34}{'size':>6}{'predicted':>14}{'taken':>12}{'times':>8}")
    for index, case in enumerate(CASES):
        if chosen.only not in case.name:
            continue
        with TemporaryDirectory(prefix="ec-memory-") as folder:
            for size in (4.0,) if chosen.quick else (2.0, 12.0, 50.0):
                measured = measure(index, size, Path(folder))
                predicted, taken = measured or (0, 0)
                times = predicted / max(1, taken)
                is_small = max(predicted, taken) < ASK_ABOVE
                held = measured is not None and (is_small or 1.0 <= times <= MOST_TIMES)
                said = "" if held else "  missed"
                numbers = f"{predicted / MB:>11,.0f} MB{taken / MB:>9,.0f} MB{times:>8.2f}"
                print(f"{case.name:34}{size:>6g}{numbers}{said}", flush=True)
                key = f"memory.{case.name.replace(' ', '_')}.{size:g}"
                figures[key] = {"value": round(times, 3), "unit": "x", "goal": 1.0, "held": held}
    if chosen.json:
        print(json.dumps(figures))
    return 0 if all(figure["held"] for figure in figures.values()) else 1


if __name__ == "__main__":
    if not Path("/proc/self/clear_refs").exists() and os.name != "nt":
        print("The peak of a process is known on Linux only.")
    sys.exit(main())
