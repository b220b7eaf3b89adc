"""How often somebody may try, counted where all workers count together: in the cache."""

import hashlib
import ipaddress
import time
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

SECONDS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def parse_rate(rate: str) -> tuple[int, int]:
    """The number and the seconds of a rate such as 10/min. Raises ValueError for anything else."""
    number, _, period = rate.partition("/")
    if period[:1] not in SECONDS:
        raise ValueError(f"{rate!r} is not a number per second, minute, hour or day")
    return int(number), SECONDS[period[:1]]


class AttemptThrottle(BaseThrottle):
    """Limits attempts by client address and by account, in windows of a fixed length.

    The rates are DEFAULT_THROTTLE_RATES[scope] for an address and [scope + "_account"] for an
    account, none where there is none. The view says the scope in `throttle_scope` and the account
    in `throttle_account(request)`, existing or not, or None where the request names none.

    What its address has been refused does not count against the account, and no window grows
    longer by further attempts. Windows begin at multiples of their length: around a border twice
    the rate may pass.
    """

    def __init__(self) -> None:
        self._refused_until = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        scope = view.throttle_scope
        if not scope:
            return True
        if not self._count(scope, network_of(self.get_ident(request))):
            return False
        scope = f"{scope}_account"
        if not _rate_of(scope):
            return True
        account = view.throttle_account(request)
        return account is None or self._count(scope, account)

    def wait(self) -> float:
        return max(self._refused_until - time.time(), 1)

    def _count(self, scope: str, who: str) -> bool:
        """Count one more attempt, and tell whether the rate allows it."""
        rate = _rate_of(scope)
        if not rate:
            return True
        limit, length = parse_rate(rate)
        window = int(time.time() // length)
        self._refused_until = float((window + 1) * length)
        digest = hashlib.sha256(who.encode()).hexdigest()
        # Twice its length, so that no key ends while it is counted.
        return _increment(f"throttle:{scope}:{digest}:{window}", timeout=2 * length) <= limit


def network_of(address: str | None) -> str:
    """What one client has for itself: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if ip.version == 4 or ip.ipv4_mapped:
        return str(getattr(ip, "ipv4_mapped", None) or ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _rate_of(scope: str) -> str | None:
    rates: Any = api_settings.DEFAULT_THROTTLE_RATES
    return rates.get(scope)


def _increment(key: str, timeout: int) -> int:
    """The number of times that this key has been counted; no two workers get the same."""
    while True:
        try:
            return cache.incr(key)
        except ValueError:
            if cache.add(key, 1, timeout):
                return 1
