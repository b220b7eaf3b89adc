"""What the documentation shows: one organization and a manager of it."""

INPUT = {
    "name": "Riverside Concerts",
    "website": "https://riverside.example.org",
    "contact_email": "office@riverside.example.org",
}
TIMES = {"created_at": "2030-01-08T09:00:00Z", "updated_at": "2030-01-08T09:00:00Z"}
ORGANIZATION = {"id": 3, **INPUT, **TIMES}
NEW_ROLE = {"role": "MANAGER"}
NEW_MEMBER = {"user_email": "max@example.org", "role": "MANAGER"}
MEMBERSHIP = {
    "id": 9,
    "user": 43,
    "user_email": "max@example.org",
    "first_name": "Max",
    "last_name": "Stone",
    "role": "MANAGER",
    **TIMES,
}
