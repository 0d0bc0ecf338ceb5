"""The senders of a soak test: each sends until it is told to stop, and knows what was acknowledged.

As real senders do, they repeat a request with the same Idempotency-Key until it is answered for
good: after a connection that broke, a 409 or a 5xx, and a 429, as late as Retry-After asks for.
"""

import itertools
import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from ingestion_pipeline.cli.uploading.client import UploadClient
from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline_tests.domains.book_sales.builders import SMASHWORDS, smashwords, text
from ingestion_pipeline_tests.domains.commerce.builders import (
    customer,
    lines,
    order,
    order_item,
    product,
)
from ingestion_pipeline_tests.domains.markets.builders import (
    comparable,
    comps_event,
    fundamentals_event,
    signed,
)

_PATIENCE = 300.0  # seconds with one request
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
Headers = Mapping[str, str]


class Patient:
    """An HTTP client that does not give up; one a thread."""

    def __init__(self, url: str, api_key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"X-API-Key": api_key}, timeout=30)
        self.repeated: Counter[str] = Counter()

    def send(
        self, method: str, path: str, headers: Callable[[], Headers] = dict, **content: Any
    ) -> httpx.Response:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = self._http.request(method, path, headers=headers(), **content)
            except httpx.TransportError as error:
                reason, pause = type(error).__name__, 0.3
            else:
                # 409: the first sending of this key is still under way, or died with its gateway.
                if answer.status_code not in (409, 429) and answer.status_code < 500:
                    return answer
                reason = str(answer.status_code)
                pause = float(answer.headers.get("retry-after", "0.3"))
            self.repeated[reason] += 1
            assert time.monotonic() + pause < deadline, f"{method} {path}: {reason}"
            time.sleep(pause)


@dataclass
class Sender(ABC):
    """Sends in a thread of its own.

    Attributes:
        url, api_key: where to, and as whom.
        seed: of what it sends.
        number: tells senders of a kind apart.
    """

    url: str
    api_key: str
    seed: int
    number: int = 0
    pause: float = 0.0
    acknowledged: int = 0
    error: BaseException | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.client = Patient(self.url, self.api_key)
        self.chance = random.Random(f"{type(self).__name__} {self.seed} {self.number}")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell it to stop; wait until what it is at is acknowledged.

        Raises:
            BaseException: what ended it early.
        """
        self._over.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            for turn in itertools.count():
                self.acknowledged += self.send(turn)
                if self._over.wait(self.pause):
                    return
        except BaseException as error:  # noqa: BLE001  raised again by `stop`
            self.error = error

    @abstractmethod
    def send(self, turn: int) -> int:
        """Send something until it is acknowledged; how many records."""


@dataclass
class Kpis(Sender):
    """Readings, of which a tenth repeat an earlier one."""

    points: set[tuple[str, datetime]] = field(default_factory=set)
    packages: set[tuple[str, str]] = field(default_factory=set)

    def send(self, turn: int) -> int:
        number = self.chance.randrange(turn) if turn and self.chance.random() < 0.1 else turn
        kpi, trace = f"kpi-{self.number}-{number % 20}", f"trace-{self.number}-{number // 50}"
        instant = START - timedelta(seconds=number, days=number % 3)
        body = {"traceId": trace, "kpiId": kpi, "kpiType": "soak", "data": {"value": number},
                "timestamp": instant.isoformat()}  # fmt: skip
        answer = self.client.send("POST", "/api/kpi-data", json=body)
        assert answer.status_code in (200, 202), answer.text
        assert "conflict" not in answer.json(), answer.text
        self.points.add((kpi, instant))
        self.packages.add((trace, kpi))
        return 1


@dataclass
class Commerce(Sender):
    """Four files a turn in any order, each alone or in chunks."""

    rows: Counter[str] = field(default_factory=Counter)
    files: Counter[bool] = field(default_factory=Counter)  # by whether they came in chunks

    def send(self, turn: int) -> int:
        base = 10_000_000 * self.number + 1_000 * turn
        files = {
            "customers": [customer(base + n) for n in range(20)],
            "products": [product(base + n) for n in range(10)],
            "orders": [order(base + n, base + n % 20) for n in range(40)],
            "order_items": [order_item(base + n, base + n % 40, base + n % 10) for n in range(80)],
        }
        for name in self.chance.sample(list(files), len(files)):
            content, file_name = lines(files[name]), f"{name}_{self.number}_{turn}.ndjson"
            in_chunks = self.chance.random() < 0.2
            self.files[in_chunks] += 1
            if in_chunks:
                self._send_in_chunks(file_name, name, content)
            else:
                key = {"Idempotency-Key": f"{file_name}-{self.seed}"}
                answer = self.client.send(
                    "POST", "/api/v1/ingest/comprehensive/", headers=lambda key=key: key,
                    params={"filename": file_name}, content=content,
                )  # fmt: skip
                assert answer.status_code == 202, answer.text
            self.rows[name] += len(files[name])
        return sum(map(len, files.values()))

    def _send_in_chunks(self, file_name: str, type_: str, content: bytes) -> None:
        import hashlib

        digest = hashlib.sha256(content).hexdigest()
        declared = DeclaredFile(file_name, type_, len(content), digest)
        with UploadClient(self.url, api_key=self.api_key, connections=1, patience=_PATIENCE) as to:
            token = to.open_session([declared])["token"]
            size = len(content) // 3 + 1
            for first in range(0, len(content), size):
                to.put_chunk(
                    token, file_name=file_name, chunk=content[first : first + size],
                    first=first, total=len(content),
                )  # fmt: skip
            [file] = to.resume(token)["files"]
            assert file["upload_id"] is not None, file


@dataclass
class Markets(Sender):
    """Signed events: comparables, and fundamentals that replace one another."""

    secret: str = ""
    events: int = 0
    comparables: int = 0
    vacancy: dict[str, float] = field(default_factory=dict)

    def send(self, turn: int) -> int:
        slug = f"market-{self.number}-{turn % 3}"
        if turn % 2 == 0:
            day = (START - timedelta(days=turn % 100)).date().isoformat()
            made = [comparable(f"{self.number}-{turn}-{n}", sale_date=day) for n in range(12)]
            event = comps_event(*made, slug=slug)
        else:
            self.vacancy[slug] = round(turn % 800 / 20, 2)  # below 40 percent
            event = fundamentals_event(slug, vacancy_rate_pct=self.vacancy[slug])
        event["nonce"] = f"{self.seed}-{self.number}-{turn}"
        body = json.dumps(event).encode()
        answer = self.client.send(
            "POST", "/api/ingest/webhook", content=body,
            headers=lambda: signed(body, secret=self.secret),
        )  # fmt: skip
        assert answer.status_code in (200, 202), answer.text
        self.events += 1
        self.comparables += 12 if turn % 2 == 0 else 0
        return 1


@dataclass
class BookSales(Sender):
    """Smashwords' reports of sales that are nobody else's, and Gumroad once."""

    events: int = 0

    def send(self, turn: int) -> int:
        if turn == 0:
            order_ = {"platform": "gumroad", "payload": {"access_token": "sandbox-key"}}
            answer = self.client.send(
                "POST", "/api/ingestion/manual", json=order_,
                headers=lambda: {"Idempotency-Key": f"gumroad-{self.seed}-{self.number}"},
            )  # fmt: skip
            assert answer.status_code == 202, answer.text
            return 1
        rows: list[Sequence[Any]] = []
        for number in range(5):
            row = smashwords(day=(START - timedelta(hours=turn)).strftime("%Y-%m-%d %H:%M"))
            row[3] = row[5] = f"{self.number}{turn:06}{number}"  # id, title
            rows.append(row)
        answer = self.client.send(
            "POST", "/api/ingestion/upload/smashwords",
            params={"filename": f"sales-{self.number}-{turn}.xls"},
            content=text(SMASHWORDS, rows, delimiter="\t"),
        )  # fmt: skip
        assert answer.status_code in (200, 202), answer.text
        self.events += len(rows)
        return len(rows)
