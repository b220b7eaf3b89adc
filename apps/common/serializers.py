from typing import Any

from django.db import models
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.validators import UniqueValidator

from .fields import IdField
from .models import MAX_NAME_LENGTH


class ModelSerializer(serializers.ModelSerializer):
    """Foreign keys as ids, and updates of the columns sent and no others."""

    serializer_related_field = IdField

    def update(self, instance: models.Model, validated_data: dict[str, Any]) -> models.Model:
        changes = {**validated_data, "updated_at": timezone.now()}
        if not type(instance)._default_manager.filter(pk=instance.pk).update(**changes):
            raise NotFound
        for name, value in changes.items():
            setattr(instance, name, value)
        return instance


class UniqueNameField(serializers.CharField):
    """A name that no other row of `queryset` has, in any letter case."""

    def __init__(self, queryset: models.QuerySet, **kwargs: Any) -> None:
        unique = UniqueValidator(queryset, message="This name is taken.", lookup="iexact")
        super().__init__(max_length=MAX_NAME_LENGTH, validators=[unique], **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        # Before the look-up, which SQLite refuses for a name of absurd length.
        if len(name) > MAX_NAME_LENGTH:
            self.fail("max_length", max_length=MAX_NAME_LENGTH)
        return name
