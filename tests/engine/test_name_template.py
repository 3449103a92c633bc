"""Templates for the names of outputs: what they give, and that nothing leads out of the folder."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.engine.conftest import Running, job_of, own_code
from tests.engine.test_engine import COPY, fill, outputs_of
from workers.commands import StartJob
from workers.errors import UsageError
from workers.job import JobSpec
from workers.name_template import NameTemplate, filled_in, is_late
from workers.output_names import NamePlanner

OUT = Path("/out")
ROOT = Path("/in/Holiday")
NOON_NS = int(time.mktime((2024, 7, 9, 12, 0, 0, 0, 0, -1))) * 10**9


def planned(template: str, relative: str = "Rome/img 1.png", suffix: str = ".webp") -> Path:
    planner = NamePlanner(OUT, has_several_roots=False, template=NameTemplate(template))
    return planner.plan(ROOT, Path(relative), suffix, index=7, mtime_ns=NOON_NS)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "Rome/img 1.webp"),
        ("{name}.{ext}", "Rome/img 1.webp"),
        ("{index:04}", "Rome/0007.webp"),
        ("{index}-{name}", "Rome/7-img 1.webp"),
        ("{parent}_{name}", "Rome/Rome_img 1.webp"),
        ("{date:%Y-%m}/{name}", "2024-07/img 1.webp"),
        ("{date}/{parent}/{name}", "2024-07-09/Rome/img 1.webp"),
        ("{{name}}", "Rome/{name}.webp"),
        ("2024.07", "Rome/2024.07.webp"),
    ],
)
def test_fields_stand_for_what_they_say(template: str, name: str) -> None:
    assert planned(template) == OUT / name


def test_file_at_the_top_has_its_root_as_parent() -> None:
    assert planned("{parent}/{name}", "img.png") == OUT / "Holiday" / "img.webp"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "no path below"),
        ("../{name}", "no path below"),
        ("/etc/{name}", "no path below"),
        ("a//{name}", "no path below"),
        ("{name}/", "no path below"),
        ("{nam}", r"field \{nam\}; there are \{name\}"),
        ("{name!r}", "field"),
        ("{name", "cannot be read"),
        ("{name:>9}", "takes no '>9'"),
        ("{index:999}", "takes no '999'"),
        ("{hash:65}", "1 to 64 digits"),
        ("{hash:0}", "1 to 64 digits"),
    ],
)
def test_template_that_is_not_sound_is_refused_with_a_sentence(template: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        NameTemplate(template)


NAMES = st.text(min_size=1).filter(lambda name: "/" not in name and "\0" not in name)


@given(
    folder=NAMES,
    name=NAMES,
    template=st.sampled_from(
        [
            "{name}",
            "{parent}",
            "{parent}/{name}",
            "{hash}/{name}",
            "{parent}/{parent}/{width}",
            "{ext}",
        ]
    ),
)
def test_no_name_leads_out_of_the_folder(folder: str, name: str, template: str) -> None:
    try:
        os.fsencode(name + folder)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte is in no file's name
        return
    place = planned(template, f"{folder}/{name}", ".x")
    assert ".." not in place.relative_to(OUT).parts
    assert all(len(os.fsencode(part)) <= 255 for part in place.relative_to(OUT).parts[-1:])


def test_names_that_come_out_alike_are_numbered() -> None:
    planner = NamePlanner(OUT, has_several_roots=False, template=NameTemplate("{date:%Y}/all"))
    names = [planner.plan(ROOT, Path(f"{n}.png"), ".jpg", mtime_ns=NOON_NS).name for n in range(3)]
    assert names == ["all.jpg", "all (2).jpg", "all (3).jpg"]


def test_what_an_output_will_be_is_filled_in_later() -> None:
    name = planned("{name}-{width}x{height}-{hash:6}")
    assert is_late(name)
    assert filled_in(name, "0123456789", lambda: (640, 480)).name == "img 1-640x480-012345.webp"
    assert filled_in(name, "0123456789", lambda: None).name == "img 1-x-012345.webp"


def test_name_of_a_file_is_never_taken_for_what_is_filled_in() -> None:
    mark = planned("{hash}").stem
    name = planned("{name}-{hash}", f"{mark}.png")
    assert filled_in(name, "f" * 64, lambda: None).name.count("ffffffff") == 1


def run(running: Running, folder: Path, output: Path, template: str) -> None:
    add, start = job_of(folder, output, own_code(output.parent, COPY))
    assert isinstance(start, StartJob)
    spec = start.spec
    named = JobSpec(output, spec.pipeline, trusted=spec.trusted, names=template, keeps_dates=True)
    running.post(add, StartJob(named))
    running.until_ended()


def test_outputs_of_the_same_name_and_content_are_all_kept(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    for number in range(6):
        (folder / f"{number}.txt").write_text("the same")
        time_ns = NOON_NS + number // 2 * 10**9
        os.utime(folder / f"{number}.txt", ns=(time_ns, time_ns))
    run(running, folder, tmp_path / "out", "{hash:4}")
    outputs = sorted((tmp_path / "out").iterdir())
    assert len(outputs) == 6
    assert len({file.name[:4] for file in outputs}) == 1
    times = sorted(file.stat().st_mtime_ns - NOON_NS for file in outputs)
    assert times == [0, 0, 10**9, 10**9, 2 * 10**9, 2 * 10**9]


def test_link_out_of_the_output_folder_is_not_followed(
    running: Running, folder: Path, tmp_path: Path
) -> None:
    fill(folder, 1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    run(running, folder, tmp_path / "out", "sub/{name}")
    assert [row.message for row in running.ended] == [
        "A link makes the folder sub lie outside the output folder."
    ]
    assert outputs_of(tmp_path / "elsewhere") == {}
