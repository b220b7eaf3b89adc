from collections.abc import Sequence
from typing import Any

from rest_framework import viewsets
from rest_framework.permissions import AllowAny, IsAuthenticated

from apps.accounts.permissions import IsAdminOrReadOnly
from apps.common.errors import ChangedMeanwhile, InUse
from apps.common.public_cache import CachedForAnonymousMixin
from apps.common.schema import Operation
from apps.common.views import DeleteUnreferencedMixin, MethodFirstMixin

from .models import Venue
from .permissions import IsVenueManager
from .serializers import VenueSerializer


class VenueViewSet(
    CachedForAnonymousMixin, MethodFirstMixin, DeleteUnreferencedMixin, viewsets.ModelViewSet
):
    operations = {
        "list": Operation("List venues."),
        "create": Operation("Create a venue."),
        "retrieve": Operation("Show a venue."),
        "update": Operation("Replace a venue.", (ChangedMeanwhile,)),
        "partial_update": Operation("Change a venue.", (ChangedMeanwhile,)),
        "destroy": Operation("Delete a venue.", (InUse, ChangedMeanwhile)),
    }
    queryset = Venue.objects.all()
    serializer_class = VenueSerializer
    ordering_fields = ("name", "created_at")
    ordering = ("name", "id")

    def get_permissions(self) -> Sequence[Any]:
        if self.action in ("list", "retrieve"):
            return [AllowAny()]
        if self.action in ("update", "partial_update"):
            return [IsAuthenticated(), IsVenueManager()]
        return [IsAuthenticated(), IsAdminOrReadOnly()]
