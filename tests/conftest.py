"""What holds for all tests."""

import pytest
from patience import patience


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A test that hangs is ended: after five minutes on an idle machine, and later on a busy one."""
    if config.getoption("timeout") is None:
        config.option.timeout = patience(300)
