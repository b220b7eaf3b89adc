"""What every answer tells a browser, and where admin is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.urls import reverse

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.django_db

POLICY = {
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize("route", ["event-list", "swagger", "redoc", "admin:login"])
def test_every_page_has_the_content_security_policy(anonymous, route):
    headers = anonymous.get(reverse(route)).headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("route", ["swagger", "redoc"])
def test_the_documentation_has_no_script_of_its_own_in_the_page(anonymous, route):
    html = anonymous.get(reverse(route)).content.decode()
    scripts = [part.partition("</script>")[0] for part in html.split("<script")[1:]]
    assert scripts
    assert all("src=" in script and script.strip().endswith(">") for script in scripts)


def test_the_script_of_swagger_is_served_apart(anonymous):
    script = anonymous.get(reverse("swagger"), {"script": ""})
    assert script.headers["Content-Type"] == "application/javascript"
    assert b"SwaggerUIBundle" in script.content


@pytest.mark.parametrize(("path", "status"), [("secret-door/", 302), ("admin/", 404)])
def test_admin_is_where_the_setting_says(path, status):
    ask = (
        "import django; django.setup(); from django.test import Client;"
        f"print(Client().get('/{path}').status_code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask],
        check=False,
        cwd=ROOT,
        env={**os.environ, "ADMIN_PATH": "secret-door/", "DATABASE_URL": "sqlite://:memory:"}
        | {"DJANGO_SETTINGS_MODULE": "settings.test"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == str(status), done.stderr
