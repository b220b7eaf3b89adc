"""What moving an event does to its holds: `expires_at` is that of a hold made at the edit.

BOOKING_HOLD_MINUTES alone counts from the moment the booking was placed.
"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError

from apps.bookings.models import Booking
from tests.common.helpers import iso, snapshot, unchanged
from tests.events.helpers import fresh, member_of, patch, url
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

PLACED = datetime(2031, 3, 10, 12, tzinfo=UTC)
NOW = PLACED + timedelta(hours=6)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(PLACED, tick=False) as traveller:
        yield traveller


@pytest.fixture
def event():
    return EventFactory(starts_at=PLACED + 30 * DAY)


@pytest.fixture
def ticket(event):
    return EventsTicketFactory(event=event)


@pytest.fixture
def hold(ticket):
    return BookingFactory(event_ticket=ticket)


def move(event, starts_in, at=NOW, **changes):
    """Edit the event at a moment so that it starts that long after it."""
    with time_machine.travel(at, tick=False):
        starts_at = at + starts_in
        moments = {"starts_at": iso(starts_at), "ends_at": iso(starts_at + HOUR)}
        return patch(member_of(event.organization), event, **{**moments, **changes})


@pytest.mark.parametrize(
    ("starts_in", "expires_in"),
    [
        (60 * DAY, 59 * DAY),
        (2 * DAY, DAY),
        (DAY + HOUR + MINUTE, HOUR + MINUTE),
        (DAY + HOUR, HOUR),
        (DAY + MINUTE, HOUR),
        (5 * HOUR, HOUR),
        (HOUR, HOUR),
        (HOUR - MINUTE, HOUR - MINUTE),
        (MINUTE, MINUTE),
    ],
)
def test_a_hold_lasts_until_a_day_before_the_event_or_an_hour_from_the_edit(
    event, hold, starts_in, expires_in
):
    assert move(event, starts_in).status_code == 200
    assert fresh(hold).expires_at == NOW + expires_in


@pytest.mark.parametrize(
    ("minutes", "starts_in", "expires_at"),
    [
        # The edit comes six hours after the booking.
        (7 * 60, 60 * DAY, PLACED + 7 * HOUR),
        (7 * 60, 5 * HOUR, NOW + HOUR),
        (7 * 60 + 30, 5 * HOUR, NOW + HOUR),
        (6 * 60 + 30, 5 * HOUR, NOW + HOUR / 2),
        (7 * 60, MINUTE, NOW + MINUTE),
        (60 * 24 * 365, 60 * DAY, NOW + 59 * DAY),
    ],
)
def test_booking_hold_minutes_count_from_the_placing(
    settings, event, ticket, minutes, starts_in, expires_at
):
    settings.BOOKING_HOLD_MINUTES = minutes
    hold = BookingFactory(event_ticket=ticket)
    assert move(event, starts_in).status_code == 200
    assert fresh(hold).expires_at == expires_at


def test_each_hold_has_its_own_limit(settings, event, ticket, clock):
    settings.BOOKING_HOLD_MINUTES = 60 * 24
    first = BookingFactory(event_ticket=ticket)
    clock.shift(HOUR)
    second = BookingFactory(event_ticket=EventsTicketFactory(event=event))
    move(event, 60 * DAY)
    assert fresh(first).expires_at == PLACED + DAY
    assert fresh(second).expires_at == PLACED + DAY + HOUR


def test_a_put_and_an_offset_move_it_too(event, hold):
    client = member_of(event.organization)
    body = client.get(url(event)).json()
    starts_at = "2031-05-01T20:00:00+02:00"
    response = client.put(
        url(event), {**body, "starts_at": starts_at, "ends_at": "2031-05-01T21:00:00Z"}
    )
    assert response.status_code == 200
    assert fresh(hold).expires_at == datetime(2031, 4, 30, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires_at", "moves"),
    [(NOW - DAY, False), (NOW, False), (NOW + TICK, True), (NOW + 90 * DAY, True), (None, True)],
)
def test_a_hold_that_has_run_out_is_not_brought_back(event, hold, expires_at, moves):
    Booking.objects.update(expires_at=expires_at)
    (before,) = Booking.objects.values()
    move(event, 60 * DAY)
    if moves:
        assert fresh(hold).expires_at == NOW + 59 * DAY
    else:
        assert list(Booking.objects.values()) == [before]


def test_only_holds_of_this_event_move(event, ticket, hold):
    BookingFactory(event_ticket=ticket, confirmed=True)
    BookingFactory(event_ticket=ticket, cancelled=True)
    BookingFactory(event_ticket__event__organization=event.organization)
    before = snapshot()[Booking]
    move(event, 60 * DAY)
    after = snapshot()[Booking]
    assert after[0]["id"] == hold.pk
    assert after[0]["expires_at"] == NOW + 59 * DAY
    assert after[1:] == before[1:]


def test_nothing_but_the_expiry_changes(event, hold):
    (before,) = Booking.objects.values()
    move(event, 60 * DAY)
    (after,) = Booking.objects.values()
    assert after == {**before, "expires_at": NOW + 59 * DAY, "updated_at": NOW}
    assert fresh(hold.event_ticket).sold == 2


@pytest.mark.parametrize(
    "changes",
    [
        lambda event: {"title": "New"},
        lambda event: {"ends_at": iso(event.ends_at + HOUR)},
        lambda event: {"starts_at": iso(event.starts_at)},
        # The same moment by another clock.
        lambda event: {"starts_at": "2031-04-09T14:00:00+02:00"},
    ],
    ids=["title", "ends_at", "same moment", "same moment elsewhere"],
)
def test_holds_stay_where_the_start_stays(event, hold, changes):
    Booking.objects.update(expires_at=NOW + MINUTE)
    before = snapshot()[Booking]
    with time_machine.travel(NOW, tick=False):
        response = patch(member_of(event.organization), event, **changes(event))
    assert response.status_code == 200
    assert snapshot()[Booking] == before


def test_holds_stay_where_the_move_is_refused(event, hold):
    client = member_of(event.organization)
    with unchanged():
        starts_at = iso(PLACED + 40 * DAY)
        ends_at = iso(PLACED + 41 * DAY)
        refused = [
            {"starts_at": starts_at},
            {"starts_at": iso(PLACED - DAY)},
            {"starts_at": starts_at, "ends_at": ends_at, "capacity": 1},
            {"starts_at": starts_at, "ends_at": ends_at, "title": ""},
        ]
        for changes in refused:
            assert patch(client, event, **changes).status_code == 400, changes


def test_event_and_holds_move_together_or_not_at_all(event, hold, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError

    client = member_of(event.organization)
    monkeypatch.setattr("apps.bookings.receivers.reschedule_holds", fail)
    with unchanged():
        assert patch(client, event, starts_at=iso(PLACED + 20 * DAY)).status_code == 503


def test_a_draft_may_move_into_the_past_and_then_its_holds_end_with_its_start():
    event = EventFactory(draft=True)
    hold = BookingFactory(event_ticket__event=event)
    assert move(event, -DAY).status_code == 200
    assert fresh(hold).expires_at == NOW - DAY
