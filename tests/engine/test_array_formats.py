"""Arrays out of .npy, .npz and HDF5 files: good, odd, damaged and hostile ones."""

import io
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tests.engine.conftest import Running
from tests.engine.test_arrays import header, numbers, run
from workers import Failure, FailureKind, Step, memory
from workers.commands import AddInputs, StartJob
from workers.job import JobSpec, Kind, Pipeline
from workers.operations import array_hdf5
from workers.operations.input_file import InputFile, open_input
from workers.operations.kinds import kind_of_content, kind_of_suffix
from workers.sandbox import offered
from workers.step_runs import predicted_need

MB = 2**20
KINDS = ["f8", ">f4", "i2", "u1", "bool", "c16"]


def opened(file: Path, name: str = "") -> NDArray[np.generic]:
    answer, target = run(file, Step("arrays.open", {"array": name}))
    assert answer == ""
    made: NDArray[np.generic] = np.load(target, allow_pickle=False)
    target.unlink()
    return made


def refusal(file: Path, name: str = "") -> str:
    answer, target = run(file, Step("arrays.open", {"array": name}))
    assert isinstance(answer, Failure)
    assert answer.kind in (FailureKind.BAD_INPUT, FailureKind.OUT_OF_MEMORY)
    assert not target.exists()
    return answer.message


def need(file: Path) -> int:
    source = open_input(file)
    assert isinstance(source, InputFile)
    with source:
        return predicted_need((Step("arrays.open"),), source)


def hdf5(folder: Path, fill: Callable[[h5py.File], object]) -> Path:
    with h5py.File(folder / "array.h5", "w") as file:
        fill(file)
    return folder / "array.h5"


def archive(folder: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(folder / "array.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return folder / "array.npz"


def claim(shape: tuple[int, ...]) -> str:
    return f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_only_array_of_an_archive_is_read(
    tmp_path: Path, kind: str, save: Callable[..., None]
) -> None:
    array = np.asfortranarray((numbers() % 100).astype(kind))
    save(tmp_path / "array.npz", array)
    made = opened(tmp_path / "array.npz")
    assert made.dtype == array.dtype
    np.testing.assert_array_equal(made, array)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packing", [{}, {"chunks": True, "compression": "gzip", "shuffle": True}])
def test_the_only_numbers_of_an_hdf5_file_are_read(
    tmp_path: Path, kind: str, packing: dict[str, object]
) -> None:
    array = (numbers() % 100).astype(kind)

    def fill(file: h5py.File) -> None:
        file.create_dataset("run/signal", data=array, **packing)
        file["note"] = "words are no numbers"
        opaque = h5py.h5t.create(h5py.h5t.OPAQUE, 5)
        h5py.h5d.create(file.id, b"odd", opaque, h5py.h5s.create_simple((3,)))
        file["times"] = np.arange(3).astype(h5py.opaque_dtype("M8[s]"))

    made = opened(hdf5(tmp_path, fill))
    assert made.dtype == array.dtype
    np.testing.assert_array_equal(made, array)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 2, 3, 4)])
def test_every_shape_is_kept(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = numbers(shape)
    np.savez(tmp_path / "array.npz", array)
    file = hdf5(tmp_path, lambda file: file.create_dataset("a", data=array))
    assert opened(tmp_path / "array.npz").shape == shape
    assert opened(file).shape == shape


def test_one_of_several_arrays_is_chosen_by_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "array.npz", x=np.arange(3), y=np.arange(4))
    assert opened(tmp_path / "array.npz", "y").size == 4
    assert refusal(tmp_path / "array.npz") == (
        "The file holds 2 arrays (x, y); "
        "put the step 'Choose array' (arrays.open) first and name one there."
    )
    assert refusal(tmp_path / "array.npz", "z") == "The file has no array 'z'; it holds x, y."


def test_a_data_set_is_chosen_by_its_path(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["run/signal"], file["time"] = np.arange(3), np.arange(4)
        file["latest"] = h5py.SoftLink("/run/signal")

    file = hdf5(tmp_path, fill)
    assert opened(file, "/run/signal").size == opened(file, "latest").size == 3
    assert refusal(file) == (
        "The file holds 2 arrays (run/signal, time); "
        "put the step 'Choose array' (arrays.open) first and name one there."
    )
    assert refusal(file, "run") == "The file has no array 'run'; it holds run/signal, time."


def test_steps_go_on_with_the_chosen_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "array.npz", x=np.arange(3), y=numbers())
    steps = Step("arrays.open", {"array": "y"}), Step("arrays.fft_magnitude")
    answer, target = run(tmp_path / "array.npz", *steps)
    assert answer == ""
    np.testing.assert_allclose(np.load(target), np.abs(np.fft.fft(numbers())))


def test_an_array_is_chosen_before_anything_is_done_with_it(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", numbers())
    answer, _ = run(tmp_path / "array.npy", Step("arrays.fft_magnitude"), Step("arrays.open"))
    assert isinstance(answer, Failure)
    assert "no other array step can stand before it" in answer.message


def test_files_are_known_by_suffix_and_by_content(tmp_path: Path) -> None:
    assert {kind_of_suffix(s) for s in (".npy", ".npz", ".h5", ".HDF5")} == {Kind.ARRAY}
    file = hdf5(tmp_path, lambda file: file.create_dataset("a", data=numbers()))
    assert kind_of_content(file.read_bytes()[:64]) is Kind.ARRAY
    misnamed = file.rename(tmp_path / "array.npy")
    np.testing.assert_array_equal(opened(misnamed), numbers())


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_what_is_no_array_is_refused_with_a_reason(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"array{suffix}"
    file.write_bytes(b"a picture, perhaps" * 10)
    assert refusal(file).startswith("Not a readable array (")


def test_pickled_objects_are_refused_unopened(tmp_path: Path) -> None:
    flag = tmp_path / "PWNED"
    pickle = f"cos\nsystem\n(S'touch {flag}'\ntR.".encode()
    objects = header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle)
    assert "Python objects" in refusal(archive(tmp_path, a=objects))
    file = hdf5(tmp_path, lambda file: file.create_dataset("a", data=["words"]))
    assert refusal(file) == "Not a readable array (it holds no array of numbers)."
    assert refusal(file, "a") == "Not a readable array (it holds objects, not numbers)."
    assert not flag.exists()


def damaged(content: bytes) -> list[bytes]:
    chosen = np.random.default_rng(7)
    cut = [content[:length] for length in chosen.integers(1, len(content), 60)]
    for _ in range(300):
        changed = bytearray(content)
        for place in chosen.integers(0, len(content), 3):
            changed[place] = chosen.integers(256)
        cut.append(bytes(changed))
    return cut


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_no_damage_is_more_than_a_sentence(tmp_path: Path, suffix: str) -> None:
    array = np.arange(40.0).reshape(8, 5)
    np.savez_compressed(tmp_path / "array.npz", a=array)
    hdf5(tmp_path, lambda file: file.create_dataset("a", data=array, chunks=True, compression=4))
    file = tmp_path / f"array{suffix}"
    answers = set()
    for content in damaged(file.read_bytes()):
        file.write_bytes(content)
        answer, target = run(file, Step("arrays.open"))
        target.unlink(missing_ok=True)
        answers.add(type(answer))
        assert isinstance(answer, str) or answer.message.endswith(".")
    assert Failure in answers


@pytest.mark.parametrize("shape", [(10**12,), (400_000_000,)])
def test_a_claim_in_an_archive_takes_no_memory(tmp_path: Path, shape: tuple[int, ...]) -> None:
    file = archive(tmp_path, a=header(claim(shape), bytes(800)))
    before = memory.resident_bytes()
    assert refusal(file) == "Not a readable array (file ends early)."
    assert need(file) == 0
    assert memory.resident_bytes() - before < 50 * MB


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    file, size = tmp_path / "array.npz", 5 * 10**9
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.npy", header(claim((size // 8,)), bytes(MB)))
    content = file.read_bytes()
    true_size = (MB + 128).to_bytes(4, "little")
    assert content.count(true_size) == 2
    file.write_bytes(content.replace(true_size, (2**32 - 2).to_bytes(4, "little")))
    before = memory.resident_bytes()
    assert refusal(file) == "Not a readable array (file ends early)."
    assert memory.resident_bytes() - before < 50 * MB


def test_a_header_that_unpacks_to_much_is_not_read_to_its_end(tmp_path: Path) -> None:
    long = 200 * MB
    content = b"\x93NUMPY\x02\x00" + long.to_bytes(4, "little") + b" " * long
    file = archive(tmp_path, a=content)
    assert file.stat().st_size < MB
    held = memory.resident_bytes()
    memory.reset_peak()
    assert refusal(file) == "Not a readable array (its header is damaged)."
    assert memory.peak_bytes() - held < 50 * MB


def test_a_data_set_of_terabytes_in_few_bytes_is_refused(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file.create_dataset("a", shape=(10**12,), dtype="f8", chunks=(1000,), compression="gzip")

    file = hdf5(tmp_path, fill)
    assert file.stat().st_size < MB
    assert refusal(file) == "The array unpacks to 8.0 TB; one may take 4.0 GB."
    assert need(file) == 0


def test_a_chunk_is_as_large_as_it_says(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        made = file.create_dataset("a", shape=(1000,), dtype="f8", chunks=(1000,), compression=9)
        made.id.write_direct_chunk((0,), zlib.compress(bytes(200 * MB), 9))

    file = hdf5(tmp_path, fill)
    assert file.stat().st_size < MB
    held = memory.resident_bytes()
    memory.reset_peak()
    assert refusal(file) == "Not a readable array (it unpacks to more than it says)."
    assert memory.peak_bytes() - held < 50 * MB


def test_a_hidden_chunk_of_gigabytes_counts_as_it_is(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        space = {"shape": (10,), "maxshape": (None,), "chunks": (2**28,)}
        file.create_dataset("a", dtype="f8", **space)

    assert need(hdf5(tmp_path, fill)) >= 2 * 2**31


def secret(folder: Path) -> Path:
    with h5py.File(folder / "secret.h5", "w") as file:
        file["a"] = numbers()
    return folder / "secret.h5"


def test_no_other_file_is_opened_through_a_link(tmp_path: Path) -> None:
    other = secret(tmp_path)

    def fill(file: h5py.File) -> None:
        file["out"] = h5py.ExternalLink(str(other), "/a")
        file["around"] = h5py.SoftLink("/out")
        file["loop"] = h5py.SoftLink("/loop")

    file = hdf5(tmp_path, fill)
    assert refusal(file) == "Not a readable array (it holds no array of numbers)."
    assert refusal(file, "out") == "Not a readable array (out is in another file)."
    assert "is in another file" in refusal(file, "around")
    assert refusal(file, "loop") == "Not a readable array (its links lead round in a circle)."


def test_no_other_file_is_opened_for_the_numbers(tmp_path: Path) -> None:
    other = secret(tmp_path)

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((30, 40), "f8")
        layout[...] = h5py.VirtualSource(str(other), "a", (30, 40))
        file.create_virtual_dataset("a", layout)

    expected = "Not a readable array (its numbers are in other files)."
    assert refusal(hdf5(tmp_path, virtual)) == expected
    outside = [(str(other), 0, 800)]
    file = hdf5(tmp_path, lambda f: f.create_dataset("a", (100,), "f8", external=outside))
    assert refusal(file) == expected


def test_a_block_before_the_hdf5_mark_is_no_hindrance(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "array.h5", "w", userblock_size=512) as file:
        file["a"] = numbers()
    np.testing.assert_array_equal(opened(tmp_path / "array.h5"), numbers())


def test_a_missing_library_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hdf5(tmp_path, lambda file: file.create_dataset("a", data=numbers()))
    monkeypatch.setitem(sys.modules, "h5py", None)
    answer, _ = run(file, Step("arrays.open"))
    assert answer == array_hdf5._MISSING
    assert isinstance(answer, Failure)
    assert "pip install 'everycore[science]'" in answer.message


def test_an_encrypted_or_oddly_packed_archive_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, numbers())
    with zipfile.ZipFile(tmp_path / "array.npz", "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("a.npy", content.getvalue())
    assert "packed in a way" in refusal(tmp_path / "array.npz")
    file = archive(tmp_path, a=content.getvalue())
    marked = bytearray(file.read_bytes())
    marked[6] |= 1
    marked[marked.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(marked)
    assert refusal(file) == "Not a readable array (it is encrypted)."


@pytest.mark.skipif(not offered().protects_files, reason="the kernel offers no Landlock")
def test_a_worker_in_its_sandbox_reads_and_filters_each_format(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    array = numbers((300, 2))
    np.save(folder / "a.npy", array)
    np.savez_compressed(folder / "b.npz", array)
    with h5py.File(folder / "c.h5", "w") as file:
        file.create_dataset("run/signal", data=array, chunks=True, compression="gzip")
    step = Step("arrays.filter", {"cutoff": 0.2, "axis": 0})
    spec = JobSpec(tmp_path / "out", Pipeline("Filter", (step,)), sandboxed=True)

    running.post(AddInputs((folder,)), StartJob(spec))
    running.until_ended()

    assert [row.message for row in running.ended] == [""] * 3
    made = [np.load(file) for file in sorted((tmp_path / "out").glob("*.npy"))]
    assert len(made) == 3
    sections = signal.butter(4, 0.2, fs=1.0, output="sos")
    for each in made:
        np.testing.assert_allclose(each, signal.sosfiltfilt(sections, array, axis=0))
