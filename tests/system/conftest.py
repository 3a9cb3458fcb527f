"""Marks of the system tests."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "season: plays a whole season, which takes minutes")
