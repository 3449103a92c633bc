"""Trust in own code, kept in a real file."""

import hashlib
from pathlib import Path

import pytest

from workers.folders import config_folder
from workers.trust import is_trusted, trust

DIGEST = hashlib.sha256(b"def process(): ...").hexdigest()
OTHER = hashlib.sha256(b"something else").hexdigest()


def test_nothing_is_trusted_at_first() -> None:
    assert not is_trusted(DIGEST)


def test_a_trusted_file_stays_trusted_beside_others() -> None:
    trust(DIGEST, Path("/home/person/clean.py"))
    trust(OTHER, Path("/home/person/\udce9.py"))

    assert is_trusted(DIGEST)
    assert is_trusted(OTHER.upper())


def test_a_damaged_file_trusts_nothing_and_can_be_written_again() -> None:
    trust(DIGEST, Path("clean.py"))
    (config_folder() / "trusted.toml").write_bytes(b'[trusted\n"\xff')

    assert not is_trusted(DIGEST)
    trust(OTHER, Path("other.py"))
    assert is_trusted(OTHER)


@pytest.mark.parametrize("content", ["trusted = 3", f"[trusted]\n{DIGEST} = 1"])
def test_a_file_of_another_shape_trusts_nothing(content: str) -> None:
    (config_folder() / "trusted.toml").write_text(content, encoding="utf-8")

    assert not is_trusted(DIGEST)


def test_only_a_digest_can_be_trusted() -> None:
    with pytest.raises(ValueError, match="not a SHA-256 digest"):
        trust("clean.py", Path("clean.py"))


def test_writing_leaves_no_other_file() -> None:
    trust(DIGEST, Path("clean.py"))

    assert [file.name for file in config_folder().iterdir()] == ["trusted.toml"]
