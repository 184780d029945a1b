"""``tenfold study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit, progress


def register(app: App) -> None:
    """Add the command."""
    group = App(
        name="study",
        help="A whole study from one TOML file.",
        help_epilogue="Example: tenfold study run study.toml",
    )
    group.command(run)
    app.command(group)


def run(
    study: Annotated[Path, Parameter(help="the study's TOML file")],
    /,
    *,
    html: Annotated[str, Parameter(help="write the report here instead of where the study says")] = "",
    out: Annotated[str, Parameter(help="write the result as JSON here")] = "",
    card: Annotated[str, Parameter(help="write one summary picture here (.svg, .png or .pdf)")] = "",
    cache: Annotated[Path, Parameter(show_default=True, help="folder of results kept by content")] = Path(
        ".tenfold-cache"
    ),
    live: Annotated[bool, Parameter(help="train the study's live run")] = True,
    json: Json = False,
) -> None:
    """Fit, rehearse, forecast, plan, check live and write the report."""
    from tenfold.io.results import write_bytes, write_json
    from tenfold.report import html as page
    from tenfold.report import static, text
    from tenfold.study import run_study
    from tenfold.study_file import load_study

    file = load_study(study)
    with progress(file.title, quiet=json) as tell:
        result = run_study(file, cache=cache, on_progress=tell, live=live)
    folder = Path(file.folder)
    written = []
    page_path = Path(html) if html else (folder / file.report.html if file.report.html else None)
    if page_path is not None:
        write_bytes(page_path, page.study_html(result))
        written.append(page_path)
    data_path = Path(out) if out else (folder / file.report.json_file if file.report.json_file else None)
    if data_path is not None:
        write_json(data_path, result.to_dict())
        written.append(data_path)
    if card:
        write_bytes(card, static.card(result, format=Path(card).suffix.lstrip(".") or "svg"))
        written.append(Path(card))
    if file.report.figures:
        for name, data in static.study_figures(result, format=file.report.figures).items():
            path = folder / f"{name}.{file.report.figures}"
            write_bytes(path, data)
            written.append(path)
    emit(result.to_dict(), lambda: _text(text.study_text(result), written), as_json=json)


def _text(body: Any, written: list[Path]) -> Any:
    from rich.console import Group

    return Group(body, *(f"wrote {path}" for path in written))
