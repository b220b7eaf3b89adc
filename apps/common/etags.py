"""Entity tags (RFC 9110): whether what a client has is still what it would be sent.

Compared weakly: compression on the way makes a strong tag weak, and clients hand it back like that.
"""

from hashlib import blake2b

from django.utils.http import parse_etags

VERSION_MARK = "."


def make_etag(content: bytes, version: bytes = b"") -> str:
    """A strong tag for these bytes.

    With `version`, the tag ends in a part for it: what `names_version` looks at instead.
    """
    parts = [content, version] if version else [content]
    return f'"{VERSION_MARK.join(map(_digest, parts))}"'


def names(header: str, etag: str) -> bool:
    """Whether If-None-Match with this value means `etag`; `*` means every tag."""
    asked = parse_etags(header)
    return asked == ["*"] or _opaque(etag) in map(_opaque, asked)


def names_version(header: str, etag: str) -> bool:
    """Whether If-Match with this value means the version in `etag`; `*` means every one."""
    asked = parse_etags(header)
    return asked == ["*"] or _version(etag) in map(_version, asked)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _version(etag: str) -> str:
    return _opaque(etag).rpartition(VERSION_MARK)[2]
