"""The `seed` command: what it leaves alone, what it refuses, what it prints."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Group
from django.core.management import CommandError
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.demo.services import Numbers
from apps.demo.services import seed as seed_service
from apps.events.models import Event
from apps.organizations.models import Membership
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.bookings.helpers import cancel, confirm
from tests.common.helpers import snapshot, unchanged
from tests.demo.helpers import (
    ADMIN,
    CUSTOMER,
    EXAMPLE,
    HEADING,
    NOTHING,
    OWNER,
    SUPPORT,
    counts,
    freeze,
    seed,
    table,
)
from tests.factories import (
    PASSWORD,
    BookingFactory,
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


def row_of(user: User) -> dict[str, Any]:
    return User.objects.values().get(pk=user.pk)


def refresh(client, token: RefreshToken) -> int:
    return client.post(reverse("jwt-refresh"), {"refresh": str(token)}).status_code


class TestNumbers:
    def test_the_defaults_are_those_of_the_example(self):
        seed()
        assert counts() == EXAMPLE

    @pytest.mark.parametrize("option", EXAMPLE)
    def test_each_option_asks_for_its_own_kind(self, option):
        seed(f"--{option}", "31")
        assert counts() == EXAMPLE | {option: 31}

    @pytest.mark.parametrize("option", ["bookings", "venues", "cats", "users", "orgs"])
    def test_a_kind_that_nothing_else_needs_may_be_left_out(self, option):
        needed = {"users": ("orgs", "events", "bookings")}.get(option, ("events", "bookings"))
        numbers = EXAMPLE | {option: 0}
        if option != "bookings":
            numbers |= dict.fromkeys(needed, 0)
        seed(**numbers)
        assert counts() == numbers

    def test_more_names_than_there_are_to_choose_from(self):
        numbers = EXAMPLE | {"users": 1200, "orgs": 300, "venues": 900, "cats": 60}
        seed(**numbers)
        assert counts() == numbers


class TestSuperusers:
    @pytest.fixture
    def root(self) -> User:
        return UserFactory(email="root@example.net", first_name="Root", admin=True)

    @pytest.mark.parametrize("flush", [True, False])
    def test_they_are_untouched_and_not_counted(self, root, flush):
        before = row_of(root)
        seed(flush=flush)
        assert row_of(root) == before
        assert counts() == EXAMPLE
        assert not Membership.objects.filter(user=root).exists()
        assert not Booking.objects.filter(user=root).exists()

    def test_one_who_is_not_staff_is_a_superuser_too(self):
        root = UserFactory(is_superuser=True)
        before = row_of(root)
        seed(flush=True)
        assert row_of(root) == before

    def test_their_tokens_live_on_and_what_they_revoked_stays_revoked(self, root, anonymous):
        alive, revoked = RefreshToken.for_user(root), RefreshToken.for_user(root)
        revoked.blacklist()
        seed(flush=True)
        assert refresh(anonymous, revoked) == 401
        assert refresh(anonymous, alive) == 200

    def test_the_command_makes_none(self):
        seed()
        assert not User.objects.filter(is_superuser=True).exists()


class TestFlush:
    def test_it_deletes_whatever_refers_to_what(self):
        root, user = UserFactory(admin=True), UserFactory(is_staff=True)
        for person in (root, user):
            ticket = EventsTicketFactory(event=EventFactory(cancelled=True))
            BookingFactory(user=person, event_ticket=ticket, confirmed=True)
            BookingFactory(user=person, cancelled=True)
            MembershipFactory(user=person, role="OWNER")
            VenueFactory().managers.add(person)
            RefreshToken.for_user(person).blacklist()
            LogEntry.objects.create(user=person, action_flag=1, object_repr="x")
        user.groups.add(Group.objects.create(name="Box office"))
        before = row_of(root)
        seed(flush=True, **NOTHING)
        rows = {model: rows for model, rows in snapshot().items() if rows}
        assert rows == {User: [before]}
        assert set(OutstandingToken.objects.values_list("user", flat=True)) == {root.pk}
        assert set(LogEntry.objects.values_list("user", flat=True)) == {root.pk}

    def test_it_deletes_what_the_use_of_the_api_has_left(self, support):
        for act in (confirm, cancel):
            assert act(support, BookingFactory()).status_code == 200
        seed(flush=True, **NOTHING)
        assert not any(snapshot().values())

    def test_without_it_nothing_that_was_there_changes(self):
        MembershipFactory(role="OWNER")
        # One whose `sold` was wrong before: recounting is for the new ones.
        EventsTicketFactory(event=EventFactory(venue__capacity=3, capacity=3), quota=9, sold=7)
        BookingFactory(confirmed=True)
        UserFactory(is_active=False)
        before, numbers_before = snapshot(), counts()
        seed()
        after = snapshot()
        assert all(row in after[model] for model, rows in before.items() for row in rows)
        assert counts() == {kind: numbers_before[kind] + EXAMPLE[kind] for kind in EXAMPLE}

    def test_without_it_a_second_run_adds_as_much_again(self):
        first, second = seed(), seed()
        assert counts() == {kind: 2 * number for kind, number in EXAMPLE.items()}
        assert table(first) == table(second) == [HEADING, OWNER, SUPPORT, CUSTOMER]

    def test_new_rows_may_refer_to_those_that_were_there(self):
        organization, venue = OrganizationFactory(), VenueFactory(capacity=10)
        category, user = EventCategoryFactory(), UserFactory()
        numbers = NOTHING | {"events": 2, "bookings": 500}
        seed(**numbers)
        for event in Event.objects.all():
            assert (event.organization, event.venue, event.category) == (
                organization,
                venue,
                category,
            )
            assert event.capacity is None or event.capacity <= 10
        assert Booking.objects.filter(user=user).count() == 500
        assert Venue.objects.get().capacity == 10

    def test_accounts_that_cannot_log_in_take_no_part(self):
        gone, user = UserFactory(is_active=False), UserFactory()
        seed(**EXAMPLE | {"users": 0})
        assert Booking.objects.filter(user=user).count() == 80
        assert not Booking.objects.filter(user=gone).exists()
        assert not Membership.objects.filter(user=gone).exists()


class TestAllOrNothing:
    @pytest.fixture(autouse=True)
    def old_data(self):
        UserFactory(admin=True)
        MembershipFactory(role="OWNER")
        BookingFactory(confirmed=True)

    @pytest.mark.parametrize("flush", [True, False])
    def test_a_failure_at_the_end_leaves_the_database_as_it_was(self, monkeypatch, flush):
        reached = []

        def fail(*args, **kwargs):
            reached.append(counts())
            raise RuntimeError("the disk is full")

        monkeypatch.setattr("apps.demo.services.recount", fail)
        with unchanged(), pytest.raises(RuntimeError, match="the disk is full"):
            seed(flush=flush)
        [seen] = reached
        assert seen["bookings"] >= EXAMPLE["bookings"]

    def test_so_does_an_interruption_between_bookings(self):
        def interrupt(_made: int) -> None:
            raise KeyboardInterrupt

        with unchanged(), pytest.raises(KeyboardInterrupt):
            seed_service(Numbers(), flush=True, on_progress=interrupt)


class TestImpossibleNumbers:
    WITHOUT_USERS = "Organizations, events and bookings need users"

    @pytest.fixture(autouse=True)
    def old_data(self):
        """With --flush, none of it is there to refer to."""
        UserFactory(admin=True)
        BookingFactory(event_ticket__event__organization=MembershipFactory().organization)

    @pytest.mark.parametrize(
        ("numbers", "says"),
        [
            *[(EXAMPLE | {option: -1}, f"--{option}") for option in EXAMPLE],
            (EXAMPLE | {"users": 0}, "--users"),
            (NOTHING | {"orgs": 1}, "--users"),
            (EXAMPLE | {"users": 0, "orgs": 0, "bookings": 0}, "--users"),
            (NOTHING | {"bookings": 1}, "--users"),
            (EXAMPLE | {"events": 0}, "--events"),
            (NOTHING | {"users": 1, "bookings": 1}, "--events"),
            (EXAMPLE | {"orgs": 0}, "--orgs"),
            (EXAMPLE | {"venues": 0}, "--venues"),
            (EXAMPLE | {"cats": 0}, "--cats"),
        ],
        ids=str,
    )
    def test_they_end_in_one_line_with_nothing_changed(self, numbers, says):
        out = StringIO()
        with unchanged(), pytest.raises(CommandError) as caught:
            seed(flush=True, stderr=out, **numbers)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
        assert out.getvalue() == ""

    def test_bookings_need_somebody_who_may_book(self):
        User.objects.filter(is_superuser=False).update(is_support=True)
        with unchanged(), pytest.raises(CommandError, match="--users"):
            seed(**EXAMPLE | {"users": 0})

    def test_bookings_need_new_events_also_where_old_ones_are(self):
        with unchanged(), pytest.raises(CommandError, match="--events"):
            seed(**EXAMPLE | {"events": 0})


class TestPermission:
    def test_it_is_refused_unless_the_setting_allows_it(self, settings):
        settings.ALLOW_SEED = False
        with unchanged(), pytest.raises(CommandError, match=r"^[^\n]*ALLOW_SEED[^\n]*--force"):
            seed(flush=True)

    def test_debug_does_not_allow_it(self, settings):
        settings.ALLOW_SEED, settings.DEBUG = False, True
        with unchanged(), pytest.raises(CommandError, match="ALLOW_SEED"):
            seed()

    def test_the_setting_allows_it_without_debug(self, settings):
        settings.ALLOW_SEED, settings.DEBUG = True, False
        seed()
        assert counts() == EXAMPLE

    def test_force_allows_it(self, settings):
        settings.ALLOW_SEED = False
        seed("--force")
        assert counts() == EXAMPLE


class TestRandomSeed:
    NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
    ANOTHER_DAY = datetime(2031, 6, 30, 12, tzinfo=UTC)

    @pytest.fixture
    def portrait(self, monkeypatch):
        """Seeds, and returns every column but ids, which become positions, the salted password
        and when the accounts were made; times are relative to the moment of seeding."""

        def column(field, value, positions, now):
            if field.is_relation:
                return positions[field.related_model][value]
            return value - now if isinstance(value, datetime) else value

        def make(now: datetime, *arguments: str) -> dict[str, list[dict[str, Any]]]:
            freeze(monkeypatch, now)
            seed("--flush", *arguments)
            tables = snapshot()
            positions = {
                model: {row["id"]: position for position, row in enumerate(rows)}
                for model, rows in tables.items()
            }
            fields = {
                model: [
                    field
                    for field in model._meta.concrete_fields
                    if field.name not in {"id", "password", "date_joined"}
                ]
                for model in tables
            }
            return {
                model.__name__: [
                    {
                        field.name: column(field, row[field.attname], positions, now)
                        for field in fields[model]
                    }
                    for row in rows
                ]
                for model, rows in tables.items()
            }

        return make

    def test_the_same_number_gives_the_same_data_again(self, portrait):
        first = portrait(self.NOON, "--random-seed", "7")
        again = portrait(self.ANOTHER_DAY, "--random-seed", "7")
        assert len(first["Booking"]) == 80
        assert again == first

    def test_another_number_gives_other_data(self, portrait):
        first = portrait(self.NOON, "--random-seed", "7")
        other = portrait(self.NOON, "--random-seed", "8")
        same = [name for name, rows in first.items() if rows and rows == other[name]]
        assert same == ["EventCategory"]


class TestAccounts:
    """The table at the end, which names those that exist and can be used as it says."""

    def test_it_names_owner_support_agent_and_customer(self):
        output = seed()
        assert table(output) == [HEADING, OWNER, SUPPORT, CUSTOMER]
        assert output.endswith(f"{CUSTOMER}\n")

    @pytest.mark.parametrize("number", [0, 1, 2, 3])
    def test_it_names_no_more_than_there_are(self, number):
        output = seed(**NOTHING | {"users": number, "orgs": min(number, 1)})
        assert table(output) == [HEADING, OWNER, SUPPORT, CUSTOMER][: number + 1]

    def test_it_names_the_admin_of_the_demo(self):
        UserFactory(email="admin@example.com", admin=True)
        assert table(seed()) == [HEADING, ADMIN, OWNER, SUPPORT, CUSTOMER]

    @pytest.mark.parametrize(
        "trait",
        [{"password": "another word"}, {"is_active": False}],
        ids=["other password", "inactive"],
    )
    def test_it_leaves_out_those_who_cannot_log_in_with_that_password(self, trait):
        for name in ("admin", "owner"):
            is_admin = name == "admin"
            UserFactory(email=f"{name}@example.com", admin=is_admin, **trait)
        assert table(seed()) == [HEADING, SUPPORT, CUSTOMER]
        assert counts()["users"] == EXAMPLE["users"] + 1

    @pytest.mark.parametrize("name", ["admin", "support"])
    def test_it_leaves_out_a_namesake_without_the_role(self, name):
        UserFactory(email=f"{name}@example.com")
        expected = {"admin": [OWNER, SUPPORT, CUSTOMER], "support": [OWNER, CUSTOMER]}[name]
        assert table(seed()) == [HEADING, *expected]

    def test_it_calls_nobody_an_owner_who_owns_nothing(self):
        assert table(seed(**NOTHING | {"users": 3})) == [HEADING, SUPPORT, CUSTOMER]

    def test_they_can_log_in_and_have_their_roles(self, anonymous):
        output = seed()
        roles = {}
        for line in table(output)[1:]:
            email, password, *_ = line.split()
            body = {"email": email, "password": password}
            response = anonymous.post(reverse("jwt-create"), body)
            assert response.status_code == 200
            token = response.json()["access"]
            headers = {"Authorization": f"Bearer {token}"}
            mine = anonymous.get(reverse("event-my-events"), headers=headers).status_code
            seen = anonymous.get(reverse("booking-list"), headers=headers).json()["count"]
            roles[email] = (mine, seen == 80)
        assert roles == {
            "owner@example.com": (200, False),
            "support@example.com": (403, True),
            "customer@example.com": (403, False),
        }


class TestOutput:
    def test_it_says_what_it_made(self):
        first_line, empty, *_ = seed(bookings=3).split("\n")
        assert first_line == (
            "Made: users 20, organizations 5, venues 6, event categories 6, events 12, bookings 3."
        )
        assert empty == ""

    def test_the_bar_goes_to_a_terminal(self):
        terminal = Terminal()
        seed(stderr=terminal, bookings=5001)
        steps = terminal.getvalue().split("\r")
        assert steps[0] == ""
        assert len(steps) > 2
        assert steps[-1] == f"Bookings [{'#' * 30}] 5,001 of 5,001\n"
        assert all(step.startswith("Bookings [####") and "\n" not in step for step in steps[1:-1])

    def test_there_is_no_bar_elsewhere(self):
        stream = StringIO()
        seed(stderr=stream)
        assert stream.getvalue() == ""

    def test_there_is_no_bar_without_bookings(self):
        terminal = Terminal()
        seed(stderr=terminal, bookings=0)
        assert terminal.getvalue() == ""

    def test_an_interruption_ends_the_line_of_the_bar_and_says_that_nothing_happened(
        self, monkeypatch
    ):
        def interrupt(numbers, *, on_progress, **options) -> None:
            on_progress(3)
            raise KeyboardInterrupt

        monkeypatch.setattr("apps.demo.management.commands.seed.seed", interrupt)
        terminal = Terminal()
        with pytest.raises(CommandError) as caught:
            seed(stderr=terminal)
        assert str(caught.value) == "Interrupted. Nothing has changed."
        assert caught.value.returncode == 130
        assert terminal.getvalue().endswith(" 3 of 80\n")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class TestSpeed:
    """100,000 bookings in under a minute."""

    def test_one_hash_is_computed_for_all_users(self, monkeypatch):
        hashed = []
        encode = MD5PasswordHasher.encode

        def counting(self, password, salt, *args):
            hashed.append(password)
            return encode(self, password, salt, *args)

        monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
        seed_service(Numbers(users=50))
        assert hashed == [PASSWORD]

    def test_more_rows_take_no_more_statements(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(80):
            seed(users=300, bookings=3000)
        assert EventsTicket.objects.filter(sold__gt=0).exists()
