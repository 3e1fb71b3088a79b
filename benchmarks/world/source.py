"""The warehouse of a world: the tables of a workspace in a DuckDB file, and a day's rows added to them."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.world.draws import normals, uniforms
from benchmarks.world.people import People
from benchmarks.world.response import hour_effect
from benchmarks.world.shopping import INSTANT, customer_refs, events_of, instants, shop
from benchmarks.world.truth import Truth

Rows = dict[str, pl.DataFrame]

#: Instants of a row by table: a row exists once the instant is past.
CLOCKS = {
    "orders": "ordered_at",
    "events": "occurred_at",
    "messages": "sent_at",
    "consents": "recorded_at",
}
#: The only purpose; templates have it by default.
PURPOSE = "marketing"


def customers(truth: Truth) -> pl.DataFrame:
    """Addresses in the domain, area code and town that reach nobody."""
    number = np.arange(truth.person_count)
    created = truth.start_of(-truth.history_days)
    return pl.DataFrame({"customer_ref": customer_refs(number), "number": number}).select(
        "customer_ref",
        email=pl.format("person-{}@example.com", "number"),
        phone=pl.format("+1202555{}", pl.col("number").cast(pl.String).str.zfill(4)),
        street=pl.format("{} Example Street", "number"),
        city=pl.lit("Sampleville"),
        postcode=pl.lit("00000"),
        country=pl.lit("US"),
        created_at=pl.lit(created, INSTANT),
    )


def products(truth: Truth) -> pl.DataFrame:
    rows = [
        (f"{one.name}-{number}", f"{one.name.capitalize()} {number}", one.name)
        for one in truth.categories
        for number in range(truth.products_per_category)
    ]
    return pl.DataFrame(rows, schema=["product_id", "name", "category"], orient="row")


def _first_consents(truth: Truth, people: People) -> pl.DataFrame:
    """What everybody said on the day they came: yes or no, per channel."""
    said = truth.start_of(-truth.history_days)
    frames = [
        pl.DataFrame(
            {"customer_ref": customer_refs(np.arange(len(people))), "is_given": people.consents[:, place]}
        )
        .with_columns(channel=pl.lit(channel.name))
        .select(
            consent_id=pl.format("{}-{}-first", "customer_ref", "channel"),
            customer_ref="customer_ref",
            purpose=pl.lit(PURPOSE),
            channel="channel",
            status=pl.when("is_given").then(pl.lit("granted")).otherwise(pl.lit("denied")),
            recorded_at=pl.lit(said, INSTANT),
        )
        for place, channel in enumerate(truth.channels)
    ]
    return pl.concat(frames)


def _newsletter(truth: Truth, people: People, day: int) -> Rows:
    """A message without offer to all with consent to the first channel, and who clicked."""
    person = np.flatnonzero(people.consents[:, 0])
    days = np.full(len(person), day)
    key = (person, days)
    rate = truth.newsletter_click_rate * people.readiness[person] * people.preference[person, 0]
    rate = rate * hour_effect(truth, people.hour[person], np.full(len(person), truth.newsletter_hour))
    clicked = np.flatnonzero(
        uniforms(truth.seed, "newsletter", *key) < np.minimum(rate, truth.maximum_click_rate)
    )
    delay = truth.click_delay_median_hours * np.exp(
        truth.click_delay_spread * normals(truth.seed, "newsletter delay", *key)
    )
    messages = pl.DataFrame(
        {
            "message_id": [f"newsletter-{day}-{number}" for number in person],
            "customer_ref": customer_refs(person),
            "sent_at": instants(truth, days, np.full(len(person), float(truth.newsletter_hour))),
        }
    ).select(
        "message_id",
        "customer_ref",
        "sent_at",
        channel=pl.lit(truth.channels[0].name),
        campaign_id=pl.lit("newsletter"),
        template_id=pl.lit("newsletter"),
        offer_id=pl.lit(None, pl.String),
        cost=pl.lit(truth.channels[0].cost),
        propensity=pl.lit(None, pl.Float64),
    )
    message_id = messages["message_id"].gather(clicked)
    events = events_of(
        event_id=[f"click-{one}" for one in message_id],
        event_type="click",
        occurred_at=instants(truth, days[clicked], truth.newsletter_hour + delay[clicked]),
        customer_ref=customer_refs(person[clicked]),
        message_id=message_id,
        channel=pl.Series([truth.channels[0].name] * len(clicked), dtype=pl.String),
    )
    return {"messages": messages, "events": events}


def history(truth: Truth, people: People) -> Rows:
    """Everything before the first night ends: who is there, what they bought, and the newsletters."""
    days = np.arange(1 - truth.history_days, 1)
    shopping = shop(truth, people, days)
    letters = [_newsletter(truth, people, day) for day in truth.newsletter_days]
    campaign = {"campaign_id": ["newsletter"], "name": ["Newsletter"], "channel": [truth.channels[0].name]}
    return {
        "customers": customers(truth),
        "products": products(truth),
        "campaigns": pl.DataFrame(campaign),
        "consents": _first_consents(truth, people),
        "orders": shopping.orders,
        "order_lines": shopping.lines,
        "events": pl.concat([shopping.visits, *(letter["events"] for letter in letters)]),
        "messages": pl.concat([letter["messages"] for letter in letters]),
    }


def due_and_waiting(rows: Rows, until: datetime) -> tuple[Rows, Rows]:
    """Rows that exist before an instant, and those that do not yet; lines follow their order."""
    due, waiting = {}, {}
    for table, frame in rows.items():
        if table == "order_lines":
            continue
        happened = pl.col(CLOCKS[table]) < pl.lit(until, INSTANT) if table in CLOCKS else pl.lit(True)
        due[table], waiting[table] = frame.filter(happened), frame.filter(~happened)
    if "order_lines" in rows:
        lines = rows["order_lines"]
        due["order_lines"] = lines.join(due["orders"], on="order_id", how="semi")
        waiting["order_lines"] = lines.join(due["orders"], on="order_id", how="anti")
    return due, waiting


class Source:
    """A DuckDB file with the tables of a workspace; open only while rows are added, as nights read it.

    Args:
        path: Where the file is, or is to be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, rows: Rows) -> None:
        """The tables, with what they hold before the first night."""
        self._write("CREATE TABLE shop.{table} AS SELECT * FROM added", rows, first="CREATE SCHEMA shop")

    def append(self, rows: Rows) -> None:
        self._write("INSERT INTO shop.{table} BY NAME SELECT * FROM added", rows, first="SELECT 1")

    def _write(self, statement: str, rows: Rows, *, first: str) -> None:
        with duckdb.connect(self._path) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(first)
            for table, frame in rows.items():
                connection.register("added", frame)
                connection.execute(statement.format(table=table))
                connection.unregister("added")


def day_end(truth: Truth, day: int) -> datetime:
    return truth.start_of(day) + timedelta(days=1)
