"""Django admin's lists: narrowed by links, days and words, and as quick with many rows."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin import site
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.common.admin import ListPaginator
from apps.events.models import Event, EventCategory
from apps.events.services import cancel_event
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.admin.helpers import page
from tests.factories import (
    BookingFactory,
    EventFactory,
    MembershipFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


def listed(client, model, query=""):
    response = client.get(f"{page(model)}?{query}")
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def links_in(response):
    html = response.content.decode().replace("&amp;", "&")
    return {part.partition('"')[0] for part in html.split('href="')[1:]}


class TestLinks:
    """Each leads from a row's page, or its line, to what belongs to it and to nothing else."""

    @pytest.mark.parametrize(
        ("of", "to", "parameter"),
        [
            (lambda booking: booking.user, Booking, "user"),
            (lambda booking: booking.event_ticket, Booking, "eventsticket"),
            (lambda booking: booking.event_ticket.event, Booking, "event"),
            (lambda booking: booking.event_ticket.event, EventsTicket, "event"),
            (lambda booking: booking.event_ticket.event.organization, Event, "organization"),
            (lambda booking: booking.event_ticket.event.venue, Event, "venue"),
        ],
    )
    def test_from_a_row_to_a_list(self, client, of, to, parameter):
        booking, other = BookingFactory(), BookingFactory()
        row = of(booking)
        url = f"{page(to)}?{parameter}={row.pk}"
        assert url in links_in(client.get(page(type(row), "change", row.pk)))
        mine, others = listed(client, to, f"{parameter}={row.pk}"), listed(client, to)
        assert (len(mine), len(others)) == (1, 2)
        assert listed(client, to, f"{parameter}={of(other).pk}") != mine

    @pytest.mark.parametrize(
        ("of", "parameter"),
        [(lambda member: member.user, "user"), (lambda m: m.organization, "organization")],
    )
    def test_to_memberships(self, client, of, parameter):
        member, _ = MembershipFactory(), MembershipFactory()
        row = of(member)
        url = f"{page(Membership)}?{parameter}={row.pk}"
        assert url in links_in(client.get(page(type(row), "change", row.pk)))
        assert listed(client, Membership, f"{parameter}={row.pk}") == [member]

    def test_to_the_venues_that_somebody_manages(self, client):
        user, (venue, other) = UserFactory(), VenueFactory.create_batch(2)
        venue.managers.add(user, UserFactory())
        other.managers.add(UserFactory())
        url = f"{page(Venue)}?user={user.pk}"
        assert url in links_in(client.get(page(User, "change", user.pk)))
        assert listed(client, Venue, f"user={user.pk}") == [venue]

    @pytest.mark.parametrize(
        ("model", "targets"),
        [
            (Booking, (User, Event, EventsTicket)),
            (EventsTicket, (Event,)),
            (Event, (Organization, Venue)),
            (Membership, ()),
        ],
    )
    def test_in_a_line(self, client, model, targets):
        booking = BookingFactory()
        MembershipFactory(organization=booking.event_ticket.event.organization)
        rows = {
            User: booking.user,
            EventsTicket: booking.event_ticket,
            Event: booking.event_ticket.event,
            Organization: booking.event_ticket.event.organization,
            Venue: booking.event_ticket.event.venue,
        }
        links = links_in(client.get(page(model)))
        for target in targets:
            assert page(target, "change", rows[target].pk) in links

    def test_in_a_line_to_a_list(self, client):
        event = BookingFactory().event_ticket.event
        assert f"{page(Booking)}?event={event.pk}" in links_in(client.get(page(Event)))
        url = f"{page(Event)}?category__id__exact={event.category_id}"
        assert url in links_in(client.get(page(EventCategory)))
        assert client.get(url).context["cl"].result_count == 1

    def test_shorten_and_escape_a_long_name(self, client):
        title = "<b>" + "A very long title " * 5
        BookingFactory(event_ticket__event__title=title)
        html = client.get(page(Booking)).content.decode()
        assert ">&lt;b&gt;A very long title A very…</a>" in html
        assert "<b>A very" not in html

    def test_of_an_id_of_nothing_narrow_to_nothing(self, client):
        BookingFactory()
        assert listed(client, Booking, "event=987654321") == []
        assert listed(client, Booking, "user=987654321") == []

    @pytest.mark.parametrize("value", ["x", "07", "-1", "", "1' OR 1=1", "9" * 30])
    @pytest.mark.parametrize("parameter", ["event", "user", "eventsticket"])
    def test_of_what_is_no_id_are_refused(self, client, parameter, value):
        response = client.get(page(Booking), {parameter: value})
        assert (response.status_code, response.url) == (302, f"{page(Booking)}?e=1")


class TestToDo:
    def test_narrows_to_what_the_start_page_counts(self, client):
        waiting, run_out = BookingFactory(), BookingFactory(run_out=True)
        paid = BookingFactory(confirmed=True)
        unpaid = BookingFactory(event_ticket=paid.event_ticket)
        BookingFactory(cancelled=True)
        BookingFactory(confirmed=True)
        cancel_event(event_id=paid.event_ticket.event_id)
        assert listed(client, Booking, "todo=confirm") == [waiting]
        assert listed(client, Booking, "todo=run_out") == [run_out]
        assert listed(client, Booking, "todo=owed") == [paid]
        assert unpaid in listed(client, Booking, "cancellation_reason__exact=EVENT_CANCELLED")
        assert len(listed(client, Booking, "todo=else")) == 6


class TestSearch:
    def test_finds_bookings_by_id_address_or_title(self, client):
        booking = BookingFactory(
            user__email="ann@example.org", event_ticket__event__title="Jazz Night"
        )
        other = BookingFactory(user__email="bob@example.com", event_ticket__event__title="Fair")
        for text in (booking.pk, "ANN@", "example.org", "jazz", "night ann", f"jazz {booking.pk}"):
            assert listed(client, Booking, f"q={text}") == [booking], text
        for text in ("jazz bob", "nothing", f"0{booking.pk}", "' OR 1=1"):
            assert listed(client, Booking, f"q={text}") == [], text
        assert listed(client, Booking, "q=") == [other, booking]


class TestPeriods:
    def choices(self, client, model, query=""):
        html = client.get(f"{page(model)}?{query}").content.decode()
        _, _, rest = html.partition('<nav class="toplinks">')
        nav = rest.partition("</nav>")[0]
        texts = [part.rpartition(">")[2] for part in nav.split("</a>")[:-1]]
        return [text.replace("&lsaquo; ", "< ") for text in texts]

    @pytest.fixture(autouse=True)
    def events(self):
        for day in (datetime(2026, 3, 30, 23, tzinfo=UTC), datetime(2027, 2, 2, tzinfo=UTC)):
            EventFactory(starts_at=day)
        EventFactory(starts_at=datetime(9000, 1, 1, tzinfo=UTC), title="Far away")

    def test_are_years_then_months_then_days(self, client):
        first, last = 2026, timezone.now().year + 10
        years = [str(year) for year in range(first, last + 1)]
        assert self.choices(client, Event) == years
        months = self.choices(client, Event, "starts_at__year=2026")
        assert months[:3] == ["< All dates", "March 2026", "April 2026"]
        assert len(months) == 11
        days = self.choices(client, Event, "starts_at__year=2026&starts_at__month=3")
        assert days == ["< 2026", "March 30", "March 31"]
        day = self.choices(
            client, Event, "starts_at__year=2026&starts_at__month=3&starts_at__day=30"
        )
        assert day == ["< March 2026"]

    def test_narrow_the_list(self, client):
        assert len(listed(client, Event)) == 3
        assert len(listed(client, Event, "starts_at__year=2026")) == 1
        assert len(listed(client, Event, "starts_at__year=2026&starts_at__month=4")) == 0
        query = "starts_at__year=2026&starts_at__month=3&starts_at__day=30"
        assert len(listed(client, Event, query)) == 1

    def test_of_nothing_are_none(self, client):
        assert self.choices(client, Booking) == []

    @pytest.mark.parametrize(
        "query", ["starts_at__year=x", "starts_at__year=2026&starts_at__month=13"]
    )
    def test_that_do_not_exist_are_refused(self, client, query):
        assert client.get(f"{page(Event)}?{query}").status_code == 302

    def test_of_bookings_are_when_they_were_placed(self, client):
        booking = BookingFactory()
        Booking.objects.update(created_at=timezone.now() - timedelta(days=800))
        BookingFactory()
        year = (timezone.now() - timedelta(days=800)).year
        assert self.choices(client, Booking)[0] == str(year)
        assert listed(client, Booking, f"created_at__year={year}") == [booking]


class TestPages:
    @pytest.mark.parametrize("order", ["", "o=2", "o=-6", "o=4"])
    def test_have_every_row_once_in_their_order(self, client, monkeypatch, order):
        monkeypatch.setattr(site.get_model_admin(Booking), "list_per_page", 3)
        for quantity in (4, 2, 9, 3, 7, 5, 8):
            BookingFactory(quantity=quantity)
        rows = [listed(client, Booking, f"{order}&p={number}") for number in (1, 2, 3)]
        assert [len(page) for page in rows] == [3, 3, 1]
        monkeypatch.setattr(site.get_model_admin(Booking), "list_per_page", 100)
        assert [row for page in rows for row in page] == listed(client, Booking, order)

    def test_are_those_of_every_list(self):
        ours = [each for model, each in site._registry.items() if "apps." in model.__module__]
        assert {each.paginator for each in ours} == {ListPaginator}
        assert {each.show_full_result_count for each in ours} == {False}


@pytest.mark.parametrize(
    ("app", "model", "field"),
    [
        ("bookings", "booking", "event_ticket"),
        ("bookings", "booking", "user"),
        ("tickets", "eventsticket", "event"),
        ("events", "event", "organization"),
        ("events", "event", "venue"),
        ("events", "event", "category"),
        ("organizations", "membership", "user"),
        ("venues", "venue", "managers"),
    ],
)
def test_related_rows_are_found_by_typing(client, django_assert_max_num_queries, app, model, field):
    for _ in range(5):
        BookingFactory()
    query = {"app_label": app, "model_name": model, "field_name": field, "term": ""}
    with django_assert_max_num_queries(5):
        found = client.get(reverse("admin:autocomplete"), query).json()["results"]
    assert len(found) >= 5
