import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.bookings.services import expire_bookings


class Command(BaseCommand):
    help = "Cancel the holds that ran out and return their tickets, once or again and again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, metavar="SECONDS", help="sweep again after this pause, for ever"
        )

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        if every is not None and not 0 < every <= 86_400:
            raise CommandError("--every takes more than 0 and at most 86400 seconds.")
        while True:
            self.stdout.write(f"{expire_bookings()} expired")
            if every is None:
                return
            time.sleep(every)
