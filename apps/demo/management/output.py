"""What the demo's commands show on a terminal."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Self

from django.core.management.base import OutputWrapper

from apps.demo.accounts import PASSWORD, Account
from apps.demo.services import Numbers

BAR_WIDTH = 30

KINDS = {
    "users": "users",
    "orgs": "organizations",
    "venues": "venues",
    "cats": "event categories",
    "events": "events",
    "bookings": "bookings",
}


class ProgressBar:
    """A bar on one line of `stream`; nothing at all where `stream` is not a terminal.

    As a context it ends the line also when the work did not come to its end.
    """

    def __init__(self, stream: OutputWrapper, *, label: str, total: int) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._is_in_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_in_line:
            self._stream.write("\n", str, ending="")

    def show(self, done: int) -> None:
        """Draw the bar for `done` of the total, which ends the line when it is reached."""
        if not self._stream.isatty():
            return
        bar = ("#" * (BAR_WIDTH * done // self._total)).ljust(BAR_WIDTH, ".")
        line = f"\r{self._label} [{bar}] {done:,} of {self._total:,}"
        self._is_in_line = done < self._total
        # Not in the colour of errors, which is that of stderr otherwise.
        self._stream.write(line, str, ending="" if self._is_in_line else "\n")
        self._stream.flush()


def list_numbers(numbers: Numbers) -> str:
    """How many of each kind, in a line."""
    return ", ".join(f"{KINDS[name]} {number}" for name, number in asdict(numbers).items())


def account_table(accounts: Iterable[Account]) -> str:
    """Log-ins to try, one a line under a heading."""
    rows = [("Log in as", "Password", "Role")]
    rows += [(account.email, PASSWORD, account.description) for account in accounts]
    return "\n".join(f"  {email:<22}{password:<13}{role}" for email, password, role in rows)
