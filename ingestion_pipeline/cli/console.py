"""What people see in a shell: tables, progress bars, messages. Results go to standard output,
everything about the way there to standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import sqlalchemy as sa
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.ledger.uploads import COUNTS, MOST_KEPT
from ingestion_pipeline.foundation.printable import printable

REJECTED = 3

if TYPE_CHECKING:
    from ingestion_pipeline.cli.local.demo import DemoResult
    from ingestion_pipeline.domains.buildings.contract.windows import Counts
    from ingestion_pipeline.domains.buildings.merge.result import DayResult
    from ingestion_pipeline.domains.buildings.merge.sites import TenantSite
    from ingestion_pipeline.domains.commerce.merge.folder import IngestResult
    from ingestion_pipeline.domains.commerce.sample import SampleFile
    from ingestion_pipeline.domains.kpis.merge.history import ImportResult
    from ingestion_pipeline.foundation.ledger.tenants import Tenant
    from ingestion_pipeline.foundation.storage.status import DatabaseStatus


class _PlainConsole(Console):
    """Prints no control characters but its own: names of files and reasons may be a stranger's."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, lines=True), **options)


_out = _PlainConsole(highlight=False)
_err = _PlainConsole(stderr=True, highlight=False)


def say(message: str) -> None:
    """Tell the user something."""
    _out.print(message, markup=False)


def warn(message: str) -> None:
    """Tell the user something that they may not expect."""
    _err.print(f"[yellow]{escape(message)}[/yellow]")


def complain(message: str) -> None:
    """Tell the user why it did not work."""
    _err.print(f"[red]{escape(message)}[/red]", soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Tell the user why it did not work, and exit with 1."""
    complain(message)
    raise typer.Exit(1)


@contextmanager
def file_progress(paths: Sequence[Path], *, hidden: bool) -> Iterator[Callable[[Path, int], None]]:
    """A progress bar a file, by bytes read."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=_err, disable=hidden) as progress:
        tasks = {
            path: progress.add_task(path.name, total=path.stat().st_size, start=False)
            for path in paths
        }

        def bytes_read(path: Path, position: int) -> None:
            progress.start_task(tasks[path])
            progress.update(tasks[path], completed=position)

        yield bytes_read


class UploadProgress:
    """A bar a file: first the bytes that have arrived, then what its job is doing."""

    def __init__(self, paths: Sequence[Path], *, hidden: bool) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
            TextColumn("{task.fields[state]}"), TimeElapsedColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=_err, disable=hidden)
        self._sizes = {path: path.stat().st_size for path in paths}
        self._tasks = {
            path: self._progress.add_task(path.name, total=size, start=False, state="")
            for path, size in self._sizes.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def sent(self, path: Path, received: int) -> None:
        """So many of the file's bytes have arrived."""
        task = self._tasks[path]
        self._progress.start_task(task)
        self._progress.update(task, completed=received, state="uploading")

    def state(self, path: Path, state: str, *, done: bool) -> None:
        """What the file's job is doing."""
        size = self._sizes[path]
        # Without a total the bar pulses.
        self._progress.update(
            self._tasks[path], total=size if done else None, completed=size, state=state
        )
        if done:
            self._progress.stop_task(self._tasks[path])

    def say(self, message: str) -> None:
        """Something that the user should know."""
        warn(message)


@contextmanager
def window_progress(
    description: str, *, hidden: bool
) -> Iterator[Callable[[int, int, Counts], None]]:
    """A progress bar of the windows of a day, and what their records come to so far."""
    columns = (
        TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.completed}/{task.total} windows"),
        TextColumn("{task.fields[fetched]:,} fetched, {task.fields[kept]:,} kept"),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=_err, disable=hidden) as progress:
        task = progress.add_task(description, total=None, fetched=0, kept=0)

        def progressed(done: int, windows: int, counts: Counts) -> None:
            progress.update(
                task, completed=done, total=windows, fetched=counts.fetched, kept=counts.kept
            )

        yield progressed


def show_table(
    *columns: str,
    rows: Iterable[Sequence[str]],
    title: str | None = None,
    whole: Sequence[str] = (),
) -> None:
    """A table of texts; numbers among them end in line, and columns that are `whole` in one."""
    table = Table(title=title, title_justify="left", box=SIMPLE)
    told = [[escape(cell) for cell in row] for row in rows]
    for place, column in enumerate(columns):
        numbers = bool(told) and all(_is_number(row[place]) for row in told)
        table.add_column(
            column,
            justify="right" if numbers else "left",
            overflow="fold",
            # As wide as its longest; rich cuts what does not wrap, so the others give way.
            min_width=max(
                (len(line) for row in told for line in row[place].splitlines()), default=0
            )
            if column in whole
            else None,
        )
    for row in told:
        table.add_row(*row)
    _out.print(table)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(",", "").replace(".", "", 1).isdigit()


def show_collected(result: DayResult) -> None:
    """What collecting a day came to."""
    table = Table(box=SIMPLE, show_header=False)
    shown = ("requests", "pages", "fetched", "kept", "inserted", "updated", "unchanged")
    found = result.as_dict()
    for name in (*shown, "skipped", "outside", "duplicates", "rejected", "retries"):
        if found[name] or name in shown:
            table.add_row(name, f"{found[name]:,}")
    table.add_row("seconds", f"{result.seconds:.1f}")
    _out.print(table)
    if not result.over and not result.failed:
        warn("the day is not over: collect it again tomorrow")
    for reason, number in result.reasons.items():
        _out.print(f"{number:>10,} rejected  {reason}", markup=False)
    for name in result.missing_points:
        warn(f"no sample of the configured point {name}")


def show_ingest(result: IngestResult, *, dry_run: bool) -> None:
    """The counts of every file, the totals, and why lines were rejected."""
    table = Table(title="What would happen" if dry_run else None, show_footer=True, box=SIMPLE)
    totals = result.totals
    # Nine counts do not fit a shell of 80 columns; those that are zero everywhere say nothing.
    shown = [name for name in COUNTS if getattr(totals, name) or name in ("lines", "rejected")]
    table.add_column("file", footer="total", overflow="fold")
    for name in shown:
        footer = f"{getattr(totals, name):,}"
        table.add_column(name, footer=footer, justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for file in result.files:
        counts = [f"{getattr(file.counts, name):,}" for name in shown]
        table.add_row(escape(file.file), *counts, f"{file.seconds:.1f}")
    _out.print(table)
    for file in result.files:
        if file.error:
            complain(f"{file.file}: {file.error}")
    for reason, lines in result.rejected_by_reason.items():
        _out.print(f"{lines:>10,} rejected  {reason}", markup=False)
    if totals.rejected and not dry_run:
        _out.print("Rejected lines are in the table rejected_rows, with all their reasons:")
        _out.print(f"every one, or the first {MOST_KEPT:,} of a file.")
    if totals.waiting:
        _out.print(f"{totals.waiting:,} rows wait for their parents; load those to merge them.")


def show_kpi_import(result: ImportResult, *, dry_run: bool) -> None:
    """The counts of every file, and why readings were refused."""
    table = Table(title="What would happen" if dry_run else None, box=SIMPLE)
    table.add_column("file", overflow="fold")
    totals = asdict(result.totals)
    shown = [name for name, number in totals.items() if number or name in ("read", "new")]
    for name in (*shown, "seconds"):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for file in result.files:
        counts = asdict(file.counts)
        table.add_row(
            escape(file.file), *(f"{counts[name]:,}" for name in shown), f"{file.seconds:.1f}"
        )
    _out.print(table)
    for file in result.files:
        for fault in file.faults[:10]:
            _out.print(f"{file.file}, {fault.place}: {fault.reason}", markup=False)
        if file.counts.refused > 10:
            _out.print(f"{file.file}: {file.counts.refused - 10:,} more were refused")
        for kind, number in file.passed_over.items():
            warn(f"{file.file}: {number:,} documents {kind}:… are passed over")
        if file.error:
            complain(f"{file.file}: {file.error}")
    if totals["conflicts"]:
        warn(f"{totals['conflicts']:,} readings had another value than the one that is kept")


def show_sample_data(folder: Path, written: dict[str, SampleFile]) -> None:
    """The files that were written."""
    table = Table("file", "lines", "bad", box=SIMPLE)
    for file in written.values():
        table.add_row(file.path.name, f"{file.lines:,}", f"{file.bad:,}")
    _out.print(table)
    _out.print(f"Load them with: ingestion-pipeline ingest --data-dir {folder}", markup=False)


def show_database_status(found: DatabaseStatus) -> None:
    """What `db status` found."""
    table = Table(show_header=False)
    for name, value in found.as_dict().items():
        if value is not None:
            table.add_row(name.replace("_", " "), str(value))
    _out.print(table)


def show_tenants(everyone: Sequence[Tenant]) -> None:
    """All tenants."""
    table = Table("tenant", "number", "active keys", "created")
    for tenant in everyone:
        created = tenant.created_at.isoformat(timespec="seconds")
        table.add_row(tenant.name, str(tenant.tenant_id), str(tenant.active_keys), created)
    _out.print(table)


def show_tenant_sites(sites: Sequence[TenantSite]) -> None:
    """Which building site is whose."""
    table = Table("tenant", "site", "since")
    for each in sites:
        since = each.since.isoformat(timespec="seconds")
        table.add_row(each.tenant, escape(each.site), since)
    _out.print(table)


def show_demo(result: DemoResult) -> None:
    """Assets with their rows and checks."""
    table = Table(box=SIMPLE)
    table.add_column("asset", no_wrap=True)
    for name in ("made", "rows", "checks", "failed", "warnings"):
        table.add_column(name)
    for asset in result.assets:
        state = "external" if asset.external else "yes" if asset.materialized else "no"
        rows = "" if asset.rows is None else f"{asset.rows:,}"
        failed = ", ".join(asset.failed_checks)
        warnings = ", ".join(asset.warnings)
        table.add_row(asset.name, state, rows, str(asset.passed_checks), failed, warnings)
    _out.print(table)
    if query := result.query:
        same = "as PostgreSQL has it" if query.as_in_database else "PostgreSQL has it otherwise"
        say("The lake, asked by another engine:")
        _out.print(query.asked, markup=False, soft_wrap=True)
        cells = [[f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
                 for row in query.rows]  # fmt: skip
        show_table(*query.columns, rows=cells)
        say(f"({same})")
    _out.print("[green]All well.[/green]" if result.all_well else "[red]Something is amiss.[/red]")


def show_uploads(connection: sa.Connection, tenant_id: int) -> None:
    """What became of a tenant's uploads."""
    statement = (
        sa.select(uploads).where(uploads.c.tenant_id == tenant_id).order_by(uploads.c.upload_id)
    )
    rows = connection.execute(statement).mappings().all()
    shown = [name for name in COUNTS if name == "rejected" or any(row[name] for row in rows)]
    table = Table("file", "status", *shown, box=SIMPLE)
    for row in rows:
        table.add_row(
            escape(row["file_name"]), row["status"], *(f"{row[name]:,}" for name in shown)
        )
    _out.print(table)
