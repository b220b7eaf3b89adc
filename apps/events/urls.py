from django.urls import path

from apps.common.routers import ApiRouter

from .views import (
    EventCategoryViewSet,
    EventViewSet,
    OrganizationEventsView,
    VenueScheduleView,
)

router = ApiRouter()
router.register("categories", EventCategoryViewSet, basename="category")
router.register("events", EventViewSet, basename="event")

urlpatterns = [
    *router.urls,
    path(
        "organizations/<id:pk>/events/",
        OrganizationEventsView.as_view(),
        name="organization-events",
    ),
    path("venues/<id:pk>/schedule/", VenueScheduleView.as_view(), name="venue-schedule"),
]
