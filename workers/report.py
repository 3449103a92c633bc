"""Writes what became of every input as a .csv, .json or .html file, on the caller's thread.

CSV cells cannot act as formulas, HTML holds nothing but text, JSON is exact. Rows are streamed:
a report of a million tasks takes no more memory than one of ten.
"""

import base64
import csv
import hashlib
import html
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

from workers.errors import UsageError
from workers.job import TaskState
from workers.report_plots import Timeline, plots
from workers.snapshot import JobEntry, TaskRow
from workers.wording import printable, size_words, time_words

SUFFIXES: Final = (".csv", ".json", ".html")

_COLUMNS: Final = (
    "input",
    "state",
    "reason",
    "failure",
    "seconds",
    "bytes_in",
    "bytes_out",
    "attempts",
    "worker",
    "outputs",
    "input_base64",
)
# How each of our files begins: an older report may be replaced, anything else may not.
_CSV_START: Final = ",".join(_COLUMNS)
_JSON_START: Final = '{"everycore_report": 1,'
_HTML_START: Final = "<!DOCTYPE html><!-- Everycore report -->"
_STARTS: Final = {".csv": _CSV_START, ".json": _JSON_START, ".html": _HTML_START}

# A spreadsheet takes a cell that begins so for a formula; the last four are full-width forms.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)

_TABLE_HEAD: Final = (
    "<table><thead><tr><th>Input</th><th>State</th><th>Reason</th><th>Seconds</th>"
    "<th>In</th><th>Out</th><th>Attempts</th><th>Worker</th></tr></thead><tbody>\n"
)
_STYLE: Final = (
    "body{font:14px system-ui,sans-serif;margin:2em;color:#1c1e21;background:#fff}"
    "table{border-collapse:collapse}th,td{padding:.3em .8em;text-align:left;"
    "border-bottom:1px solid #d8dbe0;overflow-wrap:anywhere}td.n{text-align:right}"
    "tr.failed td{background:#fdecea}tr.skipped td{color:#5a6068}"
)


def check_report_target(target: Path) -> None:
    """Raise UsageError when a report could not be written there or would destroy a file."""
    if not target.parent.is_dir():
        raise UsageError(f"--report: there is no folder {printable(target.parent)}.")
    if target.is_dir():
        raise UsageError(f"--report: {printable(target)} is a folder.")
    if not os.access(target.parent, os.W_OK):
        raise UsageError(f"--report: no permission to write in {printable(target.parent)}.")
    if os.path.lexists(target) and not _is_our_report(target):
        raise UsageError(
            f"--report: {printable(target)} exists and is no report; give another name."
        )


def write_report(
    entry: JobEntry, rows: Iterable[TaskRow], target: Path, timeline: Timeline = Timeline()
) -> None:
    """Write the report in the format of the target's suffix; whole, or not at all.

    Raises OSError when the file cannot be written, UsageError for another suffix.
    """
    write = {".csv": _write_csv, ".json": _write_json, ".html": _write_html}.get(
        target.suffix.lower()
    )
    if write is None:
        raise UsageError(f"A report ends in {', '.join(SUFFIXES)}, not {target.suffix!r}.")
    partial = target.with_name(f".everycore-report-{os.getpid()}.part")
    try:
        # Exclusive: never follows a link somebody put there.
        with partial.open("x", encoding="utf-8", newline="") as stream:
            write(entry, rows, stream, timeline)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def input_name(row: TaskRow) -> tuple[str, str]:
    """Return the input exactly, or escaped with its bytes in base64 when it is not UTF-8."""
    if row.path is None:
        return row.name, ""
    return exact_name(row.path)


def exact_name(path: str | Path) -> tuple[str, str]:
    """Return the text exactly, or escaped with its bytes in base64 when it is not UTF-8."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return printable(text), base64.b64encode(os.fsencode(path)).decode("ascii")
    return text, ""


def formula_safe(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula; numbers stay as they are."""
    if cell.startswith(_FORMULA_STARTS) and not _NUMBER.match(cell):
        return "'" + cell
    return cell


def _is_our_report(target: Path) -> bool:
    if target.is_symlink() or not target.is_file():
        return False
    start = _STARTS[target.suffix.lower()].encode("utf-8")
    try:
        with target.open("rb") as stream:
            return stream.read(len(start)) == start
    except OSError:
        return False


def _write_csv(
    _entry: JobEntry, rows: Iterable[TaskRow], stream: TextIO, _timeline: Timeline
) -> None:
    # "\r\n" is what RFC 4180 says and every spreadsheet reads.
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_csv_cell(value) for value in _fields(row).values()])


def _csv_cell(value: object) -> str:
    if isinstance(value, list):
        return formula_safe("\n".join(value))
    if value is None:
        return ""
    return formula_safe(value) if isinstance(value, str) else str(value)


def _fields(row: TaskRow) -> dict[str, object]:
    """Return one row's columns, exact where they can be."""
    name, name_base64 = input_name(row)
    return {
        "input": name,
        "state": row.state.value,
        "reason": exact_name(row.message)[0],
        "failure": None if row.failure is None else row.failure.value,
        "seconds": round(row.seconds, 6),
        "bytes_in": row.size,
        "bytes_out": row.bytes_out,
        "attempts": row.attempts,
        "worker": row.worker,
        "outputs": [exact_name(path)[0] for path in row.outputs],
        "input_base64": name_base64,
    }


def _write_json(
    entry: JobEntry, rows: Iterable[TaskRow], stream: TextIO, _timeline: Timeline
) -> None:
    job = {
        "job": entry.job,
        "name": printable(entry.name),
        "pipeline": printable(entry.pipeline_name),
        "state": entry.state.value,
        "output": None if entry.output is None else exact_name(entry.output)[0],
        "succeeded": entry.counts.succeeded,
        "failed": entry.counts.failed,
        "skipped": entry.counts.skipped,
        "cancelled": entry.counts.cancelled,
        "waiting": entry.counts.waiting + entry.counts.running,
        "seconds": round(entry.elapsed_s, 3),
    }
    stream.write(f'{_JSON_START} "job": {json.dumps(job)},\n"tasks": [')
    separator = "\n"
    for row in rows:
        stream.write(separator + json.dumps(_without_empty_base64(_fields(row))))
        separator = ",\n"
    stream.write("\n]}\n")


def _without_empty_base64(fields: dict[str, object]) -> dict[str, object]:
    if not fields["input_base64"]:
        del fields["input_base64"]
    return fields


def _write_html(
    entry: JobEntry, rows: Iterable[TaskRow], stream: TextIO, timeline: Timeline
) -> None:
    stream.writelines(_html_head(entry))
    stream.writelines(plots(timeline))
    stream.write(_TABLE_HEAD)
    stream.writelines(_html_row(row) for row in rows)
    stream.write("</tbody></table></body></html>\n")


def _html_head(entry: JobEntry) -> Iterator[str]:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    title = _text(f"{entry.name}: {entry.pipeline_name}")
    counts = entry.counts
    yield f'{_HTML_START}\n<html lang="en"><head><meta charset="utf-8"/>\n'
    yield '<meta http-equiv="Content-Security-Policy" '
    yield f"content=\"default-src 'none'; style-src 'sha256-{digest}'\"/>\n"
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    yield f"<p>{counts.succeeded:,} succeeded, {counts.failed:,} failed, "
    yield f"{counts.skipped:,} skipped, {counts.cancelled:,} cancelled, "
    yield f"in {_text(time_words(entry.elapsed_s))}.</p>\n"
    if entry.output is not None:
        yield f"<p>Output: {_text(entry.output)}</p>\n"


def _html_row(row: TaskRow) -> str:
    name = row.name if row.path is None else row.path
    out = size_words(row.bytes_out) if row.state is TaskState.SUCCEEDED else ""
    return (
        f'<tr class="{row.state.value}"><td>{_text(name)}</td><td>{row.state.value}</td>'
        f'<td>{_text(row.message)}</td><td class="n">{row.seconds:.3f}</td>'
        f'<td class="n">{size_words(row.size)}</td><td class="n">{out}</td>'
        f'<td class="n">{row.attempts}</td><td class="n">{row.worker or ""}</td></tr>\n'
    )


def _text(name: str | Path) -> str:
    return html.escape(printable(name), quote=True)
