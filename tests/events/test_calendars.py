"""Events for calendars: `/events/{id}/calendar.ics` and `/venues/{id}/schedule.ics`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from apps.events import views
from apps.events.models import Event
from tests.clients import client_of
from tests.events.helpers import cancel, fresh, member_of, publish
from tests.factories import (
    EventFactory,
    EventsTicketFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


def get(client: Any, event: Event, **extra: Any) -> Any:
    return client.get(reverse("event-calendar", args=[event.pk]), **extra)


def entries(response: Any) -> list[Any]:
    assert response.status_code == 200, response.content
    return list(Calendar.from_ical(response.content).walk("VEVENT"))


def entry(response: Any) -> Any:
    (found,) = entries(response)
    assert not found.errors
    return found


def names(response: Any) -> list[str]:
    return [str(each["SUMMARY"]) for each in entries(response)]


class TestEvent:
    def test_says_what_when_and_where(self, anonymous):
        event = EventFactory(
            title="Summer Night",
            description="Two hours of music.",
            starts_at=datetime(2030, 6, 21, 19, 0, tzinfo=UTC),
            ends_at=datetime(2030, 6, 21, 21, 30, tzinfo=UTC),
            venue=VenueFactory(name="Harbour Hall", address="1 Quay Street, Oldport"),
            organization=OrganizationFactory(
                name="Riverside Concerts", contact_email="office@riverside.example.org"
            ),
        )
        at = datetime(2030, 2, 1, 12, 0, 5, tzinfo=UTC)
        Event.objects.filter(pk=event.pk).update(updated_at=at)
        assert get(anonymous, event).content.decode().split("\r\n") == [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//BTick//BTick//EN",
            "BEGIN:VEVENT",
            "SUMMARY:Summer Night",
            "DTSTART:20300621T190000Z",
            "DTEND:20300621T213000Z",
            "DTSTAMP:20300201T120005Z",
            f"UID:event-{event.pk}@testserver",
            "DESCRIPTION:Two hours of music.",
            r"LOCATION:Harbour Hall\, 1 Quay Street\, Oldport",
            'ORGANIZER;CN="Riverside Concerts":mailto:office@riverside.example.org',
            "STATUS:CONFIRMED",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]

    def test_leaves_out_what_nobody_has_said(self, anonymous):
        event = EventFactory(venue=VenueFactory(name="Harbour Hall"))
        found = entry(get(anonymous, event))
        assert set(found) & {"DESCRIPTION", "ORGANIZER"} == set()
        assert found["LOCATION"] == "Harbour Hall"

    def test_is_a_file_to_save(self, anonymous):
        event = EventFactory()
        response = get(anonymous, event)
        assert response["Content-Type"] == "text/calendar; charset=utf-8"
        name = f"event-{event.pk}.ics"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert reverse("event-calendar", args=[7]) == "/api/v1/events/7/calendar.ics"

    def test_is_the_same_one_through_its_life(self, anonymous):
        event = EventsTicketFactory(event=EventFactory(draft=True)).event
        manager = member_of(event.organization)
        seen = [entry(get(manager, event))]
        for change in (publish, cancel):
            assert change(manager, event).status_code == 200
            seen.append(entry(get(anonymous, event)))
            assert fresh(event).updated_at.replace(microsecond=0) == seen[-1].DTSTAMP
        assert [str(each["STATUS"]) for each in seen] == ["TENTATIVE", "CONFIRMED", "CANCELLED"]
        assert {str(each["UID"]) for each in seen} == {f"event-{event.pk}@testserver"}

    def test_a_host_has_its_own_ids(self, anonymous, settings):
        settings.ALLOWED_HOSTS = ["tickets.example.org"]
        event = EventFactory()
        found = entry(get(anonymous, event, HTTP_HOST="tickets.example.org"))
        assert found["UID"] == f"event-{event.pk}@tickets.example.org"

    def test_a_draft_is_there_for_those_who_may_see_it(self, anonymous, customer, support):
        draft = EventFactory(draft=True)
        dropped = EventFactory(cancelled=True, published_at=None)
        for event in (draft, dropped):
            assert entry(get(member_of(event.organization, role="MEMBER"), event))
            assert entry(get(support, event))
            for client in (anonymous, customer, member_of(OrganizationFactory())):
                response = get(client, event, HTTP_ACCEPT="text/calendar")
                assert response.status_code == 404
                assert response["Content-Type"] == "application/json"

    def test_times_are_in_utc(self, anonymous):
        event = EventFactory()
        found = entry(get(anonymous, event))
        assert found.start == event.starts_at.replace(microsecond=0)
        assert found.end == event.ends_at.replace(microsecond=0)
        assert found["DTSTART"].to_ical().endswith(b"Z")


class TestTexts:
    @pytest.mark.parametrize(
        "text",
        [
            *("Rock, Pop; Jazz", r"back\slash \n \, \;", 'a "quoted" one', "x:y", "BEGIN:VEVENT"),
            *("Müller & Söhne – 東京 😀", "€" * 100, "x" * 150, "a" * 74 + "é" + "b" * 80, "^n ^^"),
        ],
    )
    def test_come_back_as_they_were(self, anonymous, text):
        event = EventFactory(
            title=text,
            description=f"{text}\nand\n\n{text}",
            venue=VenueFactory(name=text, address=text),
        )
        found = entry(get(anonymous, event))
        assert found["SUMMARY"] == text
        assert found["DESCRIPTION"] == f"{text}\nand\n\n{text}"
        assert found["LOCATION"] == f"{text}, {text}"

    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("Rock, Pop; Jazz: live", '"Rock, Pop; Jazz: live"'),
            ('The "Old" Hall', "\"The ^'Old^' Hall\""),
            ("Müller ^n", '"Müller ^^n"'),
            ("One\nTwo", "One^nTwo"),
        ],
    )
    def test_the_name_of_an_organizer_is_written_as_parameters_are(self, anonymous, name, written):
        organization = OrganizationFactory(name=name, contact_email="a@example.org")
        response = get(anonymous, EventFactory(organization=organization))
        lines = response.content.decode().split("\r\n")
        line = next(each for each in lines if each.startswith("ORGANIZER"))
        assert line == f"ORGANIZER;CN={written}:mailto:a@example.org"
        assert entry(response)["ORGANIZER"].params["CN"] == name

    def test_signs_with_a_meaning_are_escaped(self, anonymous):
        content = get(anonymous, EventFactory(title="a,b;c\\d\ne")).content
        assert rb"SUMMARY:a\,b\;c\\d\ne" + b"\r\n" in content

    def test_no_line_is_longer_than_75_bytes_and_none_is_cut_inside_a_character(self, anonymous):
        event = EventFactory(title="é" * 200, description="東京 😀 " * 200)
        content = get(anonymous, event).content
        for line in content.split(b"\r\n"):
            assert len(line) <= 75
            line.decode()
        assert b"\r\n " in content

    @pytest.mark.parametrize("ending", ["\r\n", "\r", "\n", "\x0b", "\x0c", "\x85", "\u2028"])
    def test_nobody_writes_lines_of_their_own(self, anonymous, ending):
        text = f"Night{ending}ATTENDEE:mailto:x@example.org"
        event = EventFactory(
            title=text,
            description=text,
            organization=OrganizationFactory(name=text, contact_email="a@example.org"),
        )
        response = get(anonymous, event)
        found = entry(response)
        assert "ATTENDEE" not in found
        assert found["SUMMARY"] == "Night\nATTENDEE:mailto:x@example.org"
        assert not any(
            line.startswith("ATTENDEE") for line in response.content.decode().splitlines()
        )

    def test_control_characters_are_left_out(self, anonymous):
        title = "a\x01b\x1bc\x7fd\x9be\tf"
        organization = OrganizationFactory(name=title, contact_email="a@example.org")
        response = get(anonymous, EventFactory(title=title, organization=organization))
        found = entry(response)
        assert found["SUMMARY"] == "abcde\tf"
        assert found["ORGANIZER"].params["CN"] == "abcde\tf"

    def test_an_address_with_signs_that_a_link_has_a_use_for(self, anonymous):
        organization = OrganizationFactory(contact_email="a+b?c%d#e@example.org")
        found = entry(get(anonymous, EventFactory(organization=organization)))
        assert found["ORGANIZER"] == "mailto:a+b%3Fc%25d%23e@example.org"


class TestSchedule:
    @pytest.fixture
    def venue(self):
        return VenueFactory()

    def get(self, client: Any, venue: Any, **extra: Any) -> Any:
        return client.get(reverse("venue-calendar", args=[venue.pk]), **extra)

    @pytest.mark.parametrize("caller", ["anonymous", "member", "support", "admin"])
    def test_holds_what_is_published_and_to_come_soonest_first(self, anonymous, venue, caller):
        now = timezone.now()
        first = EventFactory(venue=venue, title="2", starts_at=now + timedelta(days=2))
        EventFactory(venue=venue, title="1", starts_at=now + timedelta(days=1))
        for kind in ("running", "over", "draft", "cancelled"):
            EventFactory(venue=venue, organization=first.organization, **{kind: True})
        EventFactory()
        client = {
            "anonymous": anonymous,
            "member": member_of(first.organization),
            "support": client_of(UserFactory(support=True)),
            "admin": client_of(UserFactory(admin=True)),
        }[caller]
        assert names(self.get(client, venue)) == ["1", "2"]

    def test_its_entries_are_those_of_the_events_themselves(self, anonymous, venue):
        event = EventFactory(venue=venue)
        found = entry(self.get(anonymous, venue))
        assert found.to_ical() == entry(get(anonymous, event)).to_ical()

    def test_a_venue_without_events_has_an_empty_one(self, anonymous, venue):
        response = self.get(anonymous, venue)
        assert entries(response) == []
        assert response["Content-Type"] == "text/calendar; charset=utf-8"
        name = f"venue-{venue.pk}.ics"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert reverse("venue-calendar", args=[5]) == "/api/v1/venues/5/schedule.ics"

    def test_it_ends_after_the_soonest_ones(self, anonymous, venue, monkeypatch):
        assert views.MAX_CALENDAR_EVENTS == 500
        monkeypatch.setattr(views, "MAX_CALENDAR_EVENTS", 2)
        now = timezone.now()
        for days in (3, 1, 2):
            EventFactory(venue=venue, title=str(days), starts_at=now + timedelta(days=days))
        assert names(self.get(anonymous, venue)) == ["1", "2"]

    @pytest.mark.parametrize("count", [1, 20])
    def test_it_takes_two_statements(self, django_assert_num_queries, anonymous, venue, count):
        EventFactory.create_batch(count, venue=venue)
        with django_assert_num_queries(2):
            assert len(entries(self.get(anonymous, venue))) == count


class TestNegotiation:
    @pytest.mark.parametrize(
        "accept", ["text/calendar", "*/*", "application/json", "text/html,*/*;q=0.8", "text/*"]
    )
    def test_whoever_takes_a_calendar_or_json_gets_one(self, anonymous, accept):
        event = EventFactory()
        venue = reverse("venue-calendar", args=[event.venue_id])
        for response in (
            get(anonymous, event, HTTP_ACCEPT=accept),
            anonymous.get(venue, HTTP_ACCEPT=accept),
        ):
            assert response["Content-Type"] == "text/calendar; charset=utf-8"
            assert entry(response)

    def test_who_takes_neither_is_told_so_in_json(self, anonymous):
        response = get(anonymous, EventFactory(), HTTP_ACCEPT="text/html")
        assert response.status_code == 406
        assert response["Content-Type"] == "application/json"

    def test_head_and_options(self, anonymous):
        event = EventFactory()
        path = reverse("event-calendar", args=[event.pk])
        head = anonymous.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head["Content-Type"] == "text/calendar; charset=utf-8"
        options = anonymous.options(path)
        assert options.json()["renders"] == ["application/json", "text/calendar"]
