"""What the tests of the reports share: one study made by hand, and its page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def study():
    import made

    return made.study()


@pytest.fixture(scope="session")
def page(study) -> str:
    from tenfold.report.html import study_html

    return study_html(study).decode("utf-8")
