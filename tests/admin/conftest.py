import pytest
from django.test import Client

from tests.factories import UserFactory


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory(email="boss@example.org", admin=True))
    return client
