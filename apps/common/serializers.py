from functools import cache
from typing import Any

from django.db import models
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.validators import UniqueValidator

from .fields import IdField
from .models import MAX_NAME_LENGTH


class ModelSerializer(serializers.ModelSerializer):
    """Foreign keys as ids, updates of the columns sent and no others, and output by fields that
    all responses share: to build them takes longer than to write out a row.

    So output depends on the row, and on those entries of the context that `output_context` names.
    """

    serializer_related_field = IdField
    output_context: tuple[str, ...] = ()

    def to_representation(self, instance: models.Model) -> dict[str, Any]:
        names = self.output_context
        context = tuple((name, self.context[name]) for name in names if name in self.context)
        return super(ModelSerializer, _writer(type(self), context)).to_representation(instance)

    def update(self, instance: models.Model, validated_data: dict[str, Any]) -> models.Model:
        changes = {**validated_data, "updated_at": timezone.now()}
        if not type(instance)._default_manager.filter(pk=instance.pk).update(**changes):
            raise NotFound
        for name, value in changes.items():
            setattr(instance, name, value)
        return instance


@cache
def _writer(serializer_class: type[ModelSerializer], context: tuple[tuple[str, Any], ...]) -> Any:
    """A serializer that knows no request, so that it can serve all of them."""
    return serializer_class(context=dict(context))


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
