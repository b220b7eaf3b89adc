"""What the documentation shows: one ticket type of the event of theirs."""

from apps.events.examples import EVENT

INPUT = {"event": EVENT["id"], "ticket_type": "STANDARD", "price": "25.00", "quota": 500}
TICKET = {
    "id": 12,
    **INPUT,
    "currency": "USD",
    "sold": 120,
    "available": 380,
    "created_at": "2030-01-15T10:00:00Z",
    "updated_at": "2030-03-01T18:30:00Z",
}
