"""Events of the demo company's customers: orders, returns, visits, answers, posts and clicks, before faults are planted.

Every event follows from the person's traits, state and intentions at that time (behaviour.py); nothing uses
later orders. Times are days since the start; columns carry the names of the shop's own tables.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from clv_pipeline.demo_company.behaviour import Calendar, Floats, Ints, Life, People, at_some_hour

Columns = dict[str, NDArray[Any]]

CATEGORIES = ("Kitchen", "Garden", "Toys", "Books", "Electronics", "Sport", "Home textiles", "Beauty")
CATEGORY_MEDIAN_EUR = (32, 28, 22, 14, 75, 45, 26, 18)
ARTICLES_PER_CATEGORY = 60

COUNTRIES = ("DE", "AT", "CH", "NL", "GB", "FR")
COUNTRY_SHARE = (0.70, 0.10, 0.05, 0.06, 0.05, 0.04)
CURRENCIES = ("EUR", "CHF", "GBP")
UNITS_PER_EUR = {"CHF": 0.95, "GBP": 0.86}

GUEST_ORDER_SHARE = 0.04  # orders without a customer
CANCELLED_SHARE = 0.03
STILL_OPEN_SHARE = 0.004  # orders that stay unpaid
RETURN_RATE = 0.06  # lines that come back
ANONYMOUS_VISIT_SHARE = 0.25  # visits of customers who did not log in
PASSER_BY_SHARE = 0.15  # visits of people who are nobody's customer, per visit of a customer
DAYS_BETWEEN_MAILINGS = 14
MAILED_SHARE = 0.25

NOBODY = -1
_ONE_SECOND = 1 / 86_400


@dataclass(frozen=True)
class Shop:
    """Shared by all customers: the calendar, the price list (cents by category, ascending) and the currencies."""

    calendar: Calendar
    price_cents: Ints
    units_per_eur: Floats  # per day since start, columns as CURRENCIES


@dataclass(frozen=True)
class Orders:
    """Order headers, their lines (with `order` as the header's position) and returns of such lines."""

    headers: Columns
    lines: Columns
    returns: Columns


def open_shop(rng: np.random.Generator, calendar: Calendar) -> Shop:
    """Draw the price list and daily exchange rates."""
    spread = np.exp(0.75 * rng.standard_normal((len(CATEGORIES), ARTICLES_PER_CATEGORY)))
    prices = np.sort(np.array(CATEGORY_MEDIAN_EUR)[:, None] * spread, axis=1)
    steps = np.cumsum(0.003 * rng.standard_normal((calendar.days, 2)), axis=0)
    foreign = np.array(list(UNITS_PER_EUR.values())) * np.exp(steps)
    return Shop(
        calendar,
        price_cents=(np.floor(prices) * 100 + 95).astype(np.int64),
        units_per_eur=np.round(np.column_stack([np.ones(calendar.days), foreign]), 6),
    )


def place_orders(rng: np.random.Generator, shop: Shop, people: People, life: Life, country: Ints) -> Orders:
    """Turn kept intentions into orders, add guests, fill the baskets and send some lines back."""
    shown = life.intent_is_kept & (life.intent_day < shop.calendar.days)
    guests = rng.choice(np.nonzero(shown)[0], round(shown.sum() * GUEST_ORDER_SHARE / (1 - GUEST_ORDER_SHARE)))
    # a guest shops on some other customer's day with a third one's taste
    taste = np.concatenate([life.intent_person[shown], rng.permutation(life.intent_person[guests])])
    day = at_some_hour(rng, np.concatenate([life.intent_day[shown], life.intent_day[guests]]))
    is_guest = np.arange(day.size) >= shown.sum()
    in_store = rng.random(day.size) < people.store_share[taste]
    headers: Columns = {
        "person": np.where(is_guest, NOBODY, taste),
        "day": day,
        "channel_code": np.where(in_store, "S", np.where(rng.random(day.size) < 0.25, "A", "W")),
        "currency": np.where(in_store, 0, np.array([0, 0, 1, 0, 2, 0])[country[taste]]),
        "state_code": _states(rng, shop.calendar.days - day),
    }
    lines = _fill_baskets(rng, shop, people, taste, headers)
    return Orders(headers, lines, _send_back(rng, shop, headers, lines))


def _states(rng: np.random.Generator, age_days: Floats) -> NDArray[Any]:
    """Young orders are open, then paid, then shipped; a few are cancelled or stay open."""
    draw = rng.random(age_days.size)
    return np.select(
        [draw < CANCELLED_SHARE, draw > 1 - STILL_OPEN_SHARE, (age_days < 2) & (draw > 0.6), age_days < 5],
        ["C", "O", "O", "P"],
        "S",
    )


def _fill_baskets(rng: np.random.Generator, shop: Shop, people: People, taste: Ints, headers: Columns) -> Columns:
    lines_per_order = 1 + np.minimum(rng.poisson(0.8, taste.size), 3)
    order = np.repeat(np.arange(taste.size), lines_per_order)
    first_line = np.cumsum(lines_per_order) - lines_per_order
    who, day, count = taste[order], headers["day"][order], order.size
    category = np.where(rng.random(count) < 0.6, people.main_category[who], rng.integers(0, len(CATEGORIES), count))
    rank = ndtr((people.level[who] + 0.7 * rng.standard_normal(count)) / 1.2)
    article = np.minimum((rank * ARTICLES_PER_CATEGORY).astype(np.int64), ARTICLES_PER_CATEGORY - 1)
    qty = 1 + rng.poisson(np.exp(-1.6 + 0.5 * people.level[who].clip(-3, 3)))
    qty *= np.where(people.is_bulk_buyer[who], rng.integers(1, 8, count), 1)
    rate = shop.units_per_eur[day.astype(np.int64), headers["currency"][order]]
    unit_price = np.round(shop.price_cents[category, article] * rate).astype(np.int64)
    week = (day // 7).astype(np.int64)
    is_discounted = rng.random(count) < 0.15 + 0.15 * shop.calendar.seasons[0, week] ** 2 / 2
    discount_share = np.where(is_discounted, rng.choice([0.05, 0.1, 0.15, 0.2, 0.3], count), 0.0)
    handled = day + rng.uniform(0.05, 1.5, count)
    return {
        "order": order,
        "line_no": np.arange(count) - first_line[order] + 1,
        "article": category * ARTICLES_PER_CATEGORY + article,
        "qty": qty,
        "unit_price_cents": unit_price,
        "discount_cents": np.round(unit_price * qty * discount_share).astype(np.int64),
        "state_code": headers["state_code"][order],
        "changed_day": np.minimum(handled, shop.calendar.days - _ONE_SECOND),
    }


def _send_back(rng: np.random.Generator, shop: Shop, headers: Columns, lines: Columns) -> Columns:
    """Draw which shipped lines come back; the line's state tells, as the shop's clerk would set it."""
    day = at_some_hour(rng, headers["day"][lines["order"]] + rng.uniform(5, 25, lines["order"].size))
    comes_back = (rng.random(day.size) < RETURN_RATE) & (lines["state_code"] == "S") & (day < shop.calendar.days)
    lines["state_code"] = np.where(comes_back, "R", lines["state_code"])
    lines["changed_day"] = np.where(comes_back, day, lines["changed_day"])
    picked: Columns = {name: values[comes_back] for name, values in lines.items()}
    order = picked["order"]
    return {
        "order": order,
        "line_no": picked["line_no"],
        "article": picked["article"],
        "qty": picked["qty"],
        "refund_cents": picked["unit_price_cents"] * picked["qty"] - picked["discount_cents"],
        "channel_code": headers["channel_code"][order],
        "currency": headers["currency"][order],
        "day": day[comes_back],
    }


def visit_site(rng: np.random.Generator, shop: Shop, people: People, life: Life, headers: Columns) -> Columns:
    """Browsing by mood, research before each intended purchase, and the visits in which web orders are placed."""
    rate = life.presence * people.visits_per_week[:, None] * np.exp(0.9 * life.mood - 0.3)
    browsing_person, week = np.nonzero(visits := rng.poisson(rate))
    repeats = visits[browsing_person, week]
    browsing_person, week = np.repeat(browsing_person, repeats), np.repeat(week, repeats)
    looks = np.repeat(np.arange(life.intent_day.size), rng.poisson(1.8, life.intent_day.size))
    looking_day = life.intent_day[looks] - rng.exponential(10.0, looks.size)
    online = np.nonzero((headers["channel_code"] != "S") & (headers["person"] != NOBODY))[0]
    person = np.concatenate([browsing_person, life.intent_person[looks], headers["person"][online]])
    kind = np.repeat([0, 1, 2], [browsing_person.size, looks.size, online.size])
    day = np.concatenate([7 * week + 7 * rng.random(week.size), looking_day, headers["day"][online]])
    # the order is placed some minutes into its visit
    day = np.where(kind == 2, day - rng.uniform(2, 25, day.size) / 1_440, at_some_hour(rng, day))
    shown = (day >= 0) & (day < shop.calendar.days) & ((day > people.joined_day[person]) | (kind == 2))
    person, kind, day = person[shown], kind[shown], day[shown]
    is_known = rng.random(kind.size) > np.where(kind == 2, 0.05, ANONYMOUS_VISIT_SHARE)
    passers_by = rng.integers(0, kind.size, round(kind.size * PASSER_BY_SHARE))
    return _visit_details(
        rng,
        person=np.concatenate([np.where(is_known, person, NOBODY), np.full(passers_by.size, NOBODY)]),
        kind=np.concatenate([kind, np.zeros(passers_by.size, dtype=np.int64)]),
        day=np.concatenate([day, at_some_hour(rng, day[passers_by])]),
    )


def _visit_details(rng: np.random.Generator, *, person: Ints, kind: Ints, day: Floats) -> Columns:
    pages = 1 + rng.poisson(np.array([3.0, 6.0, 8.0])[kind])
    return {
        "person": person,
        "day": day,
        "pages": pages,
        "seconds": (pages * rng.gamma(2.0, 22.0, kind.size)).astype(np.int64),
        "device_code": rng.choice(["D", "M", "T"], kind.size, p=[0.4, 0.52, 0.08]),
        "referrer_code": rng.choice(["DIR", "SEA", "SOC", "MAIL", "REF"], kind.size, p=[0.35, 0.3, 0.12, 0.15, 0.08]),
        "cart_adds": rng.poisson(np.array([0.08, 0.8, 1.0])[kind]) + (kind == 2),
        "has_ordered": np.where(kind == 2, "Y", "N"),
    }


def answer_surveys(rng: np.random.Generator, shop: Shop, life: Life, headers: Columns) -> Columns:
    """Some answer a week after an order, some the half-yearly letter; both answers follow satisfaction that week."""
    asked = np.nonzero((headers["person"] != NOBODY) & (rng.random(headers["day"].size) < 0.20))[0]
    rounds = np.repeat(np.arange(90, shop.calendar.days, 182), life.presence.shape[0]).astype(float)
    everybody = np.tile(np.arange(life.presence.shape[0]), rounds.size // life.presence.shape[0])
    answers = rng.random(rounds.size) < 0.25 * life.presence[everybody, (rounds // 7).astype(np.int64)]
    person = np.concatenate([headers["person"][asked], everybody[answers]])
    day = np.concatenate([headers["day"][asked] + rng.uniform(5, 12, asked.size), rounds[answers]])
    day = at_some_hour(rng, day + 5 * rng.random(day.size))
    shown = day < shop.calendar.days
    person, day = person[shown], day[shown]
    felt = life.satisfaction[person, (day // 7).astype(np.int64)]
    return {
        "person": person,
        "day": day,
        "recommend_score": np.round(8.0 + 2.0 * felt + rng.standard_normal(day.size)).clip(0, 10).astype(np.int64),
        "stars": np.round(4.0 + 0.8 * felt + 0.6 * rng.standard_normal(day.size)).clip(1, 5).astype(np.int64),
    }


def post_socially(rng: np.random.Generator, shop: Shop, people: People, life: Life) -> Columns:
    """A few people post by habit; anybody who is dissatisfied enough may complain."""
    habit = life.presence * people.posts_per_week[:, None] * np.exp(0.4 * life.mood)
    complaints = 0.12 * life.presence * expit(-2.5 * (life.satisfaction + 2.0))
    events = rng.poisson(np.stack([habit, complaints]))
    is_complaint, person, week = np.nonzero(events)
    repeats = events[is_complaint, person, week]
    is_complaint, person, week = (np.repeat(a, repeats) for a in (is_complaint, person, week))
    day = at_some_hour(rng, 7 * week + 7 * rng.random(week.size))
    shown = (day > people.joined_day[person]) & (day < shop.calendar.days)
    is_complaint, person, week, day = is_complaint[shown], person[shown], week[shown], day[shown]
    felt = 0.6 * life.satisfaction[person, week] + 0.3 - 0.8 * is_complaint
    return {
        "person": np.where(rng.random(day.size) < 0.15, NOBODY, person),
        "day": day,
        "network_code": rng.choice(["IG", "FB", "TT", "X"], day.size, p=[0.45, 0.3, 0.15, 0.1]),
        "kind": np.where(is_complaint == 1, "complaint", rng.choice(["mention", "comment", "share"], day.size)),
        "polarity_percent": np.round(100 * np.tanh(felt + 0.4 * rng.standard_normal(day.size))).astype(np.int64),
    }


def mailing_days(calendar: Calendar) -> Ints:
    return np.arange(10, calendar.days - 1, DAYS_BETWEEN_MAILINGS)


def receive_mailings(rng: np.random.Generator, shop: Shop, people: People, life: Life) -> Columns:
    """Each mailing goes to some of those on file; who still cares clicks more often."""
    days = mailing_days(shop.calendar)
    is_mailed = rng.random((days.size, people.count)) < MAILED_SHARE * (people.joined_day < days[:, None])
    mailing, person = np.nonzero(is_mailed)
    sent = days[mailing] + 9.5 / 24
    week = days[mailing] // 7
    cares = expit(-1.9 + 1.0 * life.mood[person, week] + 0.6 * people.mail_affinity[person])
    clicks = rng.random(person.size) < life.presence[person, week] * cares
    clicked = np.minimum(at_some_hour(rng, days[mailing] + 1.0 + rng.exponential(1.0, person.size)), shop.calendar.days)
    return {
        "person": person,
        "mailing_id": mailing + 1,
        "day": sent,
        "has_clicked": np.where(clicks, "Y", "N"),
        "changed_day": np.where(clicks, np.minimum(clicked, shop.calendar.days - _ONE_SECOND), sent),
    }
