"""Simulated customers of the demo company: their traits, weekly state, and intended purchases.

Latent behaviour belongs here, drawn forward in time. The resulting rows (orders, visits, answers) are in
events.py, and the faults planted in those rows in dirt.py.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Times = NDArray[np.datetime64]

#: Life goes on after the last day shown: the visits just before `end` already prepare purchases just after it.
FORESIGHT_DAYS = 63
#: Monday to Sunday, and hour by hour. Nothing happens from 02:00 to 03:00 (maintenance), the hour that clock changes
#: skip or repeat, so every local time is one moment.
WEEKDAY_WEIGHT = (1.1, 1.0, 1.0, 1.0, 0.95, 0.8, 1.15)
HOUR_WEIGHT = (2, 1, 0, 0.3, 0.3, 0.5, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 6, 7, 8, 9, 8, 6, 4)

SEASON_ONLY_SHARE = 0.08  # customers who buy in one season of the year only
SEASON_PEAK_DAYS = (105, 190, 275, 345)  # spring, summer, autumn, Christmas, as day of the year
NEVER_BUYER_SHARE = 0.05  # contacts without any intention to buy; some others never do either
BEFORE_START_SHARE = 0.28  # acquired before the data begin, so their first years are not seen
MEDIAN_GAP_DAYS = 60.0
MEDIAN_LIFETIME_DAYS = 11_000.0  # while satisfied; bad experiences shorten it several times over


@dataclass(frozen=True)
class Channel:
    """One acquisition channel: its price and the customers it brings."""

    code: str
    share: float
    level_shift: float
    lifetime_factor: float
    cost_eur: float


CHANNELS = (
    Channel("SEA", 0.24, 0.00, 1.0, 14.0),
    Channel("SOC", 0.20, -0.25, 0.6, 11.0),
    Channel("AFF", 0.12, -0.10, 0.8, 9.0),
    Channel("ORG", 0.22, 0.10, 1.3, 0.0),
    Channel("REF", 0.10, 0.30, 1.7, 6.0),
    Channel("MPL", 0.07, -0.30, 0.6, 8.0),
    Channel("STO", 0.05, 0.15, 1.4, 0.0),
)


@dataclass(frozen=True)
class Calendar:
    """The shown period [start, end) as a count of days, with the company's seasons per week."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def weeks(self) -> int:
        return -(-(self.days + FORESIGHT_DAYS) // 7)

    @cached_property
    def day_of_year(self) -> Floats:
        """The day of the year in the middle of each week."""
        middles = [self.start + timedelta(days=7 * week + 3) for week in range(self.weeks)]
        return np.array([day.timetuple().tm_yday for day in middles], dtype=float)

    @cached_property
    def seasons(self) -> Floats:
        """Buying pressure per season class and week: row 0 is everybody's, the others buy in one season only."""
        everybody = (
            1.0
            + 1.0 * _bump(self.day_of_year, 333, 14)
            + 0.5 * _bump(self.day_of_year, 350, 8)
            - 0.2 * _bump(self.day_of_year, 30, 20)
        )
        single = [0.02 + 3.0 * _bump(self.day_of_year, peak, 28) for peak in SEASON_PEAK_DAYS]
        return np.vstack([everybody, *single])

    def stamp(self, days: Floats) -> Times:
        """Turn days since start into local times to the second, none of them between 02:00 and 03:00."""
        seconds = np.round(days * 86_400).astype(np.int64)
        seconds += np.where(seconds % 86_400 // 3_600 == 2, 3_600, 0)
        return np.datetime64(self.start, "s") + seconds.astype("timedelta64[s]")

    def dates(self, days: Ints) -> NDArray[np.datetime64]:
        return np.datetime64(self.start, "D") + days.astype("timedelta64[D]")

    def day_in_week(self, share: Floats) -> Floats:
        """Turn the elapsed share of a week's activity into its day, 0 to 7, by the weight of the weekdays."""
        weights = np.roll(WEEKDAY_WEIGHT, -self.start.weekday())
        day: Floats = np.interp(share, np.concatenate([[0.0], np.cumsum(weights) / weights.sum()]), np.arange(8.0))
        return day


def at_some_hour(rng: np.random.Generator, days: Floats) -> Floats:
    """Keep the day and draw the time of day."""
    weights = np.array(HOUR_WEIGHT)
    hours = rng.choice(24, size=days.size, p=weights / weights.sum())
    return np.floor(days) + (hours * 3_600 + rng.integers(0, 3_600, days.size)) / 86_400


@dataclass(frozen=True)
class People:
    """Fixed traits of each person."""

    joined_day: Floats  # negative: before the data begin
    wants_to_buy: Flags
    buys_on_joining: Flags
    level: Floats  # standard normal, how expensive the taste is
    is_bulk_buyer: Flags
    gap_days: Floats
    regularity: Floats  # gamma shape: above 1 is regular, below 1 comes in bursts
    lifetime_days: Floats
    season: Ints  # row of Calendar.seasons
    channel: Ints
    main_category: Ints
    store_share: Floats
    visits_per_week: Floats
    posts_per_week: Floats
    mail_affinity: Floats

    @property
    def count(self) -> int:
        return self.joined_day.size


@dataclass(frozen=True)
class Life:
    """State of each person: weekly states (person x week) and the purchases they intend."""

    mood: Floats  # appetite for the shop, about normal
    satisfaction: Floats  # about normal; low satisfaction drives people away
    presence: Floats  # 0 before joining, 1 as a customer, a little after leaving
    intent_person: Ints
    intent_day: Floats
    intent_is_kept: Flags  # an intention that is not kept leaves visits and full carts, but no order


def draw_people(rng: np.random.Generator, calendar: Calendar, count: int, categories: int) -> People:
    """Draw traits; customers from before the start are those still active then."""
    channel = rng.choice(len(CHANNELS), size=count, p=[c.share for c in CHANNELS]).astype(np.int64)
    quality: Any = np.array([(c.level_shift, c.lifetime_factor) for c in CHANNELS])[channel]
    is_old = rng.random(count) < BEFORE_START_SHARE
    joined = np.where(is_old, -1_500 * rng.random(count) ** 1.5 - 1, calendar.days * rng.random(count) ** 0.9)
    is_bulk_buyer = rng.random(count) < 0.01
    is_regular = rng.random(count) < 0.6
    is_seasonal = rng.random(count) < SEASON_ONLY_SHARE
    return People(
        joined_day=joined,
        wants_to_buy=rng.random(count) >= NEVER_BUYER_SHARE,
        buys_on_joining=rng.random(count) < 0.95,
        level=rng.standard_normal(count) + quality[:, 0] + 0.8 * is_bulk_buyer,
        is_bulk_buyer=is_bulk_buyer,
        gap_days=np.maximum(MEDIAN_GAP_DAYS * np.exp(0.6 * rng.standard_normal(count)), 12.0),
        regularity=np.where(is_regular, rng.uniform(2.0, 6.0, count), rng.uniform(0.5, 1.1, count)),
        lifetime_days=MEDIAN_LIFETIME_DAYS * quality[:, 1] * np.exp(0.6 * rng.standard_normal(count)),
        season=np.where(is_seasonal, rng.integers(1, 1 + len(SEASON_PEAK_DAYS), count), 0),
        channel=channel,
        main_category=rng.integers(0, categories, count),
        store_share=np.where(channel == len(CHANNELS) - 1, 0.7, rng.beta(0.5, 3.0, count)),
        visits_per_week=0.14 * np.exp(0.7 * rng.standard_normal(count)),
        posts_per_week=np.where(rng.random(count) < 0.15, 0.04, 0.002),
        mail_affinity=rng.standard_normal(count),
    )


def live(rng: np.random.Generator, calendar: Calendar, people: People) -> Life:
    """Draw each person's weeks forward in time: mood, satisfaction, leaving, and the purchases intended meanwhile."""
    mood = _drifting(rng, people.count, calendar.weeks, persistence=0.95, spread=0.85)
    # a bad experience hits at once and fades over months
    shocks = np.where(rng.random(mood.shape) < 0.012, -2.2, 0.0)
    satisfaction = _drifting(rng, people.count, calendar.weeks, persistence=0.94, spread=0.8, shocks=shocks)
    week = np.arange(calendar.weeks)
    first_week = (np.maximum(people.joined_day, 0) // 7).astype(np.int64)
    has_joined = week >= first_week[:, None]
    hazard = has_joined * np.exp(-1.8 * satisfaction) * 7 / (1.6 * people.lifetime_days[:, None])
    has_left = np.cumsum(hazard, axis=1) > rng.exponential(size=people.count)[:, None]
    is_active = has_joined & ~has_left
    speed = is_active * calendar.seasons[people.season] * np.exp(mood - 0.36) * 7 / people.gap_days[:, None]
    speed *= people.wants_to_buy[:, None] * np.exp(0.4 * np.minimum(satisfaction, 0))
    person, day, is_first = _intents(rng, calendar, people, speed)
    felt = satisfaction[person, (day // 7).astype(np.int64)]
    return Life(
        mood=mood,
        satisfaction=satisfaction,
        presence=np.where(is_active, 1.0, np.where(has_left, 0.06, 0.0)),
        intent_person=person,
        intent_day=day,
        intent_is_kept=is_first | (rng.random(day.size) < expit(1.3 + 1.0 * felt)),
    )


def _bump(day_of_year: Floats, peak: float, width: float) -> Floats:
    distance = np.abs(day_of_year - peak)
    bump: Floats = np.exp(-((np.minimum(distance, 365 - distance) / width) ** 2))
    return bump


def _drifting(
    rng: np.random.Generator, count: int, weeks: int, *, persistence: float, spread: float, shocks: Floats | None = None
) -> Floats:
    """Draw a stationary first-order autoregression per person, optionally hit by `shocks`."""
    steps = rng.standard_normal((count, weeks)) * spread
    steps[:, 1:] *= np.sqrt(1 - persistence**2)
    if shocks is not None:
        steps += shocks
    for week in range(1, weeks):
        steps[:, week] += persistence * steps[:, week - 1]
    return steps


def _intents(rng: np.random.Generator, calendar: Calendar, people: People, speed: Floats) -> tuple[Ints, Floats, Flags]:
    """Draw renewals on each person's own clock, which runs at `speed` per week, and read them off the calendar.

    Returns person, day, and whether it is the purchase with which the person joined.
    """
    clock = np.cumsum(speed, axis=1)
    longest = int(clock[:, -1].max() * 1.3) + 12
    gaps = rng.gamma(people.regularity[:, None], 1 / people.regularity[:, None], (people.count, longest))
    is_old = people.joined_day < 0
    gaps[is_old, 0] *= rng.random(int(is_old.sum()))  # the data begin somewhere inside a gap
    starts_buying = people.wants_to_buy & people.buys_on_joining & ~is_old
    gaps[starts_buying, 0] = 0.0
    ticks = np.cumsum(gaps, axis=1)
    is_first = np.zeros(ticks.shape, dtype=bool)
    is_first[:, 0] = starts_buying
    keep = is_first | (ticks < clock[:, -1:])
    person = np.nonzero(keep)[0]
    tick, first = ticks[keep], is_first[keep]
    # one search over all persons: each person's clock is shifted beyond the one before
    shift = clock[:, -1].max() + 1.0
    rows = np.arange(people.count) * shift
    found = np.searchsorted((clock + rows[:, None]).ravel(), tick + rows[person], side="right")
    week = np.minimum(found - person * calendar.weeks, calendar.weeks - 1)
    pace = speed[person, week]
    share = 1 - (clock[person, week] - tick) / np.maximum(pace, 1e-9)
    day = 7 * week + calendar.day_in_week(np.clip(share, 0.0, 0.999))
    day = np.where(first, people.joined_day[person], day)
    valid = (first | (day > people.joined_day[person] + 1)) & (day < 7 * calendar.weeks - 1)
    return person[valid].astype(np.int64), day[valid], first[valid]
