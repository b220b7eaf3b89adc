"""What bookings do when an event changes, in the transaction that changed it."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.events.models import Event
from apps.events.signals import event_cancelled, event_rescheduled

from .services import cancel_bookings_of_event, reschedule_holds


@receiver(event_cancelled)
def on_event_cancelled(*, event: Event, actor: User | None, now: datetime, **kwargs: Any) -> None:
    cancel_bookings_of_event(event=event, actor=actor, now=now)


@receiver(event_rescheduled)
def on_event_rescheduled(*, event: Event, now: datetime, **kwargs: Any) -> None:
    reschedule_holds(event=event, now=now)
