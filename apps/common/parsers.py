from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """UTF-8 JSON objects only, without characters that no database column can hold.

    Raises ParseError (400) for anything else, however malformed.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            data = super().parse(
                stream, media_type, {**(parser_context or {}), "encoding": "utf-8"}
            )
            if not isinstance(data, dict):
                raise ParseError("The body must be a JSON object.")
            if _has_unstorable_text(data):
                raise ParseError("The body holds a NUL character or half of a surrogate pair.")
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        return data


def _has_unstorable_text(value: Any) -> bool:
    if isinstance(value, str):
        return any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return any(_has_unstorable_text(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(_has_unstorable_text(part) for part in value)
    return False
