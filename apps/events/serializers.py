from rest_framework import serializers

from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer, UniqueNameField

from . import examples
from .models import Event, EventCategory


@with_examples(request=examples.CATEGORY_INPUT, response=examples.CATEGORY)
class EventCategorySerializer(ModelSerializer):
    name = UniqueNameField(EventCategory.objects.all())

    class Meta:
        model = EventCategory
        fields = ("id", "name", "created_at", "updated_at")


@with_examples(request=examples.INPUT, response=examples.EVENT)
class EventSerializer(ModelSerializer):
    organization_name = serializers.CharField(source="organization.name", read_only=True)
    venue_name = serializers.CharField(source="venue.name", read_only=True)
    category_name = serializers.CharField(source="category.name", read_only=True)

    class Meta:
        model = Event
        fields = (
            "id",
            "organization",
            "organization_name",
            "venue",
            "venue_name",
            "category",
            "category_name",
            "title",
            "description",
            "starts_at",
            "ends_at",
            "status",
            "capacity",
            "published_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("status", "published_at")
