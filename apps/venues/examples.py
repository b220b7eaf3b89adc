"""What the documentation shows: one venue."""

INPUT = {"name": "Harbour Hall", "address": "1 Quay Street, Oldport", "capacity": 2000}
VENUE = {
    "id": 5,
    **INPUT,
    "created_at": "2030-01-09T09:00:00Z",
    "updated_at": "2030-01-09T09:00:00Z",
}
