from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register

from .throttling import parse_rate

# Their increments get lost when two workers count at once, or they keep nothing.
CANNOT_COUNT = {
    "django.core.cache.backends.db.DatabaseCache",
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.filebased.FileBasedCache",
}
PER_PROCESS = "django.core.cache.backends.locmem.LocMemCache"


def _rates() -> dict[str, str]:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    return {scope: rate for scope, rate in rates.items() if rate}


@register
def check_throttle_rates(**kwargs: Any) -> list[CheckMessage]:
    """Every rate can be read, and the cache counts attempts as they come."""
    found: list[CheckMessage] = []
    for scope, rate in _rates().items():
        try:
            parse_rate(rate)
        except ValueError as error:
            found.append(Error(f"The rate of {scope}: {error}.", id="btick.E001"))
    backend = settings.CACHES["default"]["BACKEND"]
    if _rates() and backend in CANNOT_COUNT:
        found.append(Error(f"{backend} cannot count attempts: see CACHE_URL.", id="btick.E002"))
    return found


@register(deploy=True)
def check_shared_cache(**kwargs: Any) -> list[CheckMessage]:
    """Limits are for the installation, not for each of its workers."""
    if not _rates() or settings.CACHES["default"]["BACKEND"] != PER_PROCESS:
        return []
    message = "Attempts are counted by each worker alone: name a shared cache in CACHE_URL."
    return [Info(message, id="btick.I001")]
