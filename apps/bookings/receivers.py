"""What bookings do when an event or an account changes, in the transaction that changes it."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.signals import account_closing, account_exported
from apps.events.models import Event
from apps.events.signals import event_cancelled, event_rescheduled

from .serializers import BookingSerializer
from .services import cancel_bookings_of_event, cancel_holds_of_user, reschedule_holds


@receiver(account_closing)
def on_account_closing(*, user: User, **kwargs: Any) -> None:
    cancel_holds_of_user(user=user)


@receiver(account_exported)
def on_account_exported(*, user: User, **kwargs: Any) -> dict[str, Any]:
    # Without their history, which names others.
    context = {"with_history": False}
    bookings = user.bookings.with_details()
    return {"bookings": BookingSerializer(bookings, many=True, context=context).data}


@receiver(event_cancelled)
def on_event_cancelled(*, event: Event, actor: User | None, now: datetime, **kwargs: Any) -> None:
    cancel_bookings_of_event(event=event, actor=actor, now=now)


@receiver(event_rescheduled)
def on_event_rescheduled(*, event: Event, now: datetime, **kwargs: Any) -> None:
    reschedule_holds(event=event, now=now)
