"""Bad values in the query: 400 from every filter of every list, and nothing worse from the rest."""

import pytest

from tests.common.endpoints import HUGE_NUMBER, HUGE_TEXT, UNKNOWN_ID
from tests.common.helpers import ids, unchanged
from tests.common.lists import LISTINGS, make_owner, make_rows

pytestmark = pytest.mark.django_db

BAD_IDS = [
    *("07", "+7", "7.0", " 7 ", "7 ", "1_0", "-7", "-1", "abc", "true", "null", "7,8", "0x7"),
    *("7\n", "7\0", "٧", "1e1", 2**63, 2**64, HUGE_NUMBER, "9" * 4000, HUGE_TEXT, "[7]", "' OR 1"),
]
BAD_MOMENTS = [
    *(
        "tomorrow",
        "2030",
        "2030-13-01",
        "2030-02-30",
        "2030-02-30T00:00:00Z",
        "20:00",
        "1893456000",
    ),
    *("2030-01-01T25:00:00Z", "2030-01-01T00:00:00+99:00", "10000-01-01", "0000-01-01", HUGE_TEXT),
    *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2030-01-01\0", "[2030-01-01]"),
    *("2030-01-01T00:00:00Z and more", "2030-01-01T00:00:00  02:00", "-2030-01-01", "7"),
]
BAD_CHOICES = [
    "UNKNOWN",
    "published",
    "standard",
    "pending",
    "7",
    "DRAFT,PUBLISHED",
    "\0",
    HUGE_TEXT,
]
BAD_FLAGS = ["1", "0", "yes", "True", "FALSE", "null", "true,false", "\0", HUGE_TEXT]

IDS = ("category", "organization", "venue", "event", "event_ticket")
MOMENTS = ("starts_after", "starts_before", "created_after", "created_before")
BAD = {
    **dict.fromkeys(IDS, BAD_IDS),
    **dict.fromkeys(MOMENTS, BAD_MOMENTS),
    **dict.fromkeys(("status", "ticket_type", "cancellation_reason"), BAD_CHOICES),
    "confirmed": BAD_FLAGS,
}

FILTERS = [
    pytest.param(listing, name, id=f"{listing} {name}")
    for listing in LISTINGS
    for name in listing.filters
]
SEARCHED = [pytest.param(each, id=str(each)) for each in LISTINGS if "starts_after" in each.filters]


@pytest.fixture
def owner():
    return make_owner()


@pytest.mark.parametrize(("listing", "name"), FILTERS)
def test_a_bad_value_is_refused(owner, listing, name):
    listing.make(owner)
    answers = {}
    with unchanged():
        for value in BAD[name]:
            response = listing.get(owner, **{name: value})
            answers[value] = (response.status_code, list(response.json()))
    wrong = {value: answer for value, answer in answers.items() if answer != (400, [name])}
    assert wrong == {}


@pytest.mark.parametrize(
    ("listing", "name"), [param for param in FILTERS if param.values[1] in IDS]
)
@pytest.mark.parametrize("value", [UNKNOWN_ID, 2**63 - 1, 0])
def test_the_id_of_nothing_finds_nothing(owner, listing, name, value):
    listing.make(owner)
    assert ids(listing.get(owner, **{name: value})) == []


@pytest.mark.parametrize(("listing", "name"), FILTERS)
def test_an_empty_value_filters_nothing(owner, listing, name):
    row = listing.make(owner)
    assert row.pk in ids(listing.get(owner, **{name: ""}))


@pytest.mark.parametrize(
    ("listing", "name"), [param for param in FILTERS if param.values[1] in MOMENTS]
)
@pytest.mark.parametrize("value", ["0001-01-01", "0001-01-01T00:00:00Z"])
def test_the_first_day_of_all_is_a_day(owner, listing, name, value):
    row = listing.make(owner)
    found = ids(listing.get(owner, **{name: value}))
    assert (row.pk in found) is name.endswith("after")


@pytest.mark.parametrize(
    ("listing", "name"), [param for param in FILTERS if param.values[1] in MOMENTS]
)
@pytest.mark.parametrize("value", ["9999-12-31", "9999-12-31T23:59:59.999999Z"])
def test_the_last_day_of_all_is_a_day(owner, listing, name, value):
    row = listing.make(owner)
    found = ids(listing.get(owner, **{name: value}))
    assert (row.pk in found) is name.endswith("before")


@pytest.mark.parametrize("listing", SEARCHED)
def test_a_search_with_a_nul_is_refused(owner, listing):
    response = listing.get(owner, search="a\0b")
    assert response.status_code == 400
    assert list(response.json()) == ["search"]


@pytest.mark.parametrize("listing", SEARCHED)
def test_a_search_has_two_hundred_characters_at_most(owner, listing):
    listing.make(owner)
    assert ids(listing.get(owner, search="x" * 200)) == []
    for text in ("x" * 201, HUGE_TEXT):
        response = listing.get(owner, search=text)
        assert response.status_code == 400
        assert list(response.json()) == ["search"]


@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_an_unknown_filter_is_ignored(owner, listing):
    row = listing.make(owner)
    assert row.pk in ids(listing.get(owner, colour="red", id=UNKNOWN_ID, pk="x"))


UNKNOWN_ORDERINGS = [
    *("colour", "-", "--", "--created_at", "-created_at-", "?", "pk", "id", "password", "1", ",,,"),
    *("organization__name", "user__password", "created_at__year", "\0", "٧", HUGE_TEXT),
]


@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_an_unknown_ordering_is_ignored(owner, listing):
    field = listing.default_ordering.lstrip("-").replace("id", "created_at")
    make_rows(listing, owner, field, [1, 0])
    default = ids(listing.get(owner))
    found = {name: ids(listing.get(owner, ordering=name)) for name in UNKNOWN_ORDERINGS}
    assert len(default) == listing.others + 2
    assert found == dict.fromkeys(UNKNOWN_ORDERINGS, default)
