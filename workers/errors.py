"""Errors that our caller must fix.

EverycoreError
├── UsageError           a command line asks for what cannot be
├── PipelineError        a pipeline file or a parameter is wrong
├── JobRefused           a job cannot start (output folder, own code, trust)
├── JournalError         a journal cannot be read or is open elsewhere
│   └── FolderGone       a job cannot be forgotten: its folder may hold originals
└── EngineLost           the engine process does not answer

What a file or a worker does wrong is no error but a Failure (outcome.py).
"""


class EverycoreError(Exception):
    """An error whose message is one sentence for a person."""


class UsageError(EverycoreError):
    """A command line asks for what cannot be; the message says what to write instead."""


class PipelineError(EverycoreError):
    """A pipeline is wrong; the message names file, line and field where known."""


class JobRefused(EverycoreError):
    """A job cannot start; the message says why and what to do."""


class JournalError(EverycoreError):
    """A journal is unreadable, from a newer version, or open in another process."""


class FolderGone(JournalError):
    """A folder of an unfinished job is not there; originals of it may still lie in it."""


class EngineLost(EverycoreError):
    """The engine process ended or does not answer."""
