"""Work that no answer waits for."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)

# Its threads start with the first work, so after a server has forked its workers, and finish what
# they were given before the process ends.
_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="background")


def in_background(work: Callable[[], None]) -> None:
    """Have `work` done in a thread of this process, or at once with RUN_IN_BACKGROUND off.

    Either way nothing of it reaches the caller: what it raises is logged.
    """
    if settings.RUN_IN_BACKGROUND:
        _executor.submit(partial(_run_and_disconnect, work))
    else:
        _run(work)


def _run_and_disconnect(work: Callable[[], None]) -> None:
    try:
        _run(work)
    finally:
        connections.close_all()


def _run(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        logger.exception("Work in the background failed")
