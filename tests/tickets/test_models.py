"""What the database itself refuses, whoever writes."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.tickets.models import EventsTicket
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

# SQLite names the column when its own check comes first.
VIOLATIONS = [
    ({"price": "-0.01"}, "eventsticket_price_not_negative"),
    ({"quota": -1}, "eventsticket_quota_not_negative|: quota$"),
    ({"sold": -1}, "eventsticket_sold_within_quota|: sold$"),
    ({"sold": 11}, "eventsticket_sold_within_quota"),
    ({"quota": 3}, "eventsticket_sold_within_quota"),
    ({"ticket_type": "BALCONY"}, "eventsticket_type_valid"),
    ({"ticket_type": "vip"}, "eventsticket_type_valid"),
    ({"ticket_type": ""}, "eventsticket_type_valid"),
]


@pytest.mark.parametrize(("changes", "constraint"), VIOLATIONS)
def test_an_update_past_the_rules_is_refused(changes, constraint):
    ticket = EventsTicketFactory(quota=10, sold=4)
    with unchanged(), pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        EventsTicket.objects.filter(pk=ticket.pk).update(**changes)


@pytest.mark.parametrize(("changes", "constraint"), VIOLATIONS)
def test_an_insert_past_the_rules_is_refused(changes, constraint):
    event = EventFactory()
    values = {"ticket_type": "VIP", "price": "1.00", "quota": 10, "sold": 4, **changes}
    with unchanged(), pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        EventsTicket.objects.bulk_create([EventsTicket(event=event, **values)])


@pytest.mark.parametrize(
    "changes",
    [{"price": 0}, {"sold": 0}, {"sold": 10}, {"quota": 4}, {"sold": 0, "quota": 0}],
)
def test_the_bounds_themselves_are_accepted(changes):
    ticket = EventsTicketFactory(quota=10, sold=4)
    EventsTicket.objects.filter(pk=ticket.pk).update(**changes)
    assert EventsTicket.objects.filter(**changes).exists()


@pytest.mark.parametrize("ticket_type", ["STANDARD", "VIP", "EARLY_BIRD", "STUDENT", "GROUP"])
def test_every_type_is_accepted(ticket_type):
    EventsTicketFactory(ticket_type=ticket_type)
    assert EventsTicket.objects.get().ticket_type == ticket_type


def test_there_is_no_other_type():
    assert EventsTicket.Type.values == ["STANDARD", "VIP", "EARLY_BIRD", "STUDENT", "GROUP"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": "-0.01"}, "price"),
        ({"price": "1.005"}, "price"),
        ({"price": "100000000"}, "price"),
        ({"quota": -1}, "quota"),
        ({"quota": 2_147_483_648}, "quota"),
        ({"ticket_type": "BALCONY"}, "ticket_type"),
    ],
)
def test_forms_are_told_which_field_is_wrong(changes, field):
    ticket = EventsTicketFactory(quota=10, sold=4)
    for name, value in changes.items():
        setattr(ticket, name, value)
    with pytest.raises(ValidationError) as error:
        ticket.full_clean()
    assert field in error.value.message_dict


def test_sold_starts_at_zero_and_a_type_says_what_it_is():
    ticket = EventsTicket.objects.create(
        event=EventFactory(title="First night"), ticket_type="VIP", price="1.00", quota=1
    )
    assert ticket.sold == 0
    assert str(ticket) == "VIP for First night"


def test_an_event_is_deleted_with_its_types_but_not_with_bookings():
    bare, booked = EventsTicketFactory(), BookingFactory(cancelled=True).event_ticket
    bare.event.delete()
    assert list(EventsTicket.objects.all()) == [booked]
    with unchanged(), pytest.raises(ProtectedError):
        booked.event.delete()
