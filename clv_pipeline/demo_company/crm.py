"""The demo company's customer numbers and CRM contacts: the people on file, their numbers and details.

Only the contact file belongs here; what the contacts do is in events.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.demo_company.behaviour import CHANNELS, Calendar, Ints, People
from clv_pipeline.demo_company.dirt import TEST_CUSTOMERS, Oddities, stack
from clv_pipeline.demo_company.events import COUNTRIES, NOBODY, Columns

FIRST_NAMES = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Greta",
    "Hugo",
    "Ida",
    "Jonas",
    "Lena",
    "Mats",
    "Nele",
)
LAST_NAMES = ("Bauer", "Fischer", "Hofmann", "Keller", "Lang", "Maier", "Peters", "Roth", "Schulz", "Vogel", "Wolf")
REGIONS_PER_COUNTRY = 5
_ONE_SECOND = 1 / 86_400


@dataclass(frozen=True)
class Numbers:
    """Customer numbers per person: today's, and for merged people the older ones (column 2 before 1 before 0)."""

    of_person: NDArray[Any]  # person x 3, None where there is no older number
    count: Ints

    def today(self, person: Ints) -> NDArray[Any]:
        numbers: NDArray[Any] = self.of_person[person, 0]  # indexing by a list of people copies
        numbers[person == NOBODY] = None
        return numbers

    def when_ordering(self, person: Ints, day: NDArray[np.float64]) -> NDArray[Any]:
        """Spread each merged person's orders over the numbers, the earliest under the oldest number."""
        result = self.today(person)
        for merged in np.nonzero(self.count > 1)[0]:
            own = np.nonzero(person == merged)[0]
            in_time = own[np.argsort(day[own], kind="stable")]
            block = np.arange(own.size) * self.count[merged] // max(own.size, 1)
            result[in_time] = self.of_person[merged, self.count[merged] - 1 - block]
        return result


def give_numbers(first: int, first_extra: int, oddities: Oddities) -> Numbers:
    """Number the people from `first` on, and the older numbers of merged people from `first_extra` on."""
    of_person = np.full((oddities.numbers.size, 3), None, dtype=object)
    of_person[:, 0] = [f"{first + i:06d}" for i in range(oddities.numbers.size)]
    for column in (1, 2):
        merged = np.nonzero(oddities.numbers > column)[0]
        of_person[merged, column] = [f"{first_extra + i:06d}" for i in range(merged.size)]
        first_extra += merged.size
    return Numbers(of_person, oddities.numbers)


def write_down_contacts(
    rng: np.random.Generator, calendar: Calendar, people: People, country: Ints, numbers: Numbers, oddities: Oddities
) -> Columns:
    """Return the contacts of all people on file, then the older contacts of merged people."""
    on_file = np.nonzero(~oddities.is_orphan)[0]
    details = _details(rng, calendar, people, country, oddities)
    parts = [_rows(details, on_file, numbers.of_person[on_file, 0], None)]
    for column in (1, 2):
        merged = np.nonzero(numbers.count > column)[0]
        older = _rows(details, merged, numbers.of_person[merged, column], numbers.of_person[merged, column - 1])
        merged_from = np.maximum(people.joined_day[merged], 0)
        older["changed_day"] = merged_from + (calendar.days - merged_from - _ONE_SECOND) * rng.random(merged.size)
        parts.append(older)
    return stack(*parts)


def developer_contacts(calendar: Calendar) -> Columns:
    """Return the contacts under which the shop's developers try things out."""
    count = len(TEST_CUSTOMERS)
    texts = {
        "customer_no": np.array(TEST_CUSTOMERS, dtype=object),
        "first_name": np.full(count, "Test"),
        "last_name": np.full(count, "Test"),
        "email": np.array([f"qa+{number.lower()}@demo-company.example" for number in TEST_CUSTOMERS]),
        "country_code": np.full(count, "DE"),
        "state_region": np.full(count, None, dtype=object),
        "sex": np.full(count, None, dtype=object),
        "source_code": np.full(count, "ORG"),
        "profiling_ok": np.full(count, "Y"),
        "is_staff": np.full(count, "N"),
        "merged_into_no": np.full(count, None, dtype=object),
    }
    numbers = {
        "birth_year": np.full(count, 1900),
        "acquisition_cost_cents": np.zeros(count, dtype=np.int64),
        "loyalty_level": np.zeros(count, dtype=np.int64),
        "created_day": np.full(count, 1.5),
        "changed_day": np.full(count, min(2.5, calendar.days - 1.0)),
    }
    return {**texts, **numbers}


def _details(
    rng: np.random.Generator, calendar: Calendar, people: People, country: Ints, oddities: Oddities
) -> Columns:
    count = people.count
    first, last = rng.choice(FIRST_NAMES, count), rng.choice(LAST_NAMES, count)
    domain = np.where(oddities.is_staff, "demo-company.example", "mail.example")
    code = np.array(COUNTRIES)[country]
    cost = np.array([channel.cost_eur for channel in CHANNELS])[people.channel] * rng.gamma(6.0, 1 / 6.0, count)
    # accounts are opened the evening before the first visit or order
    created = np.floor(people.joined_day) - rng.uniform(0.1, 0.3, count)
    # the tier was granted on joining, from what the person seemed to be worth: it must not know later orders
    level = np.digitize(people.level + rng.standard_normal(count), [0.5, 1.5, 2.5])
    region = [f"{c}-{r}" for c, r in zip(code, rng.integers(1, REGIONS_PER_COUNTRY + 1, count), strict=True)]
    return {
        "first_name": first.astype(object),
        "last_name": last,
        "email": np.array(
            [
                f"{f}.{n}{rng_no:04d}@{d}".lower()
                for f, n, rng_no, d in zip(first, last, rng.integers(0, 10_000, count), domain, strict=True)
            ]
        ),
        "country_code": code,
        "state_region": np.array(region, dtype=object),
        "birth_year": (1975 + 14 * rng.standard_normal(count)).clip(1930, 2007).astype(np.int64),
        "sex": rng.choice(np.array(["F", "M", "X", None], dtype=object), count, p=[0.52, 0.38, 0.02, 0.08]),
        "source_code": np.array([channel.code for channel in CHANNELS])[people.channel],
        "acquisition_cost_cents": np.round(100 * cost).astype(np.int64),
        "loyalty_level": level.astype(np.int64),
        "profiling_ok": np.where(oddities.has_consent, "Y", "N"),
        "is_staff": np.where(oddities.is_staff, "Y", "N"),
        "created_day": created,
        "changed_day": np.maximum(created, 0) + (calendar.days - np.maximum(created, 0) - 1) * rng.random(count) ** 3,
    }


def _rows(details: Columns, person: Ints, customer_no: NDArray[Any], merged_into: NDArray[Any] | None) -> Columns:
    rows = {name: values[person] for name, values in details.items()}
    rows["customer_no"] = customer_no
    rows["merged_into_no"] = np.full(person.size, None, dtype=object) if merged_into is None else merged_into
    return rows
