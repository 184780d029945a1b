"""Shared by the tests of input and output: how an error is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tenfold.core import TenfoldError


@pytest.fixture
def refused() -> Callable[..., str]:
    """Calls a function that must refuse, and gives its message and hint: one line each, with what to do."""

    def call(kind: type[TenfoldError], function: Callable[..., Any], *args: Any, **options: Any) -> str:
        with pytest.raises(kind) as caught:
            function(*args, **options)
        error = caught.value
        assert type(error) is kind
        assert error.message
        assert error.hint, f"no hint: {error.message}"
        assert "\n" not in error.message + error.hint
        assert error.__cause__ is None
        return f"{error.message} | {error.hint}"

    return call
