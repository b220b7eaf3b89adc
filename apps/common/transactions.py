"""The transaction that every service runs in."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 4
LONGEST_FIRST_PAUSE_SECONDS = 0.02

# Of PostgreSQL and what speaks its language: serialization failure, deadlock detected.
RETRYABLE_STATES = {"40001", "40P01"}


def atomic(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction, and again when the database has rolled it back as one of
    two that stood in each other's way.

    Inside another transaction it runs once, because only the outermost can start again. Raises
    OperationalError when the last attempt fails as well.
    """
    attempt_once = transaction.atomic(function)

    @wraps(function)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> R:
        for failures in range(1, ATTEMPTS):
            try:
                return attempt_once(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not _is_retryable(error):
                    raise
                # Chance keeps two that have collided from doing so again.
                time.sleep(random.uniform(0, LONGEST_FIRST_PAUSE_SECONDS * 2**failures))  # noqa: S311
        return attempt_once(*args, **kwargs)

    return attempt


def _is_retryable(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in RETRYABLE_STATES
