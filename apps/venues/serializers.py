from apps.common.serializers import ModelSerializer, UniqueNameField

from .models import Venue


class VenueSerializer(ModelSerializer):
    name = UniqueNameField(Venue.objects.all())

    class Meta:
        model = Venue
        fields = ("id", "name", "address", "capacity", "created_at", "updated_at")
