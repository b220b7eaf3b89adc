import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as RunserverCommand
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from apps.accounts.models import User
from apps.common.commands import INTERRUPTED, DatabaseCommand
from apps.demo.accounts import ADMIN, PASSWORD
from apps.demo.management.output import account_table, list_numbers
from apps.demo.services import Numbers, is_empty, seed, usable_accounts

PAGES = {
    "API": "event-list",
    "Swagger": "swagger",
    "Redoc": "redoc",
    "Admin": "admin:index",
}

NOTES = """\
  Ctrl-C stops it; the data stay. For new ones: .venv/bin/python settings/manage.py seed --flush
  docs/tutorial.md leads from here to a sold-out event of your own."""

# Where one listens on all addresses, none of these is one to open.
ALL_ADDRESSES = {"0", "0.0.0.0", "::"}  # noqa: S104


class Command(DatabaseCommand, RunserverCommand):
    help = "Serve BTick to try it out: migrate, fill the database if it is empty, run the server."
    example = "python settings/manage.py rundemo 127.0.0.1:8001"

    # Set by Django from the command line, before it calls `run`.
    addr: str
    port: str
    use_ipv6: bool

    def run(self, **options: Any) -> None:
        if not settings.ALLOW_SEED:
            raise CommandError("The demo is off here: ALLOW_SEED is not set.")
        # The autoreloader runs this in a second process, and again after every change of a file.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            self.check_address()
            self.set_up()
        super().run(**options)

    def check_address(self) -> None:
        """Raise CommandError if the server could not listen, before anything is done for it."""
        with socket.socket(socket.AF_INET6 if self.use_ipv6 else socket.AF_INET) as probe:
            # As the server does it: a port that has just been given up may be taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.addr, int(self.port)))
            except (OSError, OverflowError) as error:
                raise CommandError(f"Cannot serve on {self.addr}:{self.port}: {error}") from None

    def set_up(self) -> None:
        """Migrate, and fill an empty database. Each step leaves to the next run what it lacks."""
        try:
            self.report("Migrating the database")
            call_command("migrate", interactive=False, verbosity=0)
            if is_empty():
                self.create_admin()
                numbers = Numbers()
                self.report(f"Making the demo data: {list_numbers(numbers)}")
                seed(numbers)
            else:
                self.report("The database has data already: they stay as they are")
        except KeyboardInterrupt:
            message = "Interrupted. The next run goes on from here."
            raise CommandError(message, returncode=INTERRUPTED) from None

    def create_admin(self) -> None:
        if User.objects.filter(is_superuser=True).exists():
            return
        self.report("Creating the admin account")
        with environment(DJANGO_SUPERUSER_EMAIL=ADMIN.email, DJANGO_SUPERUSER_PASSWORD=PASSWORD):
            call_command("createsuperuser", interactive=False, verbosity=0)

    def report(self, step: str) -> None:
        self.stdout.write(f"== {step}")
        self.stdout.flush()

    def inner_run(self, *args: Any, **options: Any) -> None:
        # Django's own call of the checks says at length that all is well.
        if not options["skip_checks"]:
            self.check()
        super().inner_run(*args, **{**options, "skip_checks": True})

    def on_bind(self, server_port: int) -> None:
        """Say where everything is, now that the server listens."""
        host = "localhost" if self.addr in ALL_ADDRESSES else self.addr
        root = f"{self.protocol}://{f'[{host}]' if ':' in host else host}:{server_port}"
        pages = "\n".join(f"  {name:<9}{root}{reverse(view)}" for name, view in PAGES.items())
        self.stdout.write(
            f"\nBTick is running, on a server for development.\n\n{pages}\n\n"
            f"{account_table(usable_accounts())}\n\n{NOTES}\n"
        )
        self.stdout.flush()


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Within the block, the environment has these `variables`, whatever it had before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
