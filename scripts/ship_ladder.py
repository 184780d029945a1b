"""Turn a trained ladder's records into a packaged table with its sidecar.

    python scripts/ship_ladder.py LADDER_OUT NAME --machine "2 x86-64 cores, 24 GiB" --command "tenfold train bytes --out ..."

Writes ``src/tenfold/data/NAME.csv``, ``NAME_curves.csv.gz`` and the sidecar ``NAME.toml``. Every run is shipped, also those
that did not finish, with their status.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from tenfold.ladder.corpora import load_corpus
from tenfold.ladder.records import RunRecord, read_records, to_curve_rows, to_rows
from tenfold.ladder.table import CONVENTIONS, cell, to_csv

DATA = Path(__file__).resolve().parent.parent / "src" / "tenfold" / "data"


def main() -> None:
    """Read the records, write the table, its curves and its sidecar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("name")
    parser.add_argument("--machine", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--title", required=True)
    options = parser.parse_args()
    records = sorted(read_records(options.out / "runs.jsonl"), key=_order)
    rows = [{**row, "cell": cell(row)} for row in to_rows(records)]
    table = to_csv(rows)
    (DATA / f"{options.name}.csv").write_text(table, encoding="utf-8")
    curves = to_csv(to_curve_rows(records)).encode()
    with (
        (DATA / f"{options.name}_curves.csv.gz").open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
    ):
        packed.write(curves)
    sidecar = _sidecar(options, records, rows, table)
    (DATA / f"{options.name}.toml").write_text(sidecar, encoding="utf-8")
    (DATA / f"{options.name}_curves.toml").write_text(
        f'title = "{options.title}: checkpoints, in the middle of their schedules"\n\n[conventions]\n' + _conventions(),
        encoding="utf-8",
    )
    print(f"{len(rows)} runs, {sum(len(r.curve) for r in records)} checkpoints")


def _order(record: RunRecord) -> tuple[float, str, int, int, float, int]:
    """Budgets from small to large where groups are budgets; then by size, rate and seed."""
    try:
        budget = float(record.spec.group or 0)
    except ValueError:
        budget = 0.0
    spec = record.spec
    return budget, spec.group * (budget == 0), spec.shape.width, spec.shape.depth, spec.optimizer.lr_scale, spec.seed


def _conventions() -> str:
    return "".join(f'{name} = "{value}"\n' for name, value in CONVENTIONS.stated().items())


def _sidecar(options: argparse.Namespace, records: list[RunRecord], rows: list[dict[str, Any]], table: str) -> str:
    corpus = load_corpus(records[0].spec.corpus)
    known = {record.corpus_sha256 for record in records if record.corpus_sha256}
    if known != {corpus.sha256}:
        raise SystemExit("the corpus of this interpreter is not the one the records were trained on")
    versions = {
        name: ", ".join(dict.fromkeys(record.versions[name] for record in records if name in record.versions))
        for name in dict.fromkeys(name for record in records for name in record.versions)
    }
    status = Counter(str(row["status"]) for row in rows)
    seconds = sum(float(row["seconds"] or 0.0) for row in rows if row.get("device", "CPU") == "CPU")
    lines = [
        f'title = "{options.title}"',
        f'command = "{options.command}"',
        f"date = {datetime.date.today().isoformat()}",
        f'machine = "{options.machine}"',
        f"core_hours = {seconds / 3600:.2f}",
        f"runs = {len(rows)}",
        f'sha256 = "{hashlib.sha256(table.encode()).hexdigest()}"',
        "",
        "[status]",
        *(f"{name} = {count}" for name, count in sorted(status.items())),
        "",
        "[versions]",
        *(f'{name} = "{value}"' for name, value in versions.items()),
        "",
        "[corpus]",
        f'name = "{corpus.name}"',
        f'sha256 = "{corpus.sha256}"',
        f"files = {corpus.n_files}",
        f"train_bytes = {len(corpus.train)}",
        f"withheld_bytes = {len(corpus.withheld)}",
        "",
        "[conventions]",
        _conventions().rstrip(),
        "",
        "[meaning]",
        'params = "matmul FLOPs of one training token divided by six"',
        'params_hidden = "weights of the blocks"',
        'params_hidden_head = "weights of the blocks and of the output head"',
        'params_total = "all weights, embeddings included"',
        'flops = "matmul FLOPs of the whole run, forward and backward, full attention matrix"',
        f'loss = "nats a byte on {records[0].spec.evaluation.windows} fixed windows of withheld files"',
        'cell = "runs of one budget, one size and one choice of settings, whatever their seed"',
        *(['lr_scale = "factor on the tuned learning rates of all groups"'] if "lr_scale" in rows[0] else []),
        'seconds = "wall time on one thread, compilation and evaluation included, beside other work"',
        *(
            ['device = "where the run was trained; on a GPU beside others, which share it"']
            if "device" in rows[0]
            else []
        ),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
