"""Tables as files, of every format, and the steps that run on them."""

import datetime as dt
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from workers import Failure, FailureKind, Step
from workers.operations import tables
from workers.operations.input_file import InputFile, open_input
from workers.operations.reopening import reopens

Cell = str | float | dt.date | None
Rows = Sequence[Sequence[Cell]]

_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_TYPES = "application/vnd.openxmlformats"


def run(source: Path, *steps: Step) -> tuple[Failure | str, Path]:
    opened = open_input(source)
    assert isinstance(opened, InputFile)
    with opened:
        target = source.parent / f"staged{tables.output_suffix(steps, opened.suffix)}"
        return tables.run(steps, opened, target), target


def made(source: Path, *steps: Step, warning: str = "") -> pl.DataFrame:
    """Run the steps and read what they wrote, which opens again."""
    answer, target = run(source, *steps)
    assert answer == warning
    assert reopens(target)
    return reread(target)


def refused(source: Path, *steps: Step) -> str:
    """Run the steps and return the sentence by which they did not fit the table."""
    answer, target = run(source, *steps)
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.OPERATION_FAILED
    assert not target.exists()
    return answer.message


def reread(file: Path) -> pl.DataFrame:
    if file.suffix == ".parquet":
        return pl.read_parquet(file)
    if file.suffix in (".arrow", ".feather", ".ipc"):
        return pl.read_ipc(file)
    if file.suffix in (".jsonl", ".ndjson"):
        return pl.read_ndjson(file)
    return pl.read_csv(file, separator="\t" if file.suffix == ".tsv" else ",")


def workbook(file: Path, sheets: Mapping[str, Rows]) -> Path:
    """Write a workbook of Excel as others do: cells with places, texts inline."""
    return workbook_of(file, {name: _sheet_rows(rows) for name, rows in sheets.items()})


def workbook_of(file: Path, sheets: Mapping[str, str]) -> Path:
    """Write a workbook whose sheets hold that XML."""
    numbers = range(1, len(sheets) + 1)
    named = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="{_TYPES}-package.relationships+xml"/><Default Extension="xml" '
            f'ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_OFFICE}"><sheets>{named}</sheets>'
            f"</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
        )
        for number, content in zip(numbers, sheets.values(), strict=True):
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{_SPREADSHEET}">{content}</worksheet>',
            )
    return file


def _sheet_rows(rows: Rows) -> str:
    last = f"{chr(64 + max(map(len, rows), default=1))}{max(1, len(rows))}"
    made = "".join(
        f'<row r="{number}">'
        + "".join(
            _cell(f"{chr(65 + column)}{number}", value)
            for column, value in enumerate(row)
            if value is not None
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return f'<dimension ref="A1:{last}"/><sheetData>{made}</sheetData>'


def _cell(place: str, value: Cell) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def open_document(file: Path, rows: Rows, *, rows_repeated: int = 1) -> Path:
    """Write a workbook of LibreOffice; its last row can stand for many."""
    lines = []
    for number, row in enumerate(rows, 1):
        times = rows_repeated if number == len(rows) else 1
        cells = "".join(_open_cell(value) for value in row)
        lines.append(
            f'<table:table-row table:number-rows-repeated="{times}">{cells}</table:table-row>'
        )
    lines.append(
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{_ODF}:office:1.0" '
            f'xmlns:table="{_ODF}:table:1.0" xmlns:text="{_ODF}:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="One">{"".join(lines)}</table:table>'
            f"</office:spreadsheet></office:body></office:document-content>",
        )
    return file


def _open_cell(value: Cell) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str):
        return (
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p>'
            f"</table:table-cell>"
        )
    return (
        f'<table:table-cell office:value-type="float" office:value="{value}">'
        f"<text:p>{value}</text:p></table:table-cell>"
    )


def old_workbook(file: Path, rows: Rows) -> Path:
    """Write an old workbook (.xls) of one sheet."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("One")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            style = (day,) if isinstance(value, dt.date) else ()
            if value is not None:
                sheet.write(number, place, value, *style)
    book.save(str(file))
    return file
