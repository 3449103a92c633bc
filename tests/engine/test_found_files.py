"""Found files in columns are the same files, in the same order."""

from pathlib import Path

from hypothesis import given, strategies as st

from workers.found_files import FoundFile, FoundFiles, KnownFiles
from workers.job import Kind

FILES = st.lists(
    st.builds(
        FoundFile,
        root=st.sampled_from([Path("/a"), Path("/b")]),
        relative=st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8),
        size=st.integers(0, 2**40),
        mtime_ns=st.integers(-(2**62), 2**62),
        kind=st.sampled_from(list(Kind)),
        problem=st.sampled_from(["", "", "A link."]),
        device=st.integers(0, 1),
        number=st.integers(0, 6),
    )
)


@given(FILES, FILES)
def test_columns_hold_the_files_as_they_are(first: list[FoundFile], then: list[FoundFile]) -> None:
    assert list(FoundFiles.of(first)) == first
    joined = FoundFiles.joined([first, (), FoundFiles.of(then)])
    assert list(joined) == first + then
    assert len(joined) == len(first) + len(then)
    assert joined.skipped() == [
        (place, file) for place, file in enumerate(first + then) if file.problem
    ]


@given(st.lists(FILES))
def test_a_file_is_new_once_and_one_without_a_number_always(batches: list[list[FoundFile]]) -> None:
    known = KnownFiles()
    new = [file for batch in batches for file in known.new_of(batch)]

    seen: set[tuple[int, int]] = set()
    expected = []
    for file in (file for batch in batches for file in batch):
        identity = file.device, file.number
        if not file.number or identity not in seen:
            expected.append(file)
        seen.add(identity)
    assert new == expected
