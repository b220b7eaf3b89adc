import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection

from apps.bookings.services import expire_bookings
from apps.common.commands import DatabaseCommand, headline, lacks_migrations


class Command(DatabaseCommand):
    help = "Cancel the holds that ran out and return their tickets, once or again and again."
    example = "python settings/manage.py expire_bookings --every 60"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, metavar="SECONDS", help="sweep again after this pause, for ever"
        )

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        if every is not None and not 0 < every <= 86_400:
            raise CommandError("--every takes more than 0 and at most 86400 seconds.")
        if every is None:
            self.stdout.write(f"{expire_bookings()} expired")
            return
        while True:
            self.sweep()
            time.sleep(every)

    def sweep(self) -> None:
        """Sweep once. A database that is away or busy is left to the next time."""
        try:
            self.stdout.write(f"{expire_bookings()} expired")
            self.stdout.flush()
        except (OperationalError, InterfaceError) as error:
            if lacks_migrations():
                raise
            self.stderr.write(f"The database did not answer, trying again: {headline(error)}")
            connection.close()
