from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer, UniqueNameField

from . import examples
from .models import Venue


@with_examples(request=examples.INPUT, response=examples.VENUE)
class VenueSerializer(ModelSerializer):
    name = UniqueNameField(Venue.objects.all())

    class Meta:
        model = Venue
        fields = ("id", "name", "address", "capacity", "created_at", "updated_at")
