from django.apps import AppConfig


class VenuesConfig(AppConfig):
    name = "apps.venues"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
