"""What a source folder makes of a shop's database, against what is right. No test is here."""

import json
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from clv_pipeline_tests.cases.small_source import clean

HASH_KEY = "of the shops"
_NUMBER = count(1)
#: What one customer is known by here: the net money and the days of purchase. Which number a source gives them is its own affair.
Bought = tuple[Decimal, int]


@dataclass(frozen=True)
class Judged:
    """What was made of a shop: `missing` customers are right and absent, `wrong` ones are there and not right."""

    missing: Counter[Bought]
    wrong: Counter[Bought]
    goods: Decimal
    refunds: Decimal
    unknown_buyers: Decimal
    warnings: list[str]


def expected_of(shop: Path) -> dict[str, Any]:
    """Return what is right for the shop of a folder."""
    found: dict[str, Any] = json.loads((shop / "expected.json").read_text())
    return found


def load(shop: Path, root: Path, server: str | None = None) -> str:
    """Load a shop into the engine that `expected.json` names, or onto a server; return the URL of what was loaded."""
    if server is not None:
        return _load_onto(server, (shop / "shop.sql").read_text())
    engine = expected_of(shop)["engine"]
    if engine == "csv":
        return str(shop)
    root.mkdir(parents=True, exist_ok=True)
    text, file = (shop / "shop.sql").read_text(), root / f"shop.{engine}"
    if engine == "sqlite":
        with sqlite3.connect(file) as database:
            database.executescript(text)
        database.close()
        return f"sqlite:///{file}"
    assert engine == "duckdb", engine
    with duckdb.connect(str(file)) as connection:
        connection.execute(text)
    return f"duckdb:///{file}"


def _load_onto(server: str, text: str) -> str:
    """Load the script into a database of its own on a PostgreSQL or MariaDB server."""
    name = f"judged_{next(_NUMBER)}"
    engine = sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        if connection.dialect.name in ("mysql", "mariadb"):
            # shops write their times of the type TIMESTAMP in a session that is in UTC
            connection.exec_driver_sql("set time_zone = '+00:00'")
        for statement in re.split(r";\n", text):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
    return url


def answer(source: Path, answers: dict[str, Any]) -> None:
    """Put an owner's answers into source.toml: the time zone, the currency and which statuses are revenue. Nothing else."""
    file = source / "source.toml"
    lines = file.read_text()
    for key in ("time_zone", "currency"):
        lines, replaced = re.subn(rf"(?m)^{key} *= *\"[^\"]*\"", f'{key} = "{answers[key]}"', lines)
        assert replaced == 1, f"{key} is not in source.toml"
    lines = re.sub(r"(?ms)^\[order_status\].*?(?=^\[|\Z)", "", lines)
    if "revenue" in answers:
        statuses = {key: answers[key] for key in ("revenue", "not_revenue")}
        lines += "\n[order_status]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in statuses.items())
    file.write_text(lines)


def judge(source: Path, url: str, shop: Path, root: Path) -> Judged:
    """Extract and clean with the product's own steps, and compare with what is right.

    Raises:
        PipelineError: as the night would be red.
    """
    right = expected_of(shop)
    cleaned = clean(source, url, root, as_of=right["as_of"], started=f"{right['as_of']} 03:00", hash_key=HASH_KEY)
    got = Counter(
        (Decimal(net), int(days))
        for net, days in cleaned.rows(
            "select sum(amount), count(distinct order_date) filter (where amount > 0) from clean.orders "
            "where customer_id is not null group by customer_id"
        )
    )
    want = Counter((Decimal(c["net"]), int(c["purchase_days"])) for c in right["customers"])
    ((goods, refunds, unknown),) = cleaned.rows(
        "select coalesce(sum(amount) filter (where amount > 0), 0), coalesce(-sum(amount) filter (where amount < 0), 0), "
        "coalesce(sum(amount) filter (where customer_id is null), 0) from clean.orders"
    )
    return Judged(want - got, got - want, Decimal(goods), Decimal(refunds), Decimal(unknown), cleaned.warnings)
