"""A made-up company with clean tables, and kinds of corruption of them; `corrupted_nights.py` counts which are caught."""

import random
import zlib
from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd

from clv_pipeline.contracts.source import CONTRACT

Tables = dict[str, pd.DataFrame]
Spoil = Callable[[Tables, date, random.Random], Tables]

_BEGINNING = date(2022, 6, 1)


def made_company(seed: int, *, customers: int, until: date) -> Tables:
    """Return the source tables of a made-up shop with orders on every day, as text, up to the day before `until`."""
    draw = random.Random(seed)
    lines, people, sessions = [], [], []
    for number in range(customers):
        customer = f"{number + 1:06d}"
        since = _BEGINNING + timedelta(days=draw.randrange(700))
        people.append(
            {"customer_id": customer, "created_at": f"{since} 08:00:00", "country": draw.choice(["DE", "AT", "CH"]),
             "profiling_consent": "false" if draw.random() < 0.08 else "true"}
        )  # fmt: skip
        day, rate, basket = since, draw.choice([20, 40, 90, 200]), draw.lognormvariate(3.4, 0.5)
        currency = "CHF" if people[-1]["country"] == "CH" else "EUR"
        while day < date(2025, 1, 1):
            at = (
                f"{day} {int(min(max(draw.gauss(15, 4), 6), 23)):02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}"
            )
            order = f"{day:%y%j}-{number:05d}"
            status = "cancelled" if draw.random() < 0.04 else "paid"
            for line in range(1, draw.choice([1, 1, 2, 3]) + 1):
                quantity = draw.choice([1, 1, 1, 2, 3])
                lines.append((order, line, customer, at, f"p{draw.randrange(200)}", quantity,
                              round(basket * draw.uniform(0.4, 1.6), 2), currency, status))  # fmt: skip
            if draw.random() < 0.05 and status == "paid":
                back = f"{day + timedelta(days=draw.randrange(2, 15))} {at[11:]}"
                lines.append(
                    (order, 90, customer, back, lines[-1][4], -1, -round(lines[-1][6] / 2, 2), currency, "returned")
                )
            sessions.append((f"s{order}", customer, at, draw.randrange(1, 20), draw.randrange(5, 900)))
            day += timedelta(days=1 + int(draw.expovariate(1 / rate)))
    orders = pd.DataFrame(
        lines,
        columns=[
            "order_id",
            "order_line_id",
            "customer_id",
            "ordered_at",
            "product_id",
            "quantity",
            "amount",
            "currency",
            "status",
        ],
    ).astype(str)
    web = pd.DataFrame(
        sessions, columns=["session_id", "customer_id", "started_at", "page_views", "duration_seconds"]
    ).astype(str)
    days = pd.date_range(_BEGINNING, date(2025, 1, 1)).strftime("%Y-%m-%d")
    rates = pd.DataFrame(
        {"currency": "CHF", "rate_date": days, "rate": [f"{1.03 + draw.uniform(-0.01, 0.01):.4f}" for _ in days]}
    )
    spend = pd.DataFrame({"channel": "search", "spend_date": days, "spend": "25.00"})
    return cut(
        {
            "orders": orders,
            "customers": pd.DataFrame(people),
            "web_sessions": web,
            "fx_rates": rates,
            "marketing_spend": spend,
        },
        until,
    )


def cut(tables: Tables, until: date) -> Tables:
    """Return the tables as they are in the night of `until`."""
    found = {}
    for name, frame in tables.items():
        time = CONTRACT[name].event_time
        assert time is not None
        found[name] = frame[frame[time] < f"{until}"].reset_index(drop=True)
    return found


# --- corruptions: (the spoiled columns, one of which must be named, what spoils them) ------------------------------------


def _orders(change: Callable[[pd.DataFrame, date, random.Random], pd.DataFrame]) -> Spoil:
    return lambda tables, as_of, draw: tables | {"orders": change(tables["orders"].copy(), as_of, draw)}


def _since(frame: pd.DataFrame, as_of: date, days: int) -> pd.Series:
    return frame["ordered_at"] >= f"{as_of - timedelta(days=days)}"


def _month(frame: pd.DataFrame, as_of: date, back: int) -> pd.Series:
    return frame["ordered_at"].str.startswith(f"{(pd.Timestamp(as_of) - pd.DateOffset(months=back)):%Y-%m}")


def _times(factor: float, which: Callable[[pd.DataFrame, date], pd.Series]) -> Spoil:
    def change(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
        chosen = which(frame, as_of)
        frame.loc[chosen, "amount"] = (frame.loc[chosen, "amount"].astype(float) * factor).map("{:.2f}".format)
        return frame

    return _orders(change)


def _without(which: Callable[[pd.DataFrame, date, random.Random], pd.Series]) -> Spoil:
    return _orders(lambda frame, as_of, draw: frame[~which(frame, as_of, draw)])


def _twice(which: Callable[[pd.DataFrame, date], pd.Series], *, with_line_id: bool = True) -> Spoil:
    def change(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
        frame = pd.concat([frame, frame[which(frame, as_of)]])
        return frame if with_line_id else frame.drop(columns="order_line_id")

    return _orders(change)


def _shifted(hours: int, which: Callable[[pd.DataFrame, date], pd.Series]) -> Spoil:
    def change(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
        chosen = which(frame, as_of)
        moved = pd.to_datetime(frame.loc[chosen, "ordered_at"]) + pd.Timedelta(hours=hours)
        frame.loc[chosen, "ordered_at"] = moved.dt.strftime("%Y-%m-%d %H:%M:%S")
        return frame

    return _orders(change)


def _put(table: str, column: str, value: Callable[[pd.Series, random.Random], pd.Series], share: float = 1.0) -> Spoil:
    def spoil(tables: Tables, as_of: date, draw: random.Random) -> Tables:
        frame = tables[table].copy()
        chosen = pd.Series([draw.random() < share for _ in range(len(frame))], index=frame.index)
        frame.loc[chosen, column] = value(frame.loc[chosen, column], draw)
        return tables | {table: frame}

    return spoil


def _recent(column: str, value: str, days: int, share: float = 1.0) -> Spoil:
    def change(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
        chosen = _since(frame, as_of, days) & pd.Series(
            [draw.random() < share for _ in range(len(frame))], index=frame.index
        )
        frame.loc[chosen, column] = value
        return frame

    return _orders(change)


def _part_of(table: str, share: float) -> Spoil:
    return lambda tables, as_of, draw: (
        tables | {table: tables[table][[draw.random() < share for _ in range(len(tables[table]))]]}
    )


def _restarting_numbers(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
    year = frame["ordered_at"].str[:4]
    frame["order_id"] = frame.groupby(year)["order_id"].transform(lambda ids: pd.factorize(ids)[0] + 1).astype(str)
    return frame


def _other_shop(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
    other = frame.copy()
    other["customer_id"] = "F" + other["customer_id"]
    return pd.concat([frame, other])


def _swapped_days(frame: pd.DataFrame, as_of: date, draw: random.Random) -> pd.DataFrame:
    at = frame["ordered_at"]
    is_ambiguous = at.str[8:10].astype(int) <= 12
    frame.loc[is_ambiguous, "ordered_at"] = at.str[:5] + at.str[8:10] + "-" + at.str[5:7] + at.str[10:]
    return frame


def _one_in(n: int, frame: pd.DataFrame) -> pd.Series:
    """A fixed part of the orders, whole orders only."""
    return frame["order_id"].map(lambda order: zlib.crc32(order.encode()) % n == 0)


def _all(value: str) -> Callable[[pd.Series, random.Random], pd.Series]:
    return lambda values, draw: pd.Series(value, index=values.index)


def _replaced(old: str, new: str) -> Callable[[pd.Series, random.Random], pd.Series]:
    return lambda values, draw: values.replace(old, new)


def _rates(change: Callable[[pd.Series], pd.Series]) -> Callable[[pd.Series, random.Random], pd.Series]:
    return lambda values, draw: change(values.astype(float)).map("{:.4f}".format)


def _everything(frame: pd.DataFrame, as_of: date) -> pd.Series:
    return frame["ordered_at"] > ""


def _last(days: int) -> Callable[[pd.DataFrame, date], pd.Series]:
    return lambda frame, as_of: _since(frame, as_of, days)


def _past(back: int) -> Callable[[pd.DataFrame, date], pd.Series]:
    return lambda frame, as_of: _month(frame, as_of, back)


def _rekeyed(tables: Tables, as_of: date, draw: random.Random) -> Tables:
    return {
        name: frame.assign(customer_id="N" + frame["customer_id"].str[::-1]) if "customer_id" in frame else frame
        for name, frame in tables.items()
    }


def _rates_until(days: int) -> Spoil:
    def spoil(tables: Tables, as_of: date, draw: random.Random) -> Tables:
        rates = tables["fx_rates"]
        return tables | {"fx_rates": rates[rates["rate_date"] < f"{as_of - timedelta(days=days)}"]}

    return spoil


def _emptied(table: str) -> Spoil:
    return lambda tables, as_of, draw: tables | {table: tables[table].iloc[:0]}


CORRUPTIONS: dict[str, tuple[tuple[str, ...], Spoil]] = {
    "the last afternoon is lost": (("orders",), _without(lambda f, a, d: _since(f, a, 1) & (f["ordered_at"].str[11:13] >= "12"))),
    "the last day is lost": (("orders",), _without(lambda f, a, d: _since(f, a, 1))),
    "a week of last month is lost": (("orders",), _without(lambda f, a, d: _since(f, a, 40) & ~_since(f, a, 33))),
    "a past month is lost": (("ordered_at",), _without(lambda f, a, d: _month(f, a, 4))),
    "a third of a past month is deleted": (("orders", "amount"), _without(lambda f, a, d: _month(f, a, 2) & _one_in(3, f))),
    "a twentieth of all lines is deleted": (("orders", "amount"), _without(lambda f, a, d: _one_in(20, f))),
    "half of the orders": (("orders",), _without(lambda f, a, d: _one_in(2, f))),
    "orders end half a year ago": (("orders",), _without(lambda f, a, d: _since(f, a, 180))),
    "cents on the last day": (("amount",), _times(100, _last(1))),
    "cents in the last week": (("amount",), _times(100, _last(7))),
    "cents in a past month": (("amount",), _times(100, _past(5))),
    "cents everywhere": (("amount",), _times(100, _everything)),
    "hundredths on the last day": (("amount",), _times(0.01, _last(1))),
    "hundredths in a past month": (("amount",), _times(0.01, _past(5))),
    "hundredths everywhere": (("amount",), _times(0.01, _everything)),
    "gross for net everywhere": (("amount", "orders"), _times(1.19, _everything)),
    "amounts of zero on the last day": (("amount",), _times(0, _last(1))),
    "times two hours later everywhere": (("ordered_at",), _shifted(2, _everything)),
    "times two hours later on the last day": (("ordered_at",), _shifted(2, _last(1))),
    "times eight hours later in the last week": (("ordered_at",), _shifted(8, _last(7))),
    "times twelve hours earlier everywhere": (("ordered_at",), _shifted(-12, _everything)),
    "loaded twice": (("orders",), _twice(_everything)),
    "last day loaded twice": (("orders",), _twice(_last(1))),
    "a month loaded twice": (("orders",), _twice(_past(3))),
    "loaded twice without line numbers": (("orders",), _twice(_everything, with_line_id=False)),
    "a month loaded twice without line numbers": (("orders",), _twice(_past(3), with_line_id=False)),
    "order numbers restart each year": (("order_id",), _orders(_restarting_numbers)),
    "a second shop with the same numbers": (("order_id", "orders"), _orders(_other_shop)),
    "a status renamed": (("status",), _put("orders", "status", _replaced("paid", "settled"))),
    "a status renamed since yesterday": (("status",), _recent("status", "settled", 1)),
    "a new status for some recent orders": (("status",), _recent("status", "partial", 20, 0.1)),
    "statuses empty": (("status",), _put("orders", "status", _all(""))),
    "orders all in the reporting currency": (("currency", "amount"), _put("orders", "currency", _replaced("CHF", "EUR"))),
    "another currency code": (("currency", "rate"), _put("orders", "currency", _replaced("CHF", "USD"))),
    "rates inverted and scaled": (("rate",), _put("fx_rates", "rate", _rates(lambda r: 100 / r))),
    "rates of another order of magnitude": (("rate",), _put("fx_rates", "rate", _rates(lambda r: 10 * r))),
    "one wrong rate": (("rate",), _put("fx_rates", "rate", _rates(lambda r: 3 * r), 0.002)),
    "no more rates": (("currency", "rate"), _rates_until(20)),
    "customer numbers in another case": (("customer_id",), _put("orders", "customer_id", lambda s, d: "C" + s)),
    "customer numbers with .0": (("customer_id",), _put("orders", "customer_id", lambda s, d: s + ".0")),
    "customer numbers without zeros": (("customer_id",), _put("orders", "customer_id", lambda s, d: s.str.lstrip("0"))),
    "some customer numbers with .0": (("customer_id",), _put("orders", "customer_id", lambda s, d: s + ".0", 0.1)),
    "web sessions with other numbers": (("customer_id",), _put("web_sessions", "customer_id", lambda s, d: "v" + s)),
    "all customers have new numbers": (("customer_id",), _rekeyed),
    "guests as 0": (("customer_id",), _put("orders", "customer_id", _all("0"), 0.3)),
    "a fifth of the orders at one till": (("customer_id",), _put("orders", "customer_id", _all("000007"), 0.2)),
    "no customer on the last day": (("customer_id",), _recent("customer_id", "", 1)),
    "no customer in two orders of three": (("customer_id",), _put("orders", "customer_id", _all(""), 0.67)),
    "half of the CRM": (("customer",), _part_of("customers", 0.5)),
    "a third of the web sessions": (("web_sessions",), _part_of("web_sessions", 0.3)),
    "no web sessions": (("web_sessions",), _emptied("web_sessions")),
    "days and months swapped": (("ordered_at", "orders"), _orders(_swapped_days)),
    "dates of next year": (("ordered_at",), _put("orders", "ordered_at", lambda s, d: "2026" + s.str[4:], 0.05)),
    "decimal commas": (("amount",), _put("orders", "amount", lambda s, d: s.str.replace(".", ","), 0.3)),
    "returns lost their sign": (("amount",), _put("orders", "amount", lambda s, d: s.str.lstrip("-"))),
    "no more returns": (("amount", "orders"), _without(lambda f, a, d: f["amount"].str.startswith("-"))),
    "amounts of another column": (("amount",), _orders(lambda f, a, d: f.assign(amount=f["quantity"]))),
    "refusals are lost": (("profiling_consent",), _put("customers", "profiling_consent", _all("true"))),
    "consents are empty": (("profiling_consent",), _put("customers", "profiling_consent", _all(""))),
    "consents in other words": (("profiling_consent",), _put("customers", "profiling_consent", _replaced("false", "revoked"))),
}  # fmt: skip
