"""Events as iCalendar (RFC 5545), for calendars that people subscribe to."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from icalendar import Calendar, vCalAddress
from icalendar import Event as Entry
from rest_framework.renderers import BaseRenderer

from .models import Event

PRODUCT = "-//BTick//BTick//EN"
STATUS = {
    Event.Status.DRAFT: "TENTATIVE",
    Event.Status.PUBLISHED: "CONFIRMED",
    Event.Status.CANCELLED: "CANCELLED",
}
# What iCalendar has no place for, be it escaped.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class CalendarRenderer(BaseRenderer):
    """Names the type of a file that its view writes."""

    media_type = "text/calendar"
    format = "ics"


def calendar_of(events: Iterable[Event], *, host: str) -> bytes:
    """A calendar of `events` from `Event.objects.with_names()`.

    An event has the same UID whenever it is asked for by the same `host`, so that calendars know
    it again.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    for event in events:
        calendar.add_component(_entry(event, host))
    return calendar.to_ical()


def _entry(event: Event, host: str) -> Entry:
    entry = Entry()
    entry.add("uid", f"event-{event.pk}@{host}")
    entry.add("dtstamp", event.updated_at)
    entry.add("dtstart", event.starts_at)
    entry.add("dtend", event.ends_at)
    entry.add("summary", _text(event.title))
    if event.description:
        entry.add("description", _text(event.description))
    entry.add("location", _text(", ".join(filter(None, (event.venue.name, event.venue.address)))))
    entry.add("status", STATUS[Event.Status(event.status)])
    organization = event.organization
    if organization.contact_email:
        address = vCalAddress(f"mailto:{quote(organization.contact_email, safe='@+')}")
        entry.add("organizer", address, parameters={"CN": _text(organization.name)})
    return entry


def _text(text: str) -> str:
    """`text` with one sign for the end of a line, and without what no calendar can read."""
    return CONTROL_CHARACTERS.sub("", "\n".join(text.splitlines()))
