"""`everycore doctor`: what this computer offers and lacks, one line each."""

from workers.command_line import doctor_formats, doctor_libraries, doctor_system
from workers.command_line.diagnosis import Diagnosis
from workers.command_line.exit_status import ExitStatus
from workers.wording import printable


def doctor() -> ExitStatus:
    """Print the diagnoses; SOME_FAILED when something that jobs need is lacking."""
    diagnoses = [
        *doctor_libraries.diagnoses(),
        *doctor_formats.diagnoses(),
        *doctor_system.diagnoses(),
    ]
    print("\n".join(diagnosis_lines(diagnoses)))
    lacking = [diagnosis for diagnosis in diagnoses if diagnosis.is_needed and not diagnosis.is_ok]
    return ExitStatus.SOME_FAILED if lacking else ExitStatus.DONE


def diagnosis_lines(diagnoses: list[Diagnosis]) -> list[str]:
    """Return a line for each diagnosis, its advice included."""
    width = max(len(diagnosis.subject) for diagnosis in diagnoses)
    return [
        printable(
            f"{'ok' if diagnosis.is_ok else 'lacks':<5}  {diagnosis.subject:<{width}}  "
            f"{diagnosis.finding}" + (f" {diagnosis.advice}" if diagnosis.advice else "")
        )
        for diagnosis in diagnoses
    ]
