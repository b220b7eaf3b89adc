"""Filling the database with a demo, and emptying it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.accounts.models import User
from apps.bookings.models import Booking, BookingTransition
from apps.events.models import Event, EventCategory
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.tickets.services import recount
from apps.venues.models import Venue

from .accounts import ADMIN, PASSWORD, SEEDED_ACCOUNTS, Account
from .generators import Generator, Order, People, Show

BATCH_SIZE = 5000

T = TypeVar("T")
M = TypeVar("M", bound=Model)


class ImpossibleNumbers(Exception):
    """These numbers of rows cannot be made; the message says why in one line."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How many rows of each kind to make. Raises ImpossibleNumbers when one is negative."""

    users: int = 20
    orgs: int = 5
    venues: int = 6
    cats: int = 6
    events: int = 12
    bookings: int = 80

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            if number < 0:
                raise ImpossibleNumbers(f"--{name} cannot be negative.")


@transaction.atomic
def seed(
    numbers: Numbers,
    *,
    flush: bool = False,
    random_seed: int | None = None,
    on_progress: Callable[[int], None] = lambda _bookings_made: None,
) -> None:
    """Make exactly these `numbers` of rows, all of them or none (§8). Raises ImpossibleNumbers.

    Without `flush`, what is in the database stays and takes part: its active accounts other than
    superusers join the new organizations and book, and the new events take its organizations,
    venues or categories where `numbers` asks for none. Bookings are on new events only.
    """
    if flush:
        flush_data()
    generator = Generator(random_seed=random_seed, now=timezone.now())
    people = _make_people(generator, numbers.users)
    _check(numbers, people)
    organizations = _make_organizations(generator, numbers.orgs, people)
    categories = generator.categories(numbers.cats, taken=_names(EventCategory))
    venues = generator.venues(numbers.venues, taken=_names(Venue))
    shows = generator.shows(
        numbers.events,
        organizations or _existing(Organization),
        venues or _existing(Venue),
        categories or _existing(EventCategory),
    )
    orders = generator.orders(numbers.bookings, shows, people)
    generator.make_room(shows)
    _insert(EventCategory, categories)
    _insert(Venue, venues)
    tickets = _save_shows(shows)
    _save_bookings(generator, orders, people, on_progress)
    _recount(tickets)


@transaction.atomic
def flush_data() -> None:
    """Delete everything but superusers, with their tokens and admin log, and groups.

    The tokens stay because one that was revoked would come to life again without its entry.
    """
    people = User.objects.filter(is_superuser=False)
    # The one way round its own refusal.
    QuerySet.delete(BookingTransition.objects.all())
    # Whatever refers to others goes before them.
    for rows in (
        Booking.objects.all(),
        EventsTicket.objects.all(),
        Event.objects.all(),
        EventCategory.objects.all(),
        Venue.objects.all(),
        Membership.objects.all(),
        Organization.objects.all(),
        OutstandingToken.objects.filter(Q(user=None) | Q(user__in=people)),
        people,
    ):
        rows.delete()


def is_empty() -> bool:
    """Whether nobody has begun to use this database: no organization, no account but superusers."""
    return not (User.objects.filter(is_superuser=False).exists() or Organization.objects.exists())


def usable_accounts() -> list[Account]:
    """Those of the well-known accounts that exist, as described, with the documented password."""
    accounts = (ADMIN, *SEEDED_ACCOUNTS)
    emails = [account.email for account in accounts]
    users = User.objects.filter(is_active=True).in_bulk(emails, field_name="email")
    return [
        account
        for account in accounts
        if (user := users.get(account.email))
        and account.is_described(user)
        and user.check_password(PASSWORD)
    ]


def _check(numbers: Numbers, people: People) -> None:
    if (numbers.orgs or numbers.events or numbers.bookings) and not people.everybody:
        raise ImpossibleNumbers("Organizations, events and bookings need users: see --users.")
    if numbers.events:
        for option, asked, model in (
            ("orgs", numbers.orgs, Organization),
            ("venues", numbers.venues, Venue),
            ("cats", numbers.cats, EventCategory),
        ):
            if not asked and not model._default_manager.exists():
                raise ImpossibleNumbers(
                    f"Events need {model._meta.verbose_name_plural}: see --{option}."
                )
    if numbers.bookings and not numbers.events:
        raise ImpossibleNumbers("Bookings need new events to be on: see --events.")
    if numbers.bookings and not people.customers:
        raise ImpossibleNumbers("Bookings need a user who is not a support agent: see --users.")


def _make_people(generator: Generator, number: int) -> People:
    existing = list(User.objects.filter(is_superuser=False, is_active=True).order_by("pk"))
    taken = set(User.objects.values_list("email", flat=True))
    users = generator.users(number, taken=taken)
    _insert(User, users)
    return People([*existing, *users])


def _make_organizations(generator: Generator, number: int, people: People) -> list[Organization]:
    organizations = generator.organizations(number, taken=_names(Organization))
    _insert(Organization, organizations)
    _insert(Membership, generator.memberships(organizations, people))
    return organizations


def _save_shows(shows: Iterable[Show]) -> list[EventsTicket]:
    tickets = [offer.ticket for show in shows for offer in show.offers]
    _insert(Event, [show.event for show in shows])
    _insert(EventsTicket, tickets)
    return tickets


def _save_bookings(
    generator: Generator,
    orders: Iterable[Order],
    people: People,
    on_progress: Callable[[int], None],
) -> None:
    made = 0
    for batch in _batches(generator.bookings(orders)):
        _insert(Booking, batch)
        history = (generator.history(booking, people) for booking in batch)
        _insert(BookingTransition, list(chain.from_iterable(history)))
        made += len(batch)
        on_progress(made)


def _recount(tickets: Iterable[EventsTicket]) -> None:
    # In batches, because SQLite limits the parameters of a statement.
    for batch in _batches(tickets):
        recount(EventsTicket.objects.filter(pk__in=[ticket.pk for ticket in batch]))


def _insert(model: type[M], rows: list[M]) -> None:
    """Insert `rows`, which get their ids."""
    model._default_manager.bulk_create(rows, batch_size=BATCH_SIZE)


def _existing(model: type[M]) -> list[M]:
    return list(model._default_manager.order_by("pk"))


def _names(model: type[Model]) -> QuerySet[Any, str]:
    return model._default_manager.values_list("name", flat=True)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch
