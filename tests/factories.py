"""Rows for tests: valid, as few as possible, and consistent as the services leave them."""

from datetime import timedelta
from typing import Any

import factory
from django.db.models import F
from django.utils import timezone
from factory.django import DjangoModelFactory, Password

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.events.models import Event, EventCategory
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue

PASSWORD = "password123"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    password = Password(PASSWORD)

    class Params:
        admin = factory.Trait(is_staff=True, is_superuser=True)
        support = factory.Trait(is_support=True)


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = Membership.Role.MEMBER


class VenueFactory(DjangoModelFactory):
    class Meta:
        model = Venue

    name = factory.Sequence(lambda n: f"Venue {n}")
    capacity = 1000


class EventCategoryFactory(DjangoModelFactory):
    class Meta:
        model = EventCategory

    name = factory.Sequence(lambda n: f"Category {n}")


class EventFactory(DjangoModelFactory):
    """A published event in thirty days; with `draft`, `cancelled`, `running` or `over` another."""

    class Meta:
        model = Event

    organization = factory.SubFactory(OrganizationFactory)
    venue = factory.SubFactory(VenueFactory)
    category = factory.SubFactory(EventCategoryFactory)
    title = factory.Sequence(lambda n: f"Event {n}")
    starts_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=30))
    ends_at = factory.LazyAttribute(lambda event: event.starts_at + timedelta(hours=2))
    status = Event.Status.PUBLISHED
    published_at = factory.LazyAttribute(
        lambda event: None if event.status == Event.Status.DRAFT else timezone.now()
    )

    class Params:
        draft = factory.Trait(status=Event.Status.DRAFT)
        cancelled = factory.Trait(status=Event.Status.CANCELLED)
        running = factory.Trait(
            starts_at=factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1))
        )
        over = factory.Trait(
            starts_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1))
        )


class EventsTicketFactory(DjangoModelFactory):
    class Meta:
        model = EventsTicket

    event = factory.SubFactory(EventFactory)
    ticket_type = EventsTicket.Type.STANDARD
    price = "25.00"
    quota = 100


class BookingFactory(DjangoModelFactory):
    """A PENDING booking of two tickets, counted in `sold`; with `run_out`, past its expiry."""

    class Meta:
        model = Booking

    user = factory.SubFactory(UserFactory)
    event_ticket = factory.SubFactory(EventsTicketFactory)
    quantity = 2
    status = Booking.Status.PENDING

    class Params:
        confirmed = factory.Trait(
            status=Booking.Status.CONFIRMED, confirmed_at=factory.LazyFunction(timezone.now)
        )
        cancelled = factory.Trait(
            status=Booking.Status.CANCELLED,
            cancellation_reason=Booking.CancellationReason.CUSTOMER,
            cancelled_at=factory.LazyFunction(timezone.now),
        )
        run_out = factory.Trait(
            expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(minutes=1))
        )

    @classmethod
    def _create(cls, model_class: type[Booking], *args: Any, **kwargs: Any) -> Booking:
        booking = super()._create(model_class, *args, **kwargs)
        if booking.status != Booking.Status.CANCELLED:
            ticket = booking.event_ticket
            type(ticket).objects.filter(pk=ticket.pk).update(sold=F("sold") + booking.quantity)
            ticket.refresh_from_db(fields=["sold"])
        return booking
