"""Morning: every domain on one screen, what is out of the ordinary first."""

from ingestion_pipeline.outlets.dashboards.asking import Ask, Shown, page


@page("/morning", nav="Morning")
def morning(ask: Ask) -> Shown:
    """The page that one opens first."""
    return Shown("morning.html", f"Good morning, {ask.tenant}.")
