from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import models

# The largest value of an integer column, on every database.
MAX_INTEGER = 2_147_483_647

MAX_NAME_LENGTH = 200


EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def validate_moment(moment: datetime) -> None:
    """Refuse what not every database can hold with room to count days from it."""
    if not EARLIEST <= moment < LATEST:
        raise ValidationError("Use a year from 1900 to 9998.", "out_of_range")


class TimeStampedModel(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
