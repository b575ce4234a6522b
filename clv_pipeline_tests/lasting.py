"""Files that stay open while a run works in this process: Dagster's SQLite history and the warehouse. No test is here.

A night opens them two thousand times, and each time waits for the disk. What is written is the same. Runs in a process of
their own, among them all that a test kills, open and close their files as they do for a user.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock


@contextmanager
def open_files_last() -> Iterator[None]:
    """Keep the history and, for as long as a run holds its home, the warehouse open."""
    with _history(), _warehouse_of_a_run():
        yield


@contextmanager
def _history() -> Iterator[None]:
    """Give Dagster's SQLite storages one pool of connections for each file; at the end all are closed."""
    # imported here: Dagster takes seconds to import, and many tests need none of it
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage

    with ExitStack() as engines:
        pools: dict[str, Any] = {}

        def pool_of(url: str) -> Any:
            if url not in pools:
                pools[url] = engine = _pool(url)
                engines.callback(engine.dispose)
            return pools[url]

        @contextmanager
        def of_events(storage: Any, shard: str) -> Iterator[Any]:
            with storage._db_lock:
                pool = pool_of(storage.conn_string_for_shard(shard))
                if shard not in storage._initialized_dbs:
                    storage._initdb(pool)
                    storage._initialized_dbs.add(shard)
                with pool.begin() as connection:
                    yield connection

        @contextmanager
        def of_runs(storage: Any) -> Iterator[Any]:
            with pool_of(storage._conn_string).begin() as connection:
                yield connection

        with (
            mock.patch.object(SqliteEventLogStorage, "_connect", of_events),
            mock.patch.object(SqliteRunStorage, "connect", of_runs),
        ):
            yield


def _pool(url: str) -> Any:
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.QueuePool, connect_args={"timeout": 60})

    @sa.event.listens_for(engine, "connect")
    def do_not_wait_for_the_disk(connection: Any, record: object) -> None:
        connection.execute("pragma synchronous = off")

    return engine


@contextmanager
def _warehouse_of_a_run() -> Iterator[None]:
    from clv_pipeline.orchestration.resources import Pipeline

    begin = Pipeline.yield_for_execution

    @contextmanager
    def begin_with_open_warehouse(pipeline: Pipeline, context: Any) -> Iterator[Pipeline]:
        with begin(pipeline, context) as begun, pipeline.warehouse.connection():
            yield begun

    with mock.patch.object(Pipeline, "yield_for_execution", begin_with_open_warehouse):
        yield
