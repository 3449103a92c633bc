"""Reports: complete, exact, and harmless in a spreadsheet and a browser."""

import csv
import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from workers.errors import UsageError
from workers.job import JobId, JobState, Kind, TaskId, TaskState
from workers.outcome import FailureKind
from workers.report import check_report_target, formula_safe, write_report
from workers.report_plots import BINS, DURATIONS_S, Timeline
from workers.snapshot import Counts, JobEntry, TaskRow
from workers.wording import printable

NAUGHTY = (
    "plain.jpg",
    "=1+1.jpg",
    "+cmd|' /C calc'!A0",
    "@sum",
    "-x.png",
    "two\nlines\r.png",
    "tab\there",
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "\x1b[2Jclear",
    "rtl\u202egnp.exe",
    'comma,quote".csv',
    "Straße-İı.tiff",
)


def row(name: str, number: int = 1) -> TaskRow:
    return TaskRow(
        task=TaskId(number),
        name=printable(name),
        path=Path("/in") / name,
        kind=Kind.IMAGE,
        size=1234,
        state=TaskState.FAILED,
        attempts=2,
        seconds=0.5,
        message=f"Not readable: {name}",
        failure=FailureKind.BAD_INPUT,
    )


@pytest.fixture
def entry() -> JobEntry:
    return JobEntry(
        job=JobId("20260101-000000-holiday-ab12"),
        name="Holiday <b>",
        state=JobState.FINISHED,
        created_at=0.0,
        counts=Counts(failed=len(NAUGHTY)),
        pipeline_name="Shrink",
        output=Path("/out"),
        elapsed_s=1.5,
    )


def rows() -> list[TaskRow]:
    return [row(name, number) for number, name in enumerate(NAUGHTY, 1)]


def test_csv_holds_every_input_with_no_cell_that_acts_as_a_formula(
    tmp_path: Path, entry: JobEntry
) -> None:
    target = tmp_path / "report.csv"
    write_report(entry, rows(), target)
    with target.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["input"] for line in lines] == [f"/in/{name}" for name in NAUGHTY]
    assert {line["state"] for line in lines} == {"failed"}
    assert {line["failure"] for line in lines} == {"bad_input"}
    assert {line["attempts"] for line in lines} == {"2"}
    cells = [cell for line in lines for cell in line.values()]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-2e-9", "1+1", "plain", "", "-.5"])
def test_numbers_and_plain_text_stay_as_they_are_in_csv(cell: str) -> None:
    assert formula_safe(cell) == cell


@pytest.mark.parametrize("cell", ["=1+1", "-1+1", "@x", "+a", "\t=1", "\r=1", "-", "-inf", "＝1"])
def test_text_that_a_spreadsheet_would_compute_is_quoted(cell: str) -> None:
    assert formula_safe(cell) == "'" + cell


def test_json_report_is_exact(tmp_path: Path, entry: JobEntry) -> None:
    target = tmp_path / "report.json"
    write_report(entry, rows(), target)
    report = json.loads(target.read_text(encoding="ascii"))
    assert report["everycore_report"] == 1
    assert report["job"]["failed"] == len(NAUGHTY)
    assert [task["input"] for task in report["tasks"]] == [f"/in/{name}" for name in NAUGHTY]
    assert report["tasks"][0]["seconds"] == 0.5


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
@pytest.mark.parametrize("suffix", [".csv", ".json", ".html"])
def test_a_name_that_is_not_utf_8_round_trips(tmp_path: Path, entry: JobEntry, suffix: str) -> None:
    import base64

    raw = b"/in/caf\xe9.jpg"
    target = tmp_path / f"report{suffix}"
    write_report(entry, [row(os.fsdecode(b"caf\xe9.jpg"))], target)
    text = target.read_text(encoding="utf-8")
    assert "caf\\xe9.jpg" in text.replace("\\\\", "\\")
    if suffix != ".html":
        assert base64.b64encode(raw).decode() in text


def test_no_element_or_attribute_of_an_html_report_comes_from_a_name(
    tmp_path: Path, entry: JobEntry
) -> None:
    target = tmp_path / "report.html"
    write_report(entry, rows(), target)
    text = target.read_text(encoding="utf-8")
    # Well-formed enough for a strict parser: a name that made markup would show.
    elements = list(ET.fromstring(text).iter())
    allowed: dict[str, set[tuple[str, ...]]] = {
        "html": {("lang",)},
        "meta": {("charset",), ("http-equiv", "content")},
        "tr": {(), ("class",)},
        "td": {(), ("class",)},
    }
    plain = {"head", "title", "style", "body", "h1", "p", "table", "thead", "tbody", "th"}
    for element in elements:
        assert tuple(element.attrib) in allowed.get(element.tag, {()}), element.tag
        assert element.tag in plain or element.tag in allowed
    texts = {element.text for element in elements}
    assert {f"/in/{printable(name)}" for name in NAUGHTY} <= texts
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text
    assert not [c for c in text if c in "\x1b\u202e"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".html"])
def test_an_older_report_may_be_replaced(tmp_path: Path, entry: JobEntry, suffix: str) -> None:
    target = tmp_path / f"report{suffix}"
    write_report(entry, rows(), target)
    check_report_target(target)
    write_report(entry, rows()[:1], target)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".html"])
def test_a_file_that_is_no_report_is_never_replaced(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"mine{suffix}"
    target.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is no report"):
        check_report_target(target)


def test_a_report_into_a_missing_folder_is_refused_before_the_job(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        check_report_target(tmp_path / "no" / "report.csv")


def test_a_report_that_fails_half_way_leaves_nothing(tmp_path: Path, entry: JobEntry) -> None:
    def broken() -> "list[TaskRow]":
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_report(entry, (row for _ in range(2) for row in broken()), tmp_path / "r.json")
    assert not list(tmp_path.iterdir())


def test_html_report_has_the_plots_of_the_job(entry: JobEntry, tmp_path: Path) -> None:
    done, others = [0] * BINS, [0] * BINS
    done[0], done[-1], others[-1] = 3, 1, 2
    timeline = Timeline(120.0, tuple(done), tuple(others), (0, 4, *[0] * (len(DURATIONS_S) - 1)))
    write_report(entry, rows(), tmp_path / "r.html", timeline)
    page = ET.fromstring((tmp_path / "r.html").read_text(encoding="utf-8").partition("\n")[2])
    first, second = page.iter("svg")
    heights = [float(bar.attrib["height"]) for bar in first.iter("rect")]
    assert heights == [120.0, 40.0, 80.0]  # three, then one and two on top of it
    assert [text.text for text in first.iter("text")] == ["1.5/s", "0 s", "2 min"]
    assert len(list(second.iter("rect"))) == 1


def test_html_report_of_a_job_in_which_nothing_ended_has_no_plots(
    entry: JobEntry, tmp_path: Path
) -> None:
    write_report(entry, rows(), tmp_path / "r.html")
    assert "<svg" not in (tmp_path / "r.html").read_text(encoding="utf-8")
