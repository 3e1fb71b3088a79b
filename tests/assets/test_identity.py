"""Identity as it runs: a model is trained by its own job, carried from night to night, and used."""

import logging
import random
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import dagster as dg
import polars as pl
import pytest

from assets.identity import STEPS, carry_model, link_people
from assets.identity_training import TRAINING_JOB, training_job
from assets.onward_resource import OnwardResource
from assets.partitions import nights_of
from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import CUSTOMER_LINKS, IDENTITY_EVENTS, LINK_EVIDENCE, LINKAGE_MODEL
from resources.control.workspace.night import apply_workspace
from resources.control.workspace.reading import read_workspace
from resources.home import Home
from resources.settings import read_environment

FILES = {
    "workspace.yml": "version: 1\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\n",
    "connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n",
    "sources.yml": """\
        sources:
          customers: {connection: main, table: customers}
          orders: {connection: main, table: orders}
        """,
    "enrichment.yml": "identity: {probabilistic: true}\n",
}
NIGHT = date(2024, 3, 4)
SYLLABLES = ("an", "be", "cor", "da", "el", "fi", "ga", "ho", "in", "jo", "ka", "li")
NAMES = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ("ra", "ton")]


def customer_records(count):
    """People of two records: with the same mailbox, and every fifth with another one in the second."""
    dice = random.Random(3)  # noqa: S311
    rows = []
    for person in range(count):
        same = {
            "workspace_id": "acme", "source": "main",
            "first_name": dice.choice(NAMES), "last_name": dice.choice(NAMES),
            "birth_date": date(1950, 1, 1) + timedelta(days=dice.randrange(20_000)),
            "street": f"{dice.randrange(1, 200)} {dice.choice(NAMES)} street",
            "city": dice.choice(NAMES[:40]), "postcode": str(10_000 + dice.randrange(900)),
        }  # fmt: skip
        for record in range(2):
            mailbox = f"p{person}.{record if person % 5 == 0 else 0}@example.com"
            rows.append(same | {"customer_ref": f"{person}-{record}", "email": mailbox})
    schema = {name: column.dtype for name, column in CUSTOMERS.schema.columns().items()}
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)


@pytest.fixture
def onward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnwardResource:
    workspace = tmp_path / "acme"
    workspace.mkdir()
    for name, text in FILES.items():
        (workspace / name).write_text(dedent(text))
    (workspace / "source.duckdb").touch()
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ONWARD_WORKSPACE", str(workspace))
    home = Home(read_environment())
    reading = read_workspace(workspace, environment={})
    assert reading.config is not None, reading.problems
    apply_workspace(home.configs("acme"), reading.config, author="test", reason="test", effective_on=NIGHT)
    return OnwardResource(workspace_id="acme", workspace_folder=str(workspace))


def night_of(onward, on):
    return onward.reading(on, run_id="test", log=logging.getLogger("test"))


def publish(onward, on, step, frames):
    with onward.writing(step, on, run_id="test", log=logging.getLogger("test")) as (_, writer):
        for table, frame in frames.items():
            writer.stage(table, frame)
        writer.publish()


def carry(onward, on):
    publish(onward, on, "linkage_model", carry_model(night_of(onward, on)).frames)
    return night_of(onward, on).read(LINKAGE_MODEL).collect()


def train(onward, on):
    nights = nights_of(night_of(onward, on).workspace)
    definitions = dg.Definitions(jobs=[training_job(nights)], resources={"onward": onward})
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def(TRAINING_JOB).execute_in_process(
            instance=instance, partition_key=on.isoformat(), raise_on_error=False
        )


def test_before_a_model_is_trained_only_exact_identifiers_link(onward):
    publish(onward, NIGHT, "ingestion", {CUSTOMERS: customer_records(50)})
    assert carry(onward, NIGHT).is_empty()
    frames = link_people(night_of(onward, NIGHT)).frames
    assert frames[CUSTOMER_LINKS].collect()["customer_id"].n_unique() == 50 + 10
    assert frames[LINK_EVIDENCE].collect()["kind"].unique().to_list() == ["email"]


def test_a_trained_model_links_by_likeness_and_is_frozen(onward):
    records = customer_records(400)
    publish(onward, NIGHT, "ingestion", {CUSTOMERS: records})
    result = train(onward, NIGHT)
    assert result.success
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    assert event.asset_key == dg.AssetKey(["identity", "linkage_model"])
    model = carry(onward, NIGHT)  # the night run after the job keeps what the job published
    assert model.select("trained_on", "record_count").rows() == [(NIGHT, 800)]
    output = link_people(night_of(onward, NIGHT))
    assert output.verdicts["no_record_lost"].is_held
    links, evidence = output.frames[CUSTOMER_LINKS].collect(), output.frames[LINK_EVIDENCE].collect()
    assert links["customer_id"].n_unique() == 400
    assert evidence.filter(kind="likeness").height == 80
    assert output.frames[IDENTITY_EVENTS].collect()["event"].to_list() == ["created"] * 400

    publish(onward, NIGHT + timedelta(days=1), "ingestion", {CUSTOMERS: records})
    assert carry(onward, NIGHT + timedelta(days=1)).equals(model)


def test_training_again_on_the_same_night_gives_the_same_model(onward):
    publish(onward, NIGHT, "ingestion", {CUSTOMERS: customer_records(300)})
    assert train(onward, NIGHT).success
    first = night_of(onward, NIGHT).lake.require(LINKAGE_MODEL, NIGHT)
    assert train(onward, NIGHT).success
    assert night_of(onward, NIGHT).lake.require(LINKAGE_MODEL, NIGHT).content_hash == first.content_hash


def test_too_few_records_fail_the_job_in_words_and_publish_nothing(onward):
    publish(onward, NIGHT, "ingestion", {CUSTOMERS: customer_records(5)})
    result = train(onward, NIGHT)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "10 records are too few for a model" in failure.step_failure_data.user_failure_data.description
    assert night_of(onward, NIGHT).lake.find(LINKAGE_MODEL, NIGHT) is None


def test_the_model_is_read_before_people_are_linked():
    assert [step.name for step in STEPS] == ["linkage_model", "identity"]
    assert LINKAGE_MODEL in STEPS[1].reads
