"""What the demo's commands show on a terminal."""

from collections.abc import Iterable

from django.core.management.base import OutputWrapper

from apps.demo.accounts import PASSWORD, Account

BAR_WIDTH = 30


class ProgressBar:
    """A bar on one line of `stream`; nothing at all where `stream` is not a terminal."""

    def __init__(self, stream: OutputWrapper, *, label: str, total: int) -> None:
        self._stream = stream
        self._label = label
        self._total = total

    def show(self, done: int) -> None:
        """Draw the bar for `done` of the total, which ends the line when it is reached."""
        if not self._stream.isatty():
            return
        bar = ("#" * (BAR_WIDTH * done // self._total)).ljust(BAR_WIDTH, ".")
        line = f"\r{self._label} [{bar}] {done:,} of {self._total:,}"
        # Not in the colour of errors, which is that of stderr otherwise.
        self._stream.write(line, str, ending="\n" if done == self._total else "")
        self._stream.flush()


def account_table(accounts: Iterable[Account]) -> str:
    """Log-ins to try, one a line under a heading."""
    rows = [("Log in as", "Password", "Role")]
    rows += [(account.email, PASSWORD, account.description) for account in accounts]
    return "\n".join(f"  {email:<22}{password:<13}{role}" for email, password, role in rows)
