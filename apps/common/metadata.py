from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.metadata import SimpleMetadata
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request, clone_request

# Of a ViewSet; its other actions take no body, or not one of its serializer.
ACTIONS = {"POST": "create", "PUT": "update"}


class Metadata(SimpleMetadata):
    """What OPTIONS answers: the fields of a request only to those who may send it.

    DRF's own asks the permissions of a ViewSet as those of OPTIONS, which are others.
    """

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        # A page, which is shown by a template, is described in JSON like all else.
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
        return super().determine_metadata(request, view)

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        actions = {}
        for method in sorted(ACTIONS.keys() & set(view.allowed_methods)):
            action_map = getattr(view, "action_map", None)
            if action_map and action_map[method.lower()] != ACTIONS[method]:
                continue
            if fields := self._fields(clone_request(request, method), view):
                actions[method] = fields
        return actions

    def _fields(self, request: Request, view: Any) -> dict[str, Any]:
        """The fields of the serializer that `request` would be read by; none if it is refused."""
        asked = view.request, getattr(view, "action", None)
        view.request, view.action = request, ACTIONS[str(request.method)]
        try:
            view.check_permissions(request)
            if request.method == "PUT":
                view.get_object()
            return self.get_serializer_info(view.get_serializer())
        except (APIException, Http404, PermissionDenied):
            return {}
        finally:
            view.request, view.action = asked
