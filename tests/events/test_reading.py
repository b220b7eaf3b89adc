"""Who sees which events, and what the filters of their lists find: §2.1, §2.3, §2.7, §5.1."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from tests.clients import client_of
from tests.common.helpers import ids, iso
from tests.events.helpers import as_shown, cancel, member_of, publish, url
from tests.factories import (
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

EVENTS = reverse("event-list")
PUBLIC = ("anonymous", "customer", "venue manager")
MEMBERS = ("member", "manager", "owner")
STAFF = ("support", "staff", "superuser")


@pytest.fixture
def world():
    """An organization and another, each with an event of every kind."""
    own, foreign = OrganizationFactory.create_batch(2)
    world = SimpleNamespace(own=own, foreign=foreign, venue=VenueFactory())
    for prefix, organization in (("", own), ("foreign_", foreign)):
        place = {"organization": organization, "venue": world.venue}
        setattr(world, f"{prefix}published", EventFactory(**place))
        setattr(world, f"{prefix}draft", EventFactory(**place, draft=True))
        setattr(world, f"{prefix}cancelled", EventFactory(**place, cancelled=True))
        never = EventFactory(**place, cancelled=True, published_at=None)
        setattr(world, f"{prefix}never_published", never)
    return world


@pytest.fixture
def call(world, anonymous):
    """Makes the client of a kind of caller; members are those of the world's own organization."""

    def client(who):
        if who == "anonymous":
            return anonymous
        if who in MEMBERS:
            return member_of(world.own, role=who.upper())
        flags = {
            "support": {"support": True},
            "staff": {"is_staff": True},
            "superuser": {"is_superuser": True},
        }
        user = UserFactory(**flags.get(who, {}))
        if who == "venue manager":
            world.venue.managers.add(user)
        return client_of(user)

    return client


def found(client, path=EVENTS, **query):
    return sorted(ids(client.get(path, query)))


def pks(world, names):
    return sorted(getattr(world, name).pk for name in names.split())


class TestWhatACallerSees:
    @pytest.mark.parametrize("who", [*MEMBERS, *STAFF])
    def test_without_a_status_insiders_get_what_is_published_too(self, world, call, who):
        assert found(call(who)) == pks(world, "published foreign_published")

    @pytest.mark.parametrize("who", [*PUBLIC, *MEMBERS, *STAFF])
    def test_everybody_sees_what_is_published(self, world, call, who):
        assert found(call(who), status="PUBLISHED") == pks(world, "published foreign_published")

    @pytest.mark.parametrize(
        ("callers", "expected"),
        [(PUBLIC, ""), (MEMBERS, "draft"), (STAFF, "draft foreign_draft")],
        ids=["public", "members", "staff"],
    )
    def test_drafts(self, world, call, callers, expected):
        for who in callers:
            assert found(call(who), status="DRAFT") == pks(world, expected), who

    @pytest.mark.parametrize(
        ("callers", "expected"),
        [
            (PUBLIC, "cancelled foreign_cancelled"),
            (MEMBERS, "cancelled foreign_cancelled never_published"),
            (STAFF, "cancelled foreign_cancelled never_published foreign_never_published"),
        ],
        ids=["public", "members", "staff"],
    )
    def test_a_cancelled_event_stays_public_if_it_ever_was(self, world, call, callers, expected):
        for who in callers:
            assert found(call(who), status="CANCELLED") == pks(world, expected), who

    def test_members_of_two_organizations_see_the_drafts_of_both_once(self, world):
        client = member_of(world.own, world.foreign, role="MEMBER")
        assert found(client, status="DRAFT") == pks(world, "draft foreign_draft")

    @pytest.mark.parametrize("was_published", [True, False])
    def test_cancelling_hides_nothing_and_shows_nothing(
        self, anonymous, admin, world, was_published
    ):
        EventsTicketFactory(event=world.draft)
        if was_published:
            publish(admin, world.draft)
        cancel(admin, world.draft)
        answer = anonymous.get(url(world.draft))
        assert answer.status_code == (200 if was_published else 404)
        listed = found(anonymous, status="CANCELLED")
        assert (world.draft.pk in listed) is was_published

    @pytest.mark.parametrize("who", ["anonymous", "admin"])
    def test_an_event_is_shown_whole_with_the_names_of_what_it_refers_to(self, request, who):
        event = EventFactory(capacity=7, description="With a choir.")
        client = request.getfixturevalue(who)
        shown = client.get(url(event)).json()
        assert shown == as_shown(event)
        assert shown["venue_name"] == event.venue.name
        assert client.get(EVENTS).json()["results"] == [shown]


class TestEventsOfAnOrganization:
    def path(self, world):
        return reverse("organization-events", args=[world.own.pk])

    @pytest.mark.parametrize("who", STAFF)
    def test_support_and_admins_see_all_statuses(self, world, call, who):
        expected = pks(world, "published draft cancelled never_published")
        assert found(call(who), self.path(world)) == expected

    def test_members_of_another_organization_are_outsiders(self, world):
        outsider = member_of(world.foreign, role="OWNER")
        assert found(outsider, self.path(world)) == pks(world, "published")

    @pytest.mark.parametrize(
        ("status", "expected"), [("PUBLISHED", "published"), ("DRAFT", ""), ("CANCELLED", "")]
    )
    def test_a_status_shows_outsiders_no_more(self, world, call, status, expected):
        for who in ("customer", "venue manager"):
            assert found(call(who), self.path(world), status=status) == pks(world, expected)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("PUBLISHED", "published"),
            ("DRAFT", "draft"),
            ("CANCELLED", "cancelled never_published"),
        ],
    )
    def test_a_status_narrows_what_members_see(self, world, call, status, expected):
        assert found(call("member"), self.path(world), status=status) == pks(world, expected)

    def test_filters_apply(self, world, call):
        member, path = call("member"), self.path(world)
        assert found(member, path, category=world.draft.category_id) == pks(world, "draft")
        assert found(member, path, search=world.draft.title.upper()) == pks(world, "draft")
        assert found(member, path, organization=world.foreign.pk) == []


class TestMyEvents:
    PATH = reverse("event-my-events")

    @pytest.mark.parametrize("role", ["MEMBER", "MANAGER", "OWNER"])
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, "published draft cancelled never_published"),
            ({"status": "PUBLISHED"}, "published"),
            ({"status": "DRAFT"}, "draft"),
            ({"status": "CANCELLED"}, "cancelled never_published"),
        ],
    )
    def test_hold_every_status_of_ones_own_organizations(self, world, role, query, expected):
        client = member_of(world.own, role=role)
        assert found(client, self.PATH, **query) == pks(world, expected)

    def test_are_only_those_of_an_admins_own_organizations_too(self, world):
        admin = UserFactory(admin=True)
        assert found(client_of(admin), self.PATH) == []
        admin.memberships.create(organization=world.foreign, role="MEMBER")
        expected = "foreign_published foreign_draft foreign_cancelled foreign_never_published"
        assert found(client_of(admin), self.PATH) == pks(world, expected)

    def test_filters_apply(self, world, call):
        member = call("member")
        assert found(member, self.PATH, search=world.draft.title) == pks(world, "draft")
        assert found(member, self.PATH, organization=world.foreign.pk) == []


class TestStartsAfterAndBefore:
    AT = datetime(2040, 5, 17, 20, tzinfo=UTC)

    def at(self, moment):
        return EventFactory(starts_at=moment).pk

    def found(self, client, query):
        """What a query finds that is sent as it is written here."""
        return ids(client.get(f"{EVENTS}?{query}"))

    @pytest.mark.parametrize(
        "moment",
        [
            "2040-05-17T20:00:00Z",
            "2040-05-17T20:00Z",
            "2040-05-17T20:00:00.000000Z",
            *("2040-05-17T22:00:00%2B02:00", "2040-05-17T22:00%2B02:00"),
            *("2040-05-17T15:00:00-05:00", "2040-05-18T01:30:00%2B05:30"),
            # These arrive as spaces.
            *("2040-05-17T22:00:00+02:00", "2040-05-17T22:00+02:00", "2040-05-17T20:00:00+00:00"),
            *("2040-05-17T22:00:00.000000+02:00", "2040-05-18T01:30:00+05:30"),
            "2040-05-17T22:00:00%2002:00",
        ],
    )
    def test_after_is_from_that_moment_on_and_before_ends_just_before_it(self, anonymous, moment):
        tick = timedelta(microseconds=1)
        just_before, at, just_after = (self.at(self.AT + n * tick) for n in (-1, 0, 1))
        assert self.found(anonymous, f"starts_after={moment}") == [at, just_after]
        assert self.found(anonymous, f"starts_before={moment}") == [just_before]

    def test_a_bare_date_is_midnight_utc(self, anonymous):
        midnight = datetime(2040, 5, 17, tzinfo=UTC)
        eve = self.at(midnight - timedelta(microseconds=1))
        first = self.at(midnight)
        last = self.at(midnight + timedelta(days=1, microseconds=-1))
        next_day = self.at(midnight + timedelta(days=1))
        assert self.found(anonymous, "starts_after=2040-05-17") == [first, last, next_day]
        assert self.found(anonymous, "starts_before=2040-05-17") == [eve]
        day = "starts_after=2040-05-17&starts_before=2040-05-18"
        assert self.found(anonymous, day) == [first, last]

    def test_bounds_the_wrong_way_round_find_nothing(self, anonymous):
        self.at(self.AT)
        query = "starts_after=2040-05-18&starts_before=2040-05-17"
        assert self.found(anonymous, query) == []


class TestIdFilters:
    @pytest.mark.parametrize("name", ["organization", "venue", "category"])
    def test_find_the_events_of_that_row_and_no_others(self, anonymous, name):
        hits = [EventFactory()]
        hits.append(EventFactory(**{name: getattr(hits[0], name)}))
        miss = EventFactory()
        key = getattr(hits[0], f"{name}_id")
        assert found(anonymous, **{name: key}) == [hit.pk for hit in hits]
        assert found(anonymous, **{name: getattr(miss, f"{name}_id")}) == [miss.pk]

    @pytest.mark.parametrize("name", ["organization", "venue", "category"])
    def test_show_nobody_elses_drafts(self, anonymous, name):
        draft = EventFactory(draft=True)
        query = {name: getattr(draft, f"{name}_id")}
        assert found(anonymous, **query) == found(anonymous, **query, status="DRAFT") == []


class TestSearch:
    @pytest.fixture
    def titles(self, anonymous):
        elsewhere = {
            "organization": OrganizationFactory(name="Zebra Society"),
            "venue": VenueFactory(name="Zebra Hall", address="Zebra Lane"),
            "category": EventCategoryFactory(name="Zebra shows"),
        }
        for title, description in (
            ("Jazz Night", "Saxophones and brass"),
            ("Poetry", "With a jazz trio, at NIGHT; jazz only"),
            ("100% Wool", r"snake_case C:\new"),
            ("1000 Wool", "snakeXcase C:/new C:new"),
        ):
            EventFactory(title=title, description=description, **elsewhere)

        def search(text):
            rows = anonymous.get(EVENTS, {"search": text}).json()["results"]
            return sorted(row["title"] for row in rows)

        return search

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("jazz", ["Jazz Night", "Poetry"]),
            ("JAZZ", ["Jazz Night", "Poetry"]),
            ("nIgHt", ["Jazz Night", "Poetry"]),
            ("ja", ["Jazz Night", "Poetry"]),
            ("night jazz", ["Jazz Night", "Poetry"]),
            ("jazz brass", ["Jazz Night"]),
            ("saxo nig", ["Jazz Night"]),
            ("poetry trio,", ["Poetry"]),
            ("jazz - night", ["Jazz Night", "Poetry"]),
            ("BRASS", ["Jazz Night"]),
            ("1000", ["1000 Wool"]),
            ("100", ["100% Wool", "1000 Wool"]),
            ("jazz poodle", []),
            ("jazzy", []),
            ("Zebra", []),
            ("- !", []),
        ],
    )
    def test_looks_into_title_and_description_in_any_case(self, titles, text, expected):
        assert titles(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            *("%", "_", "*", "'", '"', "\\", "&", "|", "!", ":*", "()", "<->", "''", "\\'"),
            *("1%l", "w__l", "jazzy|poetry", "!zebra", "x:*", "jazz:*b"),
        ],
    )
    def test_knows_no_signs_that_stand_for_others(self, titles, text):
        assert titles(text) == []

    @pytest.mark.parametrize("text", ["o'brien", "O'BRIEN", "o'bri", "café", "b@example.com"])
    def test_finds_what_has_signs_in_it(self, anonymous, text):
        event = EventFactory(title="O'Brien's café", description="Write to b@example.com")
        EventFactory(title="Brien", description="Write to b")
        assert found(anonymous, search=text) == [event.pk]

    @pytest.mark.postgresql
    def test_finds_a_word_by_its_beginning_alone(self, titles):
        assert titles("azz") == []

    @pytest.mark.parametrize("text", ["élan", "Élan", "ÉLAN"])
    @pytest.mark.postgresql
    def test_knows_the_case_of_letters_beyond_ascii(self, anonymous, text):
        event = EventFactory(title="Élan vital")
        EventFactory(title="Elan vital")
        assert found(anonymous, search=text) == [event.pk]

    def test_shows_nobody_elses_drafts(self, anonymous):
        draft = EventFactory(draft=True, title="Secret")
        assert found(anonymous, search="Secret") == []
        assert found(anonymous, search="Secret", status="DRAFT") == []
        assert found(member_of(draft.organization), search="Secret", status="DRAFT") == [draft.pk]


class TestFiltersTogether:
    AT = datetime(2040, 5, 17, 20, tzinfo=UTC)

    def query(self, event):
        return {
            "organization": event.organization_id,
            "venue": event.venue_id,
            "category": event.category_id,
            "status": "PUBLISHED",
            "starts_after": iso(self.AT),
            "starts_before": iso(self.AT + timedelta(hours=1)),
            "search": "choir",
        }

    @pytest.mark.parametrize(
        "difference",
        [
            {"organization": OrganizationFactory},
            {"venue": VenueFactory},
            {"category": EventCategoryFactory},
            {"status": lambda: "CANCELLED"},
            {"starts_at": lambda: TestFiltersTogether.AT - timedelta(seconds=1)},
            {"starts_at": lambda: TestFiltersTogether.AT + timedelta(hours=1)},
            {"title": lambda: "An orchestra"},
        ],
        ids="".join,
    )
    def test_one_that_misses_is_enough(self, anonymous, difference):
        hit = EventFactory(title="A choir", starts_at=self.AT)
        alike = {
            "organization": hit.organization,
            "venue": hit.venue,
            "category": hit.category,
            "title": hit.title,
            "starts_at": hit.starts_at,
        }
        twin = EventFactory(**alike)
        EventFactory(**{**alike, **{name: make() for name, make in difference.items()}})
        assert found(anonymous, **self.query(hit)) == [hit.pk, twin.pk]


class TestSchedule:
    NOW = datetime(2031, 3, 10, 12, tzinfo=UTC)

    @pytest.fixture(autouse=True)
    def _frozen(self):
        with time_machine.travel(self.NOW, tick=False):
            yield

    def test_holds_what_is_published_and_has_not_started_soonest_first(self, world, call):
        venue = VenueFactory()
        later = EventFactory(venue=venue, starts_at=self.NOW + timedelta(days=2))
        soon = EventFactory(venue=venue, starts_at=self.NOW + timedelta(seconds=1))
        at_the_same_time = EventFactory(venue=venue, starts_at=later.starts_at)
        EventFactory(venue=venue, starts_at=self.NOW)
        EventFactory(venue=venue, running=True)
        EventFactory(venue=venue, over=True)
        EventFactory(venue=venue, draft=True, organization=world.own)
        EventFactory(venue=venue, cancelled=True, organization=world.own)
        path = reverse("venue-schedule", args=[venue.pk])
        for who in ("anonymous", "owner", "support", "superuser"):
            shown = ids(call(who).get(path))
            assert shown == [soon.pk, later.pk, at_the_same_time.pk], who

    def test_shows_events_as_everywhere(self, anonymous):
        event = EventFactory(starts_at=timezone.now() + timedelta(days=1))
        path = reverse("venue-schedule", args=[event.venue_id])
        assert anonymous.get(path).json()["results"] == [as_shown(event)]
