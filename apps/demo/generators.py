"""Made-up rows, linked to each other but not saved: nothing here touches the database."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, count, cycle, islice, repeat
from random import Random
from typing import Any, NamedTuple

from django.contrib.auth.hashers import make_password
from django.utils.text import slugify
from faker import Faker

from apps.accounts.models import User
from apps.bookings.models import Booking, BookingTransition, unlimited_hold_expiry
from apps.bookings.querysets import HOLDING
from apps.common.models import MAX_NAME_LENGTH
from apps.events.models import Event, EventCategory
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue

from .accounts import CUSTOMER, OWNER, PASSWORD, SEEDED_ACCOUNTS, SUPPORT

Role = Membership.Role
Status = Booking.Status
Type = EventsTicket.Type
Reason = Booking.CancellationReason

CATEGORIES = ("Music", "Theatre", "Sport", "Technology", "Comedy", "Film", "Food", "Literature")
OCCASIONS = ("Festival", "Gala", "Night", "Weekend", "Fair", "Summit", "Marathon", "Show")
BUILDINGS = ("Arena", "Hall", "Theatre", "Stadium", "Pavilion", "Club", "Gardens")
VENUE_CAPACITIES = (1000, 2000, 5000, 20_000)

# Enough for each role to be taken, whatever the number of users allows.
SMALLEST_TEAM = 3
LARGEST_TEAM = 5

# Of an event's basic price. No two are the same, so the prices of an event all differ.
PRICE_FACTORS = {
    Type.STANDARD: Decimal("1.00"),
    Type.VIP: Decimal("2.50"),
    Type.EARLY_BIRD: Decimal("0.80"),
    Type.STUDENT: Decimal("0.60"),
    Type.GROUP: Decimal("0.75"),
}
QUOTAS = (40, 60, 100, 150, 200)

QUANTITIES = (2, 2, 2, 3, 4, 6)
STATUS_WEIGHTS = {Status.PENDING: 3, Status.CONFIRMED: 5, Status.CANCELLED: 2}
# Neither EXPIRED nor EVENT_CANCELLED: the holds have time left, and no event is cancelled.
REASONS = (Reason.CUSTOMER, Reason.SUPPORT, Reason.REFUNDED)


class Names:
    """Hands out names that differ from each other and from the `taken` ones in any letter case."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.lower() for name in taken}

    def claim(self, name: str, *, separator: str = " ", ending: str = "") -> str:
        """`name` and `ending`, with the first free number from 2 on between them if need be."""
        numbered = (f"{name}{separator}{number}{ending}" for number in count(2))
        candidates = chain([name + ending], numbered)
        free = next(candidate for candidate in candidates if candidate.lower() not in self._taken)
        self._taken.add(free.lower())
        return free


class People:
    """What the given users are there for.

    Teams of organizations are made of `regulars`. Those in `reserve`, support agents last, only
    fill a team that would be too small: they are there to show what outsiders see. All of
    `customers` may book; the well-known one is the first. `agent` is of support, if anybody is.
    """

    def __init__(self, users: Iterable[User]) -> None:
        self.everybody = sorted(users, key=lambda user: user.is_support)
        self.owner = next((user for user in self.everybody if user.email == OWNER.email), None)
        self.regulars = [user for user in self.everybody if not _is_reserved(user)]
        self.reserve = [user for user in self.everybody if _is_reserved(user)]
        customers = [user for user in self.everybody if not user.is_support]
        self.agent = next((user for user in self.everybody if user.is_support), None)
        self.customers = sorted(customers, key=lambda user: user.email != CUSTOMER.email)


def _is_reserved(user: User) -> bool:
    return user.is_support or user.email == CUSTOMER.email


@dataclass(eq=False)
class Offer:
    """A ticket type, and how many tickets its bookings hold."""

    ticket: EventsTicket
    held: int = 0


@dataclass(eq=False)
class Show:
    """An event and its ticket types; a `limited` one gets a capacity of its own."""

    event: Event
    offers: list[Offer]
    limited: bool

    @property
    def held(self) -> int:
        return sum(offer.held for offer in self.offers)

    @property
    def quota(self) -> int:
        return sum(offer.ticket.quota for offer in self.offers)


class Order(NamedTuple):
    """What becomes a Booking, in a fraction of its memory."""

    user: User
    offer: Offer
    quantity: int
    status: Status


class Generator:
    """Makes rows. The same `random_seed` and calls make the same rows, at times relative to `now`.

    Where the rule is that each of several kinds occurs, their positions decide, not chance.
    """

    def __init__(self, *, random_seed: int | None, now: datetime) -> None:
        self._now = now
        self._random = Random(random_seed)
        self._faker = Faker("en_US")
        self._faker.seed_instance(self._random.getrandbits(64))

    def users(self, number: int, *, taken: Collection[str]) -> list[User]:
        """Accounts with the demo's password: the well-known ones if not `taken`, then others."""
        known = [account.email for account in SEEDED_ACCOUNTS if account.email not in taken]
        # Hashing is slow on purpose, and this password is no secret: all share one hash.
        password, names = make_password(PASSWORD), Names(taken)
        emails = islice(chain(known, repeat(None)), number)
        return [self._user(email, names, password) for email in emails]

    def organizations(self, number: int, *, taken: Iterable[str]) -> list[Organization]:
        names = Names(taken)
        return [self._organization(names.claim(self._faker.company())) for _ in range(number)]

    def memberships(
        self, organizations: Sequence[Organization], people: People
    ) -> list[Membership]:
        """An OWNER for each organization, the well-known one for the first, then a MANAGER and
        MEMBERs as far as there are people.
        """
        memberships = []
        for position, organization in enumerate(organizations):
            team = self._team(people, owner=people.owner if position == 0 else None)
            roles = chain((Role.OWNER, Role.MANAGER), repeat(Role.MEMBER))
            memberships += [
                Membership(organization=organization, user=user, role=role)
                for user, role in zip(team, roles, strict=False)
            ]
        return memberships

    def venues(self, number: int, *, taken: Iterable[str]) -> list[Venue]:
        names = Names(taken)
        return [self._venue(names) for _ in range(number)]

    def categories(self, number: int, *, taken: Iterable[str]) -> list[EventCategory]:
        names = Names(taken)
        return [EventCategory(name=names.claim(name)) for name in islice(cycle(CATEGORIES), number)]

    def shows(
        self,
        number: int,
        organizations: Sequence[Organization],
        venues: Sequence[Venue],
        categories: Sequence[EventCategory],
    ) -> list[Show]:
        """Events at least two days ahead, two thirds of them PUBLISHED, the first one always.

        Their ticket types have a price but no quota yet.
        """
        shows = []
        for position in range(number):
            event = Event(
                organization=organizations[position % len(organizations)],
                venue=self._random.choice(venues),
                category=categories[position % len(categories)],
                description=self._faker.paragraph(),
                **self._schedule(),
            )
            event.title = self._title(event.category)
            if position % 3 != 1:
                event.status, event.published_at = Event.Status.PUBLISHED, self._now
            shows.append(Show(event, self._offers(event), limited=position % 2 == 0))
        return shows

    def orders(self, number: int, shows: Sequence[Show], people: People) -> list[Order]:
        """Bookings to be made on the published ones of `shows`, whose `held` takes note of them.

        The first three have one status each, and are the well-known customer's if there is one.
        """
        published = [show for show in shows if show.event.status == Event.Status.PUBLISHED]
        offers = [offer for show in published for offer in show.offers]
        draw = self._random.choices
        orders = [
            Order(*values)
            for values in zip(
                [*people.customers[:1] * 3, *draw(people.customers, k=number)][:number],
                draw(offers, k=number),
                draw(QUANTITIES, k=number),
                [*Status, *draw([*STATUS_WEIGHTS], [*STATUS_WEIGHTS.values()], k=number)][:number],
                strict=True,
            )
        ]
        for order in orders:
            if order.status in HOLDING:
                order.offer.held += order.quantity
        return orders

    def make_room(self, shows: Iterable[Show]) -> None:
        """Set quotas and capacities, on the scale of what is held.

        A venue that is in the database already stays as it is: where it has too little room, the
        event does without a capacity.
        """
        for show in shows:
            for offer in show.offers:
                offer.ticket.quota = max(self._random.choice(QUOTAS), offer.held + offer.held // 4)
            event, venue = show.event, show.event.venue
            if venue.pk is None:
                venue.capacity = max(venue.capacity, show.quota)
            if show.limited and show.held <= venue.capacity:
                event.capacity = min(venue.capacity, max(show.held, show.quota * 9 // 10))

    def bookings(self, orders: Iterable[Order]) -> Iterator[Booking]:
        """The rows of `orders`, one at a time: 100,000 at once would fill the memory."""
        for order in orders:
            ticket = order.offer.ticket
            yield Booking(
                user=order.user,
                event_ticket=ticket,
                quantity=order.quantity,
                unit_price=ticket.price,
                status=order.status,
                **self._traces(order.status, ticket.event),
            )

    def history(self, booking: Booking, people: People) -> Iterator[BookingTransition]:
        """How a saved `booking` came from PENDING to its status, and by whom."""
        before, reason = Status.PENDING, booking.cancellation_reason
        if booking.confirmed_at:
            yield self._transition(booking, before, Status.CONFIRMED, people.agent)
            before = Status.CONFIRMED
        if booking.status == Status.CANCELLED:
            actor = booking.user if reason == Reason.CUSTOMER else people.agent
            yield self._transition(booking, before, Status.CANCELLED, actor, reason)

    def _transition(
        self, booking: Booking, before: str, after: str, actor: User | None, reason: str = ""
    ) -> BookingTransition:
        return BookingTransition(
            booking=booking,
            from_status=before,
            to_status=after,
            actor=actor,
            reason=reason,
            at=self._now,
        )

    def _user(self, email: str | None, names: Names, password: str) -> User:
        first_name, last_name = self._faker.first_name(), self._faker.last_name()
        local_part = f"{first_name}.{last_name}".lower()
        return User(
            email=email or names.claim(local_part, separator="", ending="@example.com"),
            password=password,
            first_name=first_name,
            last_name=last_name,
            is_support=email == SUPPORT.email,
        )

    def _organization(self, name: str) -> Organization:
        domain = f"{slugify(name)}.example.com"
        return Organization(name=name, website=f"https://{domain}", contact_email=f"info@{domain}")

    def _team(self, people: People, *, owner: User | None) -> list[User]:
        size = self._random.randint(SMALLEST_TEAM, LARGEST_TEAM)
        team = self._random.sample(people.regulars, min(size, len(people.regulars)))
        if owner is not None:
            team = [owner, *(user for user in team if user is not owner)]
        return team + people.reserve[: max(0, SMALLEST_TEAM - len(team))]

    def _venue(self, names: Names) -> Venue:
        name = f"{self._faker.last_name()} {self._random.choice(BUILDINGS)}"
        return Venue(
            name=names.claim(name),
            address=self._faker.address().replace("\n", ", "),
            capacity=self._random.choice(VENUE_CAPACITIES),
        )

    def _title(self, category: EventCategory) -> str:
        title = f"{self._faker.city()} {category.name} {self._random.choice(OCCASIONS)}"
        return title[:MAX_NAME_LENGTH]

    def _schedule(self) -> dict[str, datetime]:
        # From today's midnight, three days are more than two from now.
        day = datetime.combine(self._now.date(), time(), UTC) + timedelta(
            days=self._random.randint(3, 120)
        )
        starts_at = day + timedelta(hours=self._random.randint(9, 21))
        return {
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=self._random.randint(2, 8)),
        }

    def _offers(self, event: Event) -> list[Offer]:
        """Two to five types for `event`, each with a price of its own."""
        basic_price = self._random.randint(20, 100)
        chosen = self._random.sample(list(Type), self._random.randint(2, len(Type)))
        return [
            Offer(EventsTicket(event=event, ticket_type=kind, price=basic_price * factor))
            for kind, factor in PRICE_FACTORS.items()
            if kind in chosen
        ]

    def _traces(self, status: Status, event: Event) -> dict[str, Any]:
        """What a booking's way to `status` has left in its other columns."""
        if status == Status.PENDING:
            return {"expires_at": unlimited_hold_expiry(starts_at=event.starts_at, now=self._now)}
        if status == Status.CONFIRMED:
            return {"confirmed_at": self._now}
        reason = self._random.choice(REASONS)
        return {
            "cancellation_reason": reason,
            "cancelled_at": self._now,
            # Only what was confirmed can be refunded.
            "confirmed_at": self._now if reason == Reason.REFUNDED else None,
        }
