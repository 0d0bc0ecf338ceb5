"""Who sends, and in what: their names, units and words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sender:
    """A way in.

    Attributes:
        name: as the API and addresses of pages have it.
        title: as a page has it.
        unit: what is counted.
        files: whether what comes are files; else a delivery is a request, an event, a day.
    """

    name: str
    title: str
    unit: str
    files: bool = True


SENDERS = {
    each.name: each
    for each in (
        Sender("upload", "Uploads over HTTP", "rows"),
        Sender("drop_folder", "Drop folder", "rows"),
        Sender("cli", "Command line", "rows"),
        Sender("corrections", "Corrected rows", "rows"),
        Sender("other_files", "Files of the operator", "rows"),
        Sender("mapped_files", "Files by a mapping", "records"),
        Sender("http_series", "APIs by a mapping", "records"),
        Sender("reports", "Reports of platforms", "rows"),
        Sender("platform_apis", "APIs of platforms", "rows", files=False),
        Sender("gumroad_pings", "Gumroad's Pings", "Pings", files=False),
        Sender("kpi_posts", "Readings", "readings", files=False),
        Sender("kpi_imports", "Imports of readings", "readings", files=False),
        Sender("kpi_errors", "Error reports of workflows", "reports", files=False),
        Sender("events", "Events and webhooks", "records", files=False),
        Sender("collections", "Building collections", "samples", files=False),
    )
}
