"""What events tell the rooms above them, inside the transaction that holds the locks.

Receivers run with the event and all its ticket types locked.
"""

from django.dispatch import Signal

# Sent with `event`, `actor` and `now` when an event becomes CANCELLED.
event_cancelled = Signal()

# Sent with `event` and `now` when `starts_at` of an event has moved.
event_rescheduled = Signal()
