from django.urls import path

from apps.common.routers import ApiRouter

from .views import (
    EventCalendarView,
    EventCategoryViewSet,
    EventViewSet,
    OrganizationEventsView,
    VenueCalendarView,
    VenueScheduleView,
)

router = ApiRouter()
router.register("categories", EventCategoryViewSet, basename="category")
router.register("events", EventViewSet, basename="event")

urlpatterns = [
    *router.urls,
    path("events/<id:pk>/calendar.ics", EventCalendarView.as_view(), name="event-calendar"),
    path(
        "organizations/<id:pk>/events/",
        OrganizationEventsView.as_view(),
        name="organization-events",
    ),
    path("venues/<id:pk>/schedule/", VenueScheduleView.as_view(), name="venue-schedule"),
    path("venues/<id:pk>/schedule.ics", VenueCalendarView.as_view(), name="venue-calendar"),
]
