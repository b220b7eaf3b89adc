"""What the tests of several apps say about responses and about data that must stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.urls import reverse
from rest_framework.response import Response


def iso(moment: datetime | None) -> str | None:
    """A moment as the API writes it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def snapshot() -> dict[type[Model], list[dict[str, Any]]]:
    """Every row of every table of BTick, many-to-many ones included, with all its columns."""
    configs = [config for config in apps.get_app_configs() if config.name.startswith("apps.")]
    models = [model for each in configs for model in each.get_models(include_auto_created=True)]
    return {model: list(model._base_manager.order_by("pk").values()) for model in models}


@contextmanager
def unchanged() -> Iterator[None]:
    """Fails when the block changes a single column of a single row."""
    before = snapshot()
    yield
    assert snapshot() == before


def ids(response: Response) -> list[int]:
    """The ids of a paginated list, in its order."""
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def assert_refused(response: Response, code: str, **details: Any) -> None:
    """A broken rule: 400 with a text for people, the stable code and nothing but `details`."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert isinstance(body.pop("detail"), str)
    assert body == {"code": code, **details}


def assert_invalid(response: Response, *fields: str) -> None:
    """Broken input: 400 that names these fields and no others, each with a list of texts."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert sorted(body) == sorted(fields)
    for texts in body.values():
        assert texts
        assert all(isinstance(text, str) for text in texts)


def path_with_id(name: str, spelling: Any) -> str:
    """The URL of a detail page with any text where the id belongs."""
    return reverse(name, args=[123454321]).replace("123454321", str(spelling))
