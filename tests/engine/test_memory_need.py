"""What a file is predicted to take in memory, and what it then takes in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import imagecodecs
import numpy as np
import polars as pl
import pytest
import pyvips

from tests.engine.tables import workbook, workbook_of
from workers import memory
from workers.attempt import ASK_ABOVE, Preparation
from workers.job import JobId, OnExisting, ParameterValue, Pipeline, Step, TaskId
from workers.messages import RunFile, Setup
from workers.operations.arrow_buffers import unpacked
from workers.operations.input_file import InputFile, open_input
from workers.operations.parquet_footer import FOOTER_LIMIT, row_groups
from workers.outcome import Failure, FailureKind, Success
from workers.step_runs import predicted_need

MB = 2**20
# Only a hang reaches it; a shared machine may be slow.
PATIENCE_S = 60
MEASURING = """
import json, sys
from pathlib import Path
from workers import memory
from workers.step_runs import predicted_need
from workers.job import Step
from workers.operations import find_family
from workers.operations.arrow_buffers import unpacked
from workers.operations.input_file import open_input

small, big, operation, values = json.loads(sys.argv[1])
steps = (Step(operation, values),)
family = find_family(operation.partition(".")[0])

def run(file):
    with open_input(Path(file)) as source:
        target = Path(file + ".out" + family.output_suffix(steps, source.suffix))
        assert family.run(steps, source, target) == ""

run(small)
with open_input(Path(big)) as source:
    predicted = predicted_need(steps, source)
held = memory.resident_bytes()
memory.reset_peak()
run(big)
print(json.dumps([predicted, memory.peak_bytes() - held]))
"""


def need(file: Path, operation: str, **values: ParameterValue) -> int:
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        return predicted_need((Step(operation, values),), opened)


def picture(file: Path, width: int, height: int, **options: object) -> Path:
    grey = pyvips.Image.gaussnoise(width // 8 + 1, height // 8 + 1, mean=128, sigma=60)
    grey = grey.resize(width / grey.width, vscale=height / grey.height)
    drawn = grey.bandjoin([grey, grey]).cast("uchar").copy(interpretation="srgb")
    if file.suffix == ".jxl":
        file.write_bytes(imagecodecs.jpegxl_encode(drawn.numpy(), effort=1))
    else:
        drawn.write_to_file(str(file), **options)
    return file


def table(file: Path, rows: int) -> Path:
    numbers = np.random.default_rng(1).integers(0, 1000, rows)
    values = pl.DataFrame({"key": [f"customer-{row:09d}" for row in range(rows)], "n": numbers})
    match file.suffix:
        case ".csv":
            values.write_csv(file)
        case ".jsonl":
            values.write_ndjson(file)
        case ".arrow":
            values.write_ipc(file, compression="zstd")
        case ".xlsx":
            workbook(file, {"One": [values.columns, *values.rows()]})
        case _:
            values.write_parquet(file)
    return file


def array(file: Path, side: int) -> Path:
    values = np.random.default_rng(1).normal(size=(side, side))
    if file.suffix == ".npz":
        np.savez_compressed(file, values)
    elif file.suffix == ".h5":
        with h5py.File(file, "w") as written:
            written.create_dataset("values", data=values, chunks=True, compression="gzip")
    else:
        np.save(file, values)
    return file


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets the peak")
@pytest.mark.parametrize(
    ("name", "operation", "values"),
    [
        ("a.jpg", "images.convert", {"format": "jpeg", "quality": 95}),
        ("a.jpg", "images.resize", {"width": 800, "height": 800}),
        ("a.png", "images.convert", {"format": "tiff"}),
        ("a.png", "images.convert", {"max_kilobytes": 2500}),
        ("a.jxl", "images.convert", {"format": "jpeg"}),
        ("a.csv", "tables.convert", {"format": "parquet"}),
        ("a.parquet", "tables.convert", {"format": "csv"}),
        ("a.csv", "tables.summary", {}),
        ("a.csv", "tables.deduplicate", {}),
        ("a.parquet", "tables.group", {"columns": "key", "aggregates": "sum(n)"}),
        ("a.parquet", "tables.sort", {"columns": "n"}),
        ("a.parquet", "tables.convert", {"format": "jsonl"}),
        ("a.jsonl", "tables.convert", {"format": "csv"}),
        ("a.arrow", "tables.convert", {"format": "arrow"}),
        ("a.xlsx", "tables.convert", {"format": "parquet"}),
        ("a.npy", "arrays.fft_magnitude", {}),
        ("a.npy", "arrays.statistics", {}),
        ("a.npy", "arrays.statistics", {"quantiles": "0.5"}),
        ("a.npy", "arrays.normalise", {"method": "z-score"}),
        ("a.npy", "arrays.power_spectral_density", {"segment": 32}),
        ("a.npy", "arrays.filter", {}),
        ("a.npy", "arrays.resample", {"new_rate": 2.0}),
        ("a.npy", "arrays.histogram", {}),
        ("a.npz", "arrays.fft_magnitude", {}),
        ("a.h5", "arrays.open", {}),
    ],
)
def test_no_more_is_taken_than_predicted_and_not_much_less(
    tmp_path: Path, name: str, operation: str, values: dict[str, ParameterValue]
) -> None:
    suffix = Path(name).suffix
    small, big = tmp_path / f"small{suffix}", tmp_path / f"big{suffix}"
    if suffix == ".xlsx":
        table(small, 100), table(big, 100_000)
    elif suffix in (".csv", ".parquet", ".jsonl", ".arrow"):
        table(small, 100), table(big, 300_000)
    elif operation.startswith("arrays."):
        array(small, 50), array(big, 1500)
    else:
        picture(small, 64, 64), picture(big, 4000, 2500)
    told = json.dumps([str(small), str(big), operation, values])

    ended = subprocess.run(
        [sys.executable, "-c", MEASURING, told],
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=True,
    )

    predicted, taken = json.loads(ended.stdout)
    assert predicted >= taken
    assert predicted <= 3 * taken + ASK_ABOVE


def test_a_header_is_enough_to_know_a_claim_of_gigabytes(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    header = picture(tmp_path / "small.png", 16, 16).read_bytes()
    size = (60_000).to_bytes(4, "big")
    pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb").write_to_file(str(bomb))
    content = bytearray(bomb.read_bytes())
    content[16:24] = size + size
    content[29:33] = _checksum(bytes(content[12:29]))
    bomb.write_bytes(content)
    assert header[:8] == content[:8]
    before = memory.resident_bytes()

    assert need(bomb, "images.resize") >= 60_000 * 60_000 * 3
    assert memory.resident_bytes() - before < 50 * MB


def _checksum(content: bytes) -> bytes:
    import zlib

    return zlib.crc32(content).to_bytes(4, "big")


def test_shrinking_while_loading_needs_less_than_the_whole_picture(tmp_path: Path) -> None:
    file = picture(tmp_path / "big.jpg", 6000, 4000)

    shrunk = need(file, "images.resize", width=800, height=800)

    assert shrunk < 6000 * 4000 * 3 * 1.5
    assert need(file, "images.convert", format="webp") > 2 * shrunk


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"])
def test_a_damaged_picture_needs_no_prediction(tmp_path: Path, suffix: str) -> None:
    magics = {".jpg": b"\xff\xd8\xff\xe0", ".png": b"\x89PNG\r\n\x1a\n", ".tif": b"II*\0"}
    others = {".webp": b"RIFF\0\0\0\0WEBP", ".gif": b"GIF89a", ".bmp": b"BM" + bytes(12) + b"\x28"}
    file = tmp_path / f"damaged{suffix}"
    file.write_bytes((magics | others)[suffix] + bytes(3))

    assert need(file, "images.resize") < ASK_ABOVE


def test_a_packed_table_needs_what_it_unpacks_to(tmp_path: Path) -> None:
    file = tmp_path / "packed.parquet"
    pl.DataFrame({"same": pl.repeat(7, 20_000_000, dtype=pl.Int64, eager=True)}).write_parquet(file)
    assert file.stat().st_size < MB

    assert need(file, "tables.convert", format="parquet") >= 20_000_000 * 8


def test_a_packed_table_of_very_many_groups_needs_what_it_unpacks_to(tmp_path: Path) -> None:
    file = tmp_path / "groups.parquet"
    same = pl.DataFrame({"same": pl.repeat(7, 20_000_000, dtype=pl.Int64, eager=True)})
    same.write_parquet(file, row_group_size=5_000)
    length = int.from_bytes(file.read_bytes()[-8:-4], "little")
    assert length > FOOTER_LIMIT

    assert need(file, "tables.convert", format="parquet") >= 20_000_000 * 8


@pytest.mark.parametrize("suffix", [".arrow", ".ipc"])
def test_a_packed_arrow_file_needs_what_it_unpacks_to(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"packed{suffix}"
    same = pl.DataFrame({"same": pl.repeat(7, 20_000_000, dtype=pl.Int64, eager=True)})
    write = same.write_ipc if suffix == ".arrow" else same.write_ipc_stream
    write(file, compression="zstd")
    assert file.stat().st_size < MB

    assert need(file, "tables.convert", format="parquet") >= 20_000_000 * 8


def test_lines_that_each_name_other_columns_need_a_cell_for_each(tmp_path: Path) -> None:
    file = tmp_path / "wide.jsonl"
    file.write_text("".join(f'{{"column-{number}":1}}\n' for number in range(20_000)))

    assert need(file, "tables.convert", format="parquet") >= 20_000 * 20_000 * 8


def test_a_workbook_needs_what_its_sheet_spans(tmp_path: Path) -> None:
    file = tmp_path / "wide.xlsx"
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 90_000))
    sheet = f'<dimension ref="A1:CV90000"/><sheetData>{rows}</sheetData>'
    workbook_of(file, {"One": sheet})
    assert file.stat().st_size < MB

    assert need(file, "tables.convert", format="parquet") >= 90_000 * 100 * 32


def test_no_damage_to_an_arrow_file_is_more_than_damage(tmp_path: Path) -> None:
    whole = table(tmp_path / "whole.arrow", 50).read_bytes()
    file = tmp_path / "damaged.arrow"
    for place in range(0, len(whole), 3):
        for byte in (b"\x00", b"\xff"):
            file.write_bytes(whole[:place] + byte + whole[place + 1 :])
            with file.open("rb") as stream:
                told = unpacked(stream.fileno(), len(whole))
            assert told is None or (told.rows >= 0 and told.size >= 0)


def test_a_footer_tells_every_column_of_every_row_group(tmp_path: Path) -> None:
    file = tmp_path / "groups.parquet"
    columns = {"n": list(range(100)), "x": [0.5] * 100, "text": ["word"] * 100}
    pl.DataFrame(columns).write_parquet(file, row_group_size=40)
    content = file.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")

    groups = row_groups(content[-8 - length : -8])

    assert groups is not None
    assert sum(group[0].values for group in groups) == 100
    assert {tuple(chunk.is_text for chunk in group) for group in groups} == {(False, False, True)}


def test_no_damage_to_a_footer_is_more_than_damage(tmp_path: Path) -> None:
    content = table(tmp_path / "whole.parquet", 50).read_bytes()
    footer = content[-8 - int.from_bytes(content[-8:-4], "little") : -8]

    damaged = [
        footer[:place] + bytes(byte) + footer[place + 1 :]
        for place in range(len(footer))
        for byte in ((), (0x00,), (0x19,), (0x1C,), (0x7F,), (0xFF,))
    ]
    for content in (*damaged, b"", *(footer[:place] for place in range(len(footer)))):
        groups = row_groups(content)
        assert groups is None or all(chunk.values >= 0 for group in groups for chunk in group)


def test_a_transform_needs_several_times_its_array(tmp_path: Path) -> None:
    file = array(tmp_path / "a.npy", 1000)

    assert 40 * 10**6 <= need(file, "arrays.fft_magnitude") <= 60 * 10**6


def test_a_chain_of_steps_needs_what_the_largest_needs(tmp_path: Path) -> None:
    file = array(tmp_path / "a.npy", 1000)
    longer = Step("arrays.resample", {"new_rate": 10.0})
    opened = open_input(file)
    assert isinstance(opened, InputFile)
    with opened:
        alone = predicted_need((longer,), opened)
        chain = predicted_need((longer, Step("arrays.normalise")), opened)
    assert alone < 2 * chain < 4 * alone
    assert chain >= 10**7 * (8 + 8 + 8)


def test_a_mapped_array_is_not_held_by_its_statistics(tmp_path: Path) -> None:
    file = array(tmp_path / "a.npy", 3500)

    assert need(file, "arrays.statistics") < file.stat().st_size


def run(folder: Path, file: Path, *steps: Step) -> tuple[object, list[int]]:
    """Run an attempt; return its outcome and what it asked for."""
    (folder / "output" / ".everycore-job").mkdir(parents=True)
    setup = Setup(JobId("job"), OnExisting.RENAME, Pipeline("Test", steps), None, ())
    output = folder / "output"
    request = RunFile(TaskId(1), 1, file, output, output / "out.jpg", None)
    asked: list[int] = []
    return Preparation(setup).run_file(request, asked.append), asked


def test_an_attempt_asks_once_for_much_memory(tmp_path: Path) -> None:
    file = picture(tmp_path / "big.jpg", 4000, 2500)
    convert = Step("images.convert", {"format": "jpeg", "progressive": True})

    outcome, asked = run(tmp_path, file, convert)

    assert isinstance(outcome, Success)
    assert asked == [need(file, "images.convert", format="jpeg", progressive=True)]


def test_a_large_jpeg_is_saved_row_by_row(tmp_path: Path) -> None:
    file = picture(tmp_path / "big.jpg", 4000, 3000)

    assert need(file, "images.convert", format="jpeg") < 4000 * 3000 * 3


def test_an_attempt_does_not_ask_for_little(tmp_path: Path) -> None:
    file = picture(tmp_path / "small.jpg", 400, 300)

    outcome, asked = run(tmp_path, file, Step("images.convert", {"format": "jpeg"}))

    assert isinstance(outcome, Success)
    assert asked == []


def test_a_damaged_input_fails_without_asking(tmp_path: Path) -> None:
    file = tmp_path / "damaged.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))

    outcome, asked = run(tmp_path, file, Step("images.convert", {"format": "jpeg"}))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.BAD_INPUT
    assert asked == []
