from django.db import models

# The largest value of an integer column, on every database.
MAX_INTEGER = 2_147_483_647

MAX_NAME_LENGTH = 200


class TimeStampedModel(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
