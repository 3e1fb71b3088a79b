import json
from datetime import date

import pytest

from pipelines.contracts.codes import Product
from pipelines.contracts.settings.night import WorkspaceConfig
from resources.control.configs import ConfigStore
from resources.control.database import open_control
from resources.control.workspace.night import (
    ConfigPausedError,
    NotAppliedError,
    StoredConfigError,
    apply_workspace,
    load_night,
    named_settings,
)
from resources.control.workspace.reading import read_workspace

NIGHT = date(2017, 12, 3)
LATER = date(2017, 12, 10)


@pytest.fixture
def config(write_workspace):
    return read_workspace(write_workspace()).config


@pytest.fixture
def store(tmp_path):
    engine = open_control(f"sqlite:///{tmp_path / 'control.sqlite'}")
    yield ConfigStore(engine, "acme")
    engine.dispose()


def _apply(store, config, *, on=None):
    return apply_workspace(store, config, author="ann", reason="test", effective_on=on)


def _changed(config, **guardrails):
    changed = config.guardrails.model_copy(update=guardrails)
    return config.model_copy(update={"guardrails": changed})


def test_settings_are_named_by_product(config):
    owners = {name: str(owner) for name, (owner, _) in named_settings(config).items()}
    assert owners == {
        "workspace": "workspace",
        "guardrails": "workspace",
        "destinations": "workspace",
        "connector": Product.CONNECTOR,
        "enrichment": Product.ENRICHMENT,
        "personalization": Product.PERSONALIZATION,
        "journeys/welcome": Product.JOURNEYS,
        "sequences/back": Product.SEQUENCING,
    }


def test_stored_settings_are_plain_json_with_defaults_written_out(config):
    settings = {name: stored for name, (_, stored) in named_settings(config).items()}
    assert json.loads(json.dumps(settings)) == settings
    assert settings["guardrails"]["quiet_hours"] == {"start": "22:00", "end": "07:05"}
    assert settings["guardrails"]["holdout"]["universal"] == 0.02
    assert settings["connector"]["sources"]["orders"]["lookback"] == "3d"
    assert settings["personalization"]["catalogue"]["channels"]["email"]["cost"] == "0.10"


def test_rules_are_stored_as_written(config):
    enrichment = named_settings(config)["enrichment"][1]
    assert enrichment["segments"]["quiet"] == {
        "rule": {"all": [{"segment": "buyers"}, {"not": {"trait": "recency_days", "at_most": 28.0}}]}
    }


def test_what_was_applied_is_what_a_night_reads(config, store):
    _apply(store, config)
    night = load_night(store, NIGHT)
    assert (
        WorkspaceConfig.model_validate({name: getattr(night, name) for name in WorkspaceConfig.model_fields})
        == config
    )
    assert night.versions == dict.fromkeys(named_settings(config), 1)
    assert night.version_of("journeys/welcome") == 1
    assert night.paused == frozenset()


def test_a_condition_that_compares_with_null_survives(write_workspace, store):
    text = (
        "segments:\n  buyers: {rule: {trait: order_count, equals: ~}}\n  quiet: {rule: {segment: buyers}}\n"
    )
    config = read_workspace(write_workspace({"segments.yml": text})).config
    _apply(store, config)
    assert load_night(store, NIGHT).enrichment == config.enrichment


def test_no_quiet_hours_stay_none(write_workspace, store):
    """The default is a window, so that leaving null out would bring it back."""
    config = read_workspace(write_workspace({"guardrails.yml": "quiet_hours: ~\n"})).config
    _apply(store, config)
    assert load_night(store, NIGHT).guardrails.quiet_hours is None


def test_a_night_before_a_change_keeps_what_was_in_force(config, store):
    _apply(store, config)
    changes = _apply(store, _changed(config, maximum_plan_size=5), on=LATER)
    assert [(change.name, change.version) for change in changes] == [("guardrails", 2)]
    assert load_night(store, NIGHT).guardrails.maximum_plan_size is None
    after = load_night(store, LATER)
    assert after.guardrails.maximum_plan_size == 5
    assert (after.version_of("guardrails"), after.version_of("workspace")) == (2, 1)


def test_applying_again_changes_nothing(config, store):
    assert len(_apply(store, config)) == len(named_settings(config))
    before = load_night(store, NIGHT).content_hash
    assert _apply(store, config) == []
    assert load_night(store, NIGHT).content_hash == before


def test_a_programme_whose_file_is_gone_is_not_in_force(config, store):
    _apply(store, config)
    _apply(store, config.model_copy(update={"journeys": {}}), on=LATER)
    assert set(load_night(store, NIGHT).journeys) == {"welcome"}
    assert load_night(store, LATER).journeys == {}


def test_the_hash_follows_settings_and_pauses_and_nothing_else(config, store):
    _apply(store, config)
    first = load_night(store, NIGHT).content_hash
    _apply(store, _changed(config, maximum_plan_size=5), on=LATER)
    changed = load_night(store, LATER).content_hash
    _apply(store, config, on=LATER)
    assert load_night(store, LATER).content_hash == first != changed
    store.pause("journeys/welcome", author="ann", reason="test", effective_on=LATER)
    assert load_night(store, LATER).content_hash != first
    assert load_night(store, NIGHT).content_hash == first


def test_paused_and_stopped_programmes_are_listed_as_candidates_name_them(config, store):
    _apply(store, config)
    store.pause("journeys/welcome", author="ann", reason="test", effective_on=NIGHT)
    store.stop("sequences/back", author="ann", reason="test", effective_on=NIGHT)
    assert load_night(store, NIGHT).paused == {"welcome", "back"}
    store.resume("journeys/welcome", author="ann", reason="test", effective_on=LATER)
    assert load_night(store, LATER).paused == {"back"}


def test_pausing_personalization_pauses_every_campaign(config, store):
    _apply(store, config)
    store.pause("personalization", author="ann", reason="test", effective_on=NIGHT)
    assert load_night(store, NIGHT).paused == {"spring"}


def test_pausing_enrichment_takes_effect_on_the_next_night(config, store):
    _apply(store, config)
    store.pause("enrichment", author="ann", reason="test", effective_on=LATER)
    assert not load_night(store, NIGHT).is_enrichment_paused
    paused = load_night(store, LATER)
    assert paused.is_enrichment_paused
    assert paused.content_hash != load_night(store, NIGHT).content_hash


@pytest.mark.parametrize("name", ["workspace", "connector", "guardrails", "destinations"])
def test_a_night_does_not_run_without_what_it_needs(config, store, name):
    _apply(store, config)
    store.pause(name, author="ann", reason="test", effective_on=NIGHT)
    with pytest.raises(ConfigPausedError, match=f"{name} is PAUSED; run onward resume"):
        load_night(store, NIGHT)


def test_a_workspace_that_was_never_applied_says_what_to_run(store):
    with pytest.raises(NotAppliedError, match="run onward apply"):
        load_night(store, NIGHT)


def test_settings_of_another_release_name_config_and_place(config, store):
    named = named_settings(config)
    owner, settings = named["guardrails"]
    store.apply(
        {**named, "guardrails": (owner, {**settings, "maximum_plan_size": "many"})}, author="a", reason="r"
    )
    with pytest.raises(StoredConfigError, match=r"guardrails version 1 .*maximum_plan_size.*onward apply"):
        load_night(store, NIGHT)


def test_references_to_secrets_are_stored_as_references(write_workspace, store):
    text = "connections:\n  main: {kind: duckdb, path: 'env:ACME_DB'}\n"
    config = read_workspace(
        write_workspace({"connections.yml": text}), environment={"ACME_DB": "hunter2"}
    ).config
    _apply(store, config)
    assert load_night(store, NIGHT).connector.connections["main"].path == "env:ACME_DB"
