"""All routes: every app hangs its own under one prefix, so URLs nest where imports may not."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)

from apps.common.views import favicon, not_found

handler500 = "apps.common.views.server_error"

admin.site.site_header = admin.site.site_title = "BTick"
admin.site.index_title = "Administration"
admin.site.index_template = "admin/start_page.html"
# The lists need its width, and everything is one click away on the start page.
admin.site.enable_nav_sidebar = False

api_v1 = [
    path("", include("apps.organizations.urls")),
    path("", include("apps.venues.urls")),
    path("", include("apps.events.urls")),
    path("", include("apps.tickets.urls")),
    path("", include("apps.bookings.urls")),
]

urlpatterns = [
    path("favicon.ico", favicon),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("api/auth/", include("apps.accounts.urls")),
    path("api/v1/", include(api_v1)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/schema/swagger/", SpectacularSwaggerSplitView.as_view(), name="swagger"),
    path(
        "api/schema/redoc/",
        SpectacularRedocView.as_view(template_name="redoc.html"),
        name="redoc",
    ),
    re_path("^api/", not_found),
]
