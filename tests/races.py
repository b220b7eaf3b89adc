"""Collisions on purpose: two transactions on PostgreSQL, the second caught while the first is open.

Nobody sleeps and hopes: the first is held just before its COMMIT until the server reports that
the second waits for a lock, or the second has finished without one.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from apps.common.queries import CompiledLookup, Statement
from apps.common.querysets import LockingQuerySet

DEADLINE_SECONDS = 20

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def race(first: Callable[[], Any], *others: Callable[[], Any]) -> list[Any]:
    """Run `first` up to its COMMIT, the others against it in threads, then let it commit.

    The others start one by one, each once those before it wait or are done.
    Returns what each returned, or the exception it raised, `first`'s first.
    """
    with ThreadPoolExecutor(len(others)) as pool:
        with transaction.atomic():
            outcome = _outcome(first)
            futures = []
            for number, other in enumerate(others, start=1):
                futures.append(pool.submit(_in_thread, other))
                _wait_until_caught(futures, number)
        return [outcome, *(future.result(DEADLINE_SECONDS) for future in futures)]


@contextmanager
def unlocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shipped code with its row locks switched off: what it would do without them."""
    with monkeypatch.context() as patch:
        patch.setattr(LockingQuerySet, "for_update", lambda self, **kwargs: self.order_by("pk"))
        patch.setattr(CompiledLookup, "_compiled", lambda self: Statement(self.queryset()))
        yield


def _in_thread(call: Callable[[], Any]) -> Any:
    try:
        return _outcome(call)
    finally:
        connections.close_all()


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


def _wait_until_caught(futures: list[Future[Any]], number: int) -> None:
    """Return once `number` of the threads wait for a lock or are done."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    # A connection of its own: inside a transaction the server's view of activity stands still.
    observer = connection.copy()
    with closing(observer), observer.cursor() as cursor:
        while True:
            done = sum(future.done() for future in futures)
            cursor.execute(WAITING)
            if done + cursor.fetchone()[0] >= number:
                return
            if time.monotonic() > deadline:
                raise TimeoutError("The second transaction neither waits nor ends.")
            time.sleep(0.002)
