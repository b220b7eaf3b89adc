"""What the commands share: help with an example, and an end in one line."""

import os
import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any, ClassVar

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import Error, InterfaceError, OperationalError, ProgrammingError

from .health import is_migrated

# As shells have it for what Ctrl-C has ended.
INTERRUPTED = 130


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, with description and example as they are written."""


class DatabaseCommand(BaseCommand):
    """Raises CommandError, one line and no traceback, where the database is away or lacks
    migrations, and on Ctrl-C; ends quietly with exit code 1 where nobody reads on what it prints.

    `example` is a line to copy, which ends its help.
    """

    example: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=HelpFormatter,
            epilog=f"example:\n  {self.example}",
            **kwargs,
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            if lacks_migrations():
                raise CommandError(
                    "The database lacks migrations: run `python settings/manage.py migrate` first "
                    f"({headline(error)})."
                ) from error
            if isinstance(error, ProgrammingError):
                raise
            raise CommandError(f"The database did not answer: {headline(error)}") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            try:
                super().run_from_argv(argv)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # Or Python, flushing once more at its end, would complain itself.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


def lacks_migrations() -> bool:
    """Whether the database answers, and has not every migration of this code."""
    try:
        return not is_migrated()
    except Error:
        return False


def headline(error: Exception) -> str:
    """What went wrong, without the advice and quotations of the next lines."""
    return str(error).partition("\n")[0]
