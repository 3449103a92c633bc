"""Which jobs run in a sandbox, and what of this computer it leaves them; decided by the engine."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from workers.job import JobSpec, OnExisting
from workers.operations.kept_source import kept_folder
from workers.pipeline import own_code, picture_files
from workers.sandbox import Sandbox, offered
from workers.trash_places import trash_places


def is_sandboxed(spec: JobSpec) -> bool:
    """Say whether a job asks for a sandbox: as the person said, else when it has no own code.

    Own code may need anything: files beside the inputs, a network, other programs.
    """
    return not _code_of(spec) if spec.sandboxed is None else spec.sandboxed


def sandbox_of(
    spec: JobSpec, inputs: Sequence[Path], temporary: Path, partials: Sequence[Path] = ()
) -> Sandbox | None:
    """Return the sandbox for a job's workers; None when it runs without one.

    They may write to the folders of partials, too.
    Makes the folders that replaced files go to, for a worker in a sandbox cannot.
    """
    offer = offered()
    if not is_sandboxed(spec) or not (offer.protects_files or offer.has_seccomp):
        return None
    code = _code_of(spec)
    folders = tuple(dict.fromkeys(file.parent for file in code))
    output = () if spec.pipeline is None else (spec.output,)
    if spec.is_in_place:
        output = (*output, *_folders(inputs))
    pictures = () if spec.pipeline is None else picture_files(spec.pipeline)
    kept = (kept_folder(),) if code else ()
    replaces = spec.on_existing is OnExisting.REPLACE
    return Sandbox(
        readable=tuple(dict.fromkeys((*inputs, *folders, *pictures))),
        writable=tuple(dict.fromkeys((*output, *partials, *kept))),
        temporary=temporary,
        growing=trash_places(spec.output) if output and replaces else (),
        has_own_code=bool(code),
    )


def with_inputs(sandbox: Sandbox, inputs: Sequence[Path], *, is_in_place: bool) -> Sandbox:
    """Return the sandbox with further inputs that may be read, in place also replaced."""
    readable = tuple(dict.fromkeys((*sandbox.readable, *inputs)))
    writable = (*sandbox.writable, *_folders(inputs)) if is_in_place else sandbox.writable
    return replace(sandbox, readable=readable, writable=tuple(dict.fromkeys(writable)))


def _folders(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Return the dropped folders, and those that dropped files lie in."""
    return tuple(path if path.is_dir() else path.parent for path in inputs)


def _code_of(spec: JobSpec) -> tuple[Path, ...]:
    if spec.sweep is not None:
        return (spec.sweep.file,)
    return () if spec.pipeline is None else own_code(spec.pipeline)
