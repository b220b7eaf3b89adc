"""What venues do when an account is closed or copied."""

from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.signals import account_closing, account_exported


@receiver(account_closing)
def on_account_closing(*, user: User, **kwargs: Any) -> None:
    user.managed_venues.clear()


@receiver(account_exported)
def on_account_exported(*, user: User, **kwargs: Any) -> dict[str, Any]:
    return {"venues": list(user.managed_venues.values("id", "name"))}
