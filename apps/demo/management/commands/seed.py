from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from apps.common.commands import INTERRUPTED, DatabaseCommand
from apps.demo.management.output import KINDS, ProgressBar, account_table, list_numbers
from apps.demo.services import ImpossibleNumbers, Numbers, seed, usable_accounts


class Command(DatabaseCommand):
    help = "Fill the database with made-up users, organizations, venues, events and bookings."
    example = (
        "python settings/manage.py seed --flush --users 20 --orgs 5 --venues 6 --cats 6 "
        "--events 12 --bookings 80"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        defaults = asdict(Numbers())
        for option, kind in KINDS.items():
            parser.add_argument(
                f"--{option}",
                type=int,
                default=defaults[option],
                metavar="N",
                help=f"how many {kind} to make (default: {defaults[option]})",
            )
        parser.add_argument(
            "--flush", action="store_true", help="delete everything but superusers first"
        )
        parser.add_argument(
            "--random-seed", type=int, metavar="N", help="make the same data for the same N"
        )
        parser.add_argument(
            "--force", action="store_true", help="seed even where ALLOW_SEED is off"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.ALLOW_SEED or options["force"]):
            raise CommandError("Seeding is off here: set ALLOW_SEED, or pass --force.")
        try:
            numbers = Numbers(**{option: options[option] for option in KINDS})
            with ProgressBar(self.stderr, label="Bookings", total=numbers.bookings) as bar:
                seed(
                    numbers,
                    flush=options["flush"],
                    random_seed=options["random_seed"],
                    on_progress=bar.show,
                )
        except ImpossibleNumbers as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            message = "Interrupted. Nothing has changed."
            raise CommandError(message, returncode=INTERRUPTED) from None
        self.stdout.write(f"Made: {list_numbers(numbers)}.\n\n{account_table(usable_accounts())}")
