"""Many files into one by the command line, killed while they are read and while they are merged."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.everycore_program import Everycore, digests, everycore_in, read_events

FILES = 6
PIPELINE = """
format = 1
[[steps]]
operation = "tables.sort"
columns = "n"
[[steps]]
operation = "tables.merge"
file_column = "file"
"""


@pytest.fixture
def everycore(tmp_path: Path) -> Iterator[Everycore]:
    with everycore_in(tmp_path) as program:
        yield program


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_job_killed_in_both_phases_makes_the_one_output_of_an_undisturbed_run(
    everycore: Everycore,
) -> None:
    (everycore.folder / "merge.toml").write_text(PIPELINE)
    (everycore.folder / "in").mkdir()
    for number in range(FILES):
        rows = "".join(f"{n},{number}\n" for n in range(2_000))
        (everycore.folder / "in" / f"{number}.csv").write_text(f"n,c{number % 3}\n{rows}")
    before = digests(everycore.folder / "in")
    line = ("run", "merge.toml", "in", "--json", "--workers=2", "--output")
    undisturbed = everycore.run(*line, "wanted")
    assert undisturbed.returncode == 0, undisturbed.stderr

    # While files are read, then when all are and the merge has begun.
    for output, told in (("early", 3), ("late", FILES)):
        process = everycore.start(*line, output)
        assert {event["state"] for event in read_events(process, told)} == {"succeeded"}
        process.kill()
        process.communicate()
        last = everycore.run(*line, output)
        assert last.returncode == 0, last.stderr
        summary = json.loads(last.stdout.splitlines()[-1])
        # All skipped: the job had ended when the kill came, but not yet the program.
        assert [summary["succeeded"], summary["skipped"]] in ([FILES + 1, 0], [0, FILES + 1])
        assert digests(everycore.folder / output) == digests(everycore.folder / "wanted")
    assert list(digests(everycore.folder / "wanted")) == ["merged.csv"]
    assert digests(everycore.folder / "in") == before
