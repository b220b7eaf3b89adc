"""What the documentation shows: one event at the venue and of the organization of theirs."""

from apps.organizations.examples import ORGANIZATION
from apps.venues.examples import VENUE

CATEGORY_INPUT = {"name": "Music"}
CATEGORY = {
    "id": 2,
    **CATEGORY_INPUT,
    "created_at": "2030-01-09T10:00:00Z",
    "updated_at": "2030-01-09T10:00:00Z",
}
INPUT = {
    "organization": ORGANIZATION["id"],
    "venue": VENUE["id"],
    "category": CATEGORY["id"],
    "title": "Summer Night",
    "description": "Two hours of music by the river.",
    "starts_at": "2030-06-21T19:00:00Z",
    "ends_at": "2030-06-21T21:00:00Z",
    "capacity": 800,
}
EVENT = {
    "id": 7,
    **INPUT,
    "organization_name": ORGANIZATION["name"],
    "venue_name": VENUE["name"],
    "category_name": CATEGORY["name"],
    "status": "PUBLISHED",
    "published_at": "2030-02-01T12:00:00Z",
    "created_at": "2030-01-15T09:00:00Z",
    "updated_at": "2030-02-01T12:00:00Z",
}
DRAFT = {**EVENT, "status": "DRAFT", "published_at": None, "updated_at": EVENT["created_at"]}
CANCELLED = {**EVENT, "status": "CANCELLED", "updated_at": "2030-05-02T08:00:00Z"}
CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//BTick//BTick//EN\r
BEGIN:VEVENT\r
SUMMARY:Summer Night\r
DTSTART:20300621T190000Z\r
DTEND:20300621T210000Z\r
DTSTAMP:20300201T120000Z\r
UID:event-7@tickets.example.org\r
DESCRIPTION:Two hours of music by the river.\r
LOCATION:Harbour Hall\\, 1 Quay Street\\, Oldport\r
ORGANIZER;CN="Riverside Concerts":mailto:office@riverside.example.org\r
STATUS:CONFIRMED\r
END:VEVENT\r
END:VCALENDAR\r
"""
