"""`everycore verify`: the outputs in a folder against what is known of them.

A manifest in the folder comes first; without one, the journals of this computer tell.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workers.command_line.exit_status import ExitStatus
from workers.command_line.options import VerifyOptions
from workers.errors import UsageError
from workers.folders import journals_folder
from workers.manifest import Entry, Finding, read_manifest, recorded, verify
from workers.report import exact_name
from workers.wording import count_words, printable

_SAID: Final = {
    Finding.MISSING: "is gone",
    Finding.CHANGED: "is not what was made",
    Finding.INPUT_CHANGED: "is as made, but its input {} has changed since",
}


def verify_folder(options: VerifyOptions) -> ExitStatus:
    """Read every output, print what is not as it was made; raise UsageError where none is known."""
    found: Counter[Finding] = Counter()
    try:
        for entry, finding in verify(options.folder, _known(options.folder)):
            found[finding] += 1
            if options.is_json:
                print(_line(entry, finding))
            elif finding in _SAID:
                said = _SAID[finding].format(printable(entry.input))
                print(f"{printable(entry.output)} {said}.")
    except ValueError as error:
        raise UsageError(f"The list of outputs cannot be read: {error}.") from error
    if not found:
        raise UsageError(f"No job is known that made outputs in {printable(options.folder)}.")
    if options.is_json:
        counts = {finding.name.lower(): found[finding] for finding in Finding}
        print(json.dumps({"event": "verify_finished", **counts}))
    else:
        print(_summary(found))
    is_same = found.total() == found[Finding.AS_MADE]
    return ExitStatus.DONE if is_same else ExitStatus.SOME_FAILED


def _known(folder: Path) -> Iterator[Entry]:
    try:
        yield from read_manifest(folder)
    except FileNotFoundError:
        yield from recorded(folder, journals_folder())


def _line(entry: Entry, finding: Finding) -> str:
    names = {"output": exact_name(entry.output)[0], "input": exact_name(entry.input)[0]}
    made = {"version": entry.version, "job": entry.job, "pipeline": entry.pipeline}
    return json.dumps({"event": "output_checked", "finding": finding.value, **names, **made})


def _summary(found: Counter[Finding]) -> str:
    total = count_words(found.total(), "output")
    if found.total() == found[Finding.AS_MADE]:
        return f"{total}, all as made."
    parts = [f"{found[finding]:,} {finding.value}" for finding in Finding if found[finding]]
    return f"{total}: {', '.join(parts)}."
