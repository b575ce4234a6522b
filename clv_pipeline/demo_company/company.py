"""The demo company: a web shop with 2.5 years of customers, written into any SQLAlchemy database.

The public function and the writing belong here. Customers are simulated in behaviour.py, their rows in events.py, the
contact file in crm.py, the planted faults in dirt.py, the tables in schema.py. The pipeline has no
knowledge of it: it reads this company through the SELECTs in sql/0_sources/demo like any other.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from pydantic import SecretStr

from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.demo_company import crm, dirt, events, schema
from clv_pipeline.demo_company.behaviour import CHANNELS, Calendar, Life, People, draw_people, live
from clv_pipeline.demo_company.dirt import Oddities, PlantedFaults
from clv_pipeline.demo_company.events import CURRENCIES, NOBODY, Columns, Orders

log = logging.getLogger(__name__)

#: People are simulated and written a few thousand at a time, so that memory does not grow with their number.
PEOPLE_PER_BATCH = 2_000
ROWS_PER_INSERT = 20_000
#: A shorter period has no room for late rows, returns and a season.
SHORTEST_PERIOD_DAYS = 120
#: Advertising also reaches people who never join.
SPEND_PER_ACQUISITION_COST = 1.08
SPEND_SMOOTHING_DAYS = 28
EPOCH = np.datetime64("1970-01-01T01:00:00", "s")  # second 0 of the computer's calendar, as Berlin's clocks showed it
FAR_FUTURE = np.datetime64("2099-12-31T12:00:00", "s")


def with_demo_source(settings: Settings, home: Home) -> Settings:
    """Return the settings with an address to read: the embedded demo company's database where none is given."""
    if settings.source_url is not None or settings.source != "demo":
        return settings
    url = f"sqlite:///{home.demo_database}"
    if not home.demo_database.exists():
        build_demo_company(url, customers=settings.demo_customers, seed=settings.seed)
    return settings.model_copy(update={"source_url": SecretStr(url)})


def build_demo_company(
    url: str,
    *,
    customers: int = 5_000,
    seed: int = 7,
    start: date = date(2024, 1, 1),
    end: date = date(2026, 7, 1),
) -> PlantedFaults:
    """Write the company's tables for [start, end) and return how many faults were planted.

    The same arguments give the same rows. A SQLite file is written under a temporary name and swapped in; in another database
    everything happens in one transaction, and only the company's own tables are replaced.

    Raises:
        ConfigurationError: too few customers, too short a period, or a SQLite file with other tables.
    """
    calendar = Calendar(start, end)
    if customers < 100 or calendar.days < SHORTEST_PERIOD_DAYS:
        raise ConfigurationError(
            f"The demo company cannot be built with {customers} customers over {calendar.days} days",
            next_step=f"use at least 100 customers and {SHORTEST_PERIOD_DAYS} days.",
        )
    with _target(sa.make_url(url)) as target, sa.create_engine(target, poolclass=sa.NullPool).begin() as connection:
        schema.METADATA.drop_all(connection)
        schema.METADATA.create_all(connection)
        return _Builder(connection, calendar, seed).build(customers)


@contextmanager
def _target(url: sa.URL) -> Iterator[sa.URL]:
    """Yield the database to write; for SQLite a temporary file, which replaces the real one only on success."""
    if url.get_backend_name() != "sqlite":
        yield url
        return
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("The demo company needs a SQLite file", next_step="write sqlite:///path/to/file.db.")
    final = Path(url.database)
    _refuse_foreign_file(final, url)
    final.parent.mkdir(parents=True, exist_ok=True)
    building = final.with_name(f".{final.name}.building")
    for leftover in (building, building.with_name(f"{building.name}-journal")):
        leftover.unlink(missing_ok=True)
    try:
        yield url.set(database=str(building))
        os.replace(building, final)
    finally:
        building.unlink(missing_ok=True)


def _refuse_foreign_file(path: Path, url: sa.URL) -> None:
    if not path.exists():
        return
    try:
        tables = set(sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_table_names())
    except sa.exc.DatabaseError:
        tables = {"not a SQLite database"}
    if foreign := sorted(tables - set(schema.METADATA.tables)):
        raise ConfigurationError(
            f"{path} contains something other than the demo company ({foreign[0]}) and would be overwritten",
            next_step="choose another file, or delete that one.",
        )


class _Builder:
    """Writes one company; holds the running keys, the ad spend so far and the tally of faults."""

    def __init__(self, connection: sa.Connection, calendar: Calendar, seed: int) -> None:
        self._connection = connection
        self._calendar = calendar
        self._seed = seed
        self._keys: Counter[str] = Counter()
        self._planted: Counter[str] = Counter()
        self._spend_cents = np.zeros((len(CHANNELS), calendar.days))
        self._shop = events.open_shop(self._random("shop"), calendar)
        self._skus = np.array([f"{i:05d}" for i in range(1, self._shop.price_cents.size + 1)])

    def build(self, customers: int) -> PlantedFaults:
        self._write_reference()
        regulars: list[str] = []
        for first in range(0, customers, PEOPLE_PER_BATCH):
            count = min(PEOPLE_PER_BATCH, customers - first)
            extra = customers + 1 + self._planted["merged_contacts"]
            known = self._write_people(self._random("people", first), count, first + 1, extra)
            regulars = regulars or known
            log.info("demo company: %d of %d customers written", first + count, customers)
        self._write_odd_orders(self._random("odd orders"), regulars)
        self._write_ad_spend(self._random("ad spend"))
        return PlantedFaults(**self._planted)

    def _random(self, part: str, number: int = 0) -> np.random.Generator:
        """Return the generator of one part, so that no part's draws depend on how much another one drew."""
        return np.random.default_rng([self._seed, number, *part.encode()])

    def _write_people(self, rng: np.random.Generator, count: int, first: int, extra: int) -> list[str]:
        """Simulate and write some people; return numbers of ordinary buyers among them."""
        shop, is_first_batch = self._shop, first == 1
        people = draw_people(rng, self._calendar, count, len(events.CATEGORIES))
        country = rng.choice(len(events.COUNTRIES), count, p=events.COUNTRY_SHARE).astype(np.int64)
        life = live(rng, self._calendar, people)
        orders = events.place_orders(rng, shop, people, life, country)
        person = orders.headers["person"]
        oddities = dirt.draw_oddities(rng, np.bincount(person[person != NOBODY], minlength=count))
        numbers = crm.give_numbers(first, extra, oddities)
        contacts = crm.write_down_contacts(rng, self._calendar, people, country, numbers, oddities)
        self._note_people(people, contacts, oddities, orders)
        contacts = dirt.spoil_contacts(rng, contacts, self._calendar.days, self._planted, with_odd_names=is_first_batch)
        self._write(schema.CRM_CONTACT, self._timed(contacts, created_day="created_ts", changed_day="changed_ts"))
        self._write_orders(rng, orders, numbers)
        self._write_traces(rng, people, life, numbers, orders, is_first_batch)
        is_regular = ~oddities.is_orphan & ~oddities.is_staff & oddities.has_consent & (oddities.numbers == 1)
        return [str(number) for number in numbers.today(np.nonzero(is_regular)[0])[:50]]

    def _note_people(self, people: People, contacts: Columns, oddities: Oddities, orders: Orders) -> None:
        person, state = orders.headers["person"], orders.headers["state_code"]
        is_guest = person == NOBODY
        self._planted.update(
            cancelled_orders=int((state == "C").sum()),
            open_orders=int((state == "O").sum()),
            guest_orders=int(is_guest.sum()),
            orphan_orders=int(oddities.is_orphan[person[~is_guest]].sum()),
            staff_orders=int(oddities.is_staff[person[~is_guest]].sum()),
            returned_lines=orders.returns["order"].size,
            customers_without_consent=int((~oddities.has_consent).sum()),
            merged_contacts=int((oddities.numbers - 1).sum()),
            merge_chains=int((oddities.numbers == 3).sum()),
        )
        for index, channel in enumerate(CHANNELS):
            won = (contacts["source_code"] == channel.code) & (contacts["created_day"] >= 0)
            day = contacts["created_day"][won].astype(np.int64)
            np.add.at(self._spend_cents[index], day, contacts["acquisition_cost_cents"][won])

    def _write_orders(self, rng: np.random.Generator, orders: Orders, numbers: crm.Numbers) -> None:
        headers = orders.headers
        currency = np.array(CURRENCIES)
        customer_no = numbers.when_ordering(headers["person"], headers["day"])
        order_no = self._order_numbers(headers["day"].size)
        lines = dirt.spoil_lines(
            rng, orders.lines, headers["day"][orders.lines["order"]], self._calendar.days, self._planted
        )
        shared = {"channel_code": headers["channel_code"], "currency_code": currency[headers["currency"]]}
        self._write_headers({"order_no": order_no, "customer_no": customer_no, "day": headers["day"], **shared})
        self._write_lines({**lines, "sku": self._skus[lines["article"]]}, order_no)
        returns = orders.returns
        self._write_returns(
            {
                "order_no": order_no[returns["order"]],
                "customer_no": customer_no[returns["order"]],
                "sku": self._skus[returns["article"]],
                "currency_code": currency[returns["currency"]],
                **{name: returns[name] for name in ("line_no", "qty", "refund_cents", "channel_code", "day")},
            }
        )

    def _write_traces(
        self,
        rng: np.random.Generator,
        people: People,
        life: Life,
        numbers: crm.Numbers,
        orders: Orders,
        is_first_batch: bool,
    ) -> None:
        shop = self._shop
        visits = events.visit_site(rng, shop, people, life, orders.headers)
        visits["customer_no"] = numbers.today(visits["person"])
        answers = events.answer_surveys(rng, shop, life, orders.headers)
        if is_first_batch:
            dirt.spoil_visits(rng, visits, self._planted)
            dirt.spoil_scores(rng, answers, self._planted)
        posts = events.post_socially(rng, shop, people, life)
        mailings = events.receive_mailings(rng, shop, people, life)
        for rows in (answers, posts, mailings):
            rows["customer_no"] = numbers.today(rows["person"])
        self._write(schema.WEB_VISIT, self._timed(visits, day="started_ts"))
        self._write(schema.FEEDBACK, self._timed(answers, day="given_ts"))
        self._write(schema.SOCIAL_EVENT, self._timed(posts, day="occurred_ts"))
        self._write(schema.MAILING_RECIPIENT, self._timed(mailings, day="sent_ts", changed_day="changed_ts"))

    def _write_odd_orders(self, rng: np.random.Generator, regulars: list[str]) -> None:
        headers, lines, returns = dirt.odd_orders(rng, regulars, self._skus, self._calendar.days, self._planted)
        order_no = self._order_numbers(headers["day"].size)
        self._write_headers({**headers, "order_no": order_no}, headers["fault"])
        self._write_lines(lines, order_no)
        self._write_returns(returns)
        contacts = crm.developer_contacts(self._calendar)
        self._write(schema.CRM_CONTACT, self._timed(contacts, created_day="created_ts", changed_day="changed_ts"))

    def _write_headers(self, headers: Columns, fault: NDArray[Any] | None = None) -> None:
        rows = self._timed(headers, day="ordered_ts")
        if fault is not None:
            rows["ordered_ts"] = np.select(
                [fault == "epoch", fault == "future"], [EPOCH, FAR_FUTURE], rows["ordered_ts"]
            )
        self._write(schema.SHOP_ORDER, rows)

    def _write_lines(self, lines: Columns, order_no: NDArray[Any]) -> None:
        lines = {**lines, "order_no": order_no[lines["order"]]}
        self._write(schema.SHOP_ORDER_LINE, self._timed(lines, changed_day="changed_ts"))

    def _write_returns(self, returns: Columns) -> None:
        rows = self._timed({**returns, "changed_day": returns["day"]}, day="returned_ts", changed_day="changed_ts")
        self._write(schema.SHOP_RETURN, rows)

    def _write_reference(self) -> None:
        """Write what does not depend on customers: articles, mailings, exchange rates."""
        categories = np.arange(1, len(events.CATEGORIES) + 1)
        self._write(schema.ARTICLE_CATEGORY, {"category_id": categories, "label": np.array(events.CATEGORIES)})
        self._write(
            schema.ARTICLE,
            {
                "sku": self._skus,
                "category_id": np.repeat(categories, events.ARTICLES_PER_CATEGORY),
                "list_price_cents": self._shop.price_cents.ravel(),
            },
        )
        days = events.mailing_days(self._calendar)
        is_printed = np.arange(days.size) % 6 == 5
        kinds = np.where(is_printed, "Catalogue ", "Newsletter ").astype(object)
        self._write(
            schema.MAILING,
            {
                "mailing_id": np.arange(1, days.size + 1),
                "title": kinds + self._calendar.dates(days).astype(str),
                "medium_code": np.where(is_printed, "P", "E"),
                "unit_cost_cents": np.where(is_printed, 85, 2),
            },
        )
        self._write_exchange_rates()

    def _write_exchange_rates(self) -> None:
        """Write one rate per working day, as central banks do; a week of lead lets the first weekend find one."""
        day = np.arange(-7, self._calendar.days)
        dates = self._calendar.dates(day)
        is_working_day = np.is_busday(dates)
        for column, currency in enumerate(CURRENCIES[1:], start=1):
            rates = self._shop.units_per_eur[np.maximum(day, 0), column]
            self._write(
                schema.EXCHANGE_RATE,
                {
                    "currency_code": np.full(int(is_working_day.sum()), currency),
                    "rate_day": dates[is_working_day],
                    "units_per_eur": rates[is_working_day],
                },
            )

    def _write_ad_spend(self, rng: np.random.Generator) -> None:
        """Spread what winning customers cost over the weeks around, channel by channel; free channels have no rows."""
        kernel = np.ones(SPEND_SMOOTHING_DAYS) / SPEND_SMOOTHING_DAYS
        for index, channel in enumerate(CHANNELS):
            if channel.cost_eur == 0:
                continue
            smooth = np.convolve(self._spend_cents[index], kernel, mode="same") * SPEND_PER_ACQUISITION_COST
            noisy = smooth * np.exp(0.15 * rng.standard_normal(smooth.size))
            self._write(
                schema.AD_SPEND,
                {
                    "source_code": np.full(smooth.size, channel.code),
                    "spend_day": self._calendar.dates(np.arange(smooth.size)),
                    "spend_cents": np.round(noisy).astype(np.int64),
                },
            )

    def _order_numbers(self, count: int) -> NDArray[Any]:
        first = self._take_keys("shop_order.order_no", count)
        return np.array([f"B{first + i:08d}" for i in range(count)])

    def _take_keys(self, name: str, count: int) -> int:
        self._keys[name] += count
        return self._keys[name] - count + 1

    def _timed(self, columns: Columns, **renamed: str) -> Columns:
        """Turn day counts into local times, under the table's column names."""
        times = {name: self._calendar.stamp(columns[day]) for day, name in renamed.items()}
        return {**{name: values for name, values in columns.items() if name not in renamed}, **times}

    def _write(self, table: sa.Table, columns: Columns) -> None:
        """Insert the table's columns in batches; a surrogate key that is not given is counted on."""
        count = len(next(iter(columns.values())))
        key = next(iter(table.primary_key.columns)).name
        if key not in columns:
            first = self._take_keys(f"{table.name}.{key}", count)
            columns = {**columns, key: np.arange(first, first + count)}
        names = [column.name for column in table.columns]
        for begin in range(0, count, ROWS_PER_INSERT):
            batch = zip(*(columns[name][begin : begin + ROWS_PER_INSERT].tolist() for name in names), strict=True)
            self._connection.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in batch])
