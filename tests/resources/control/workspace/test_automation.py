from datetime import date

import pytest

from pipelines.contracts.codes import Product
from pipelines.contracts.control_codes import Automation
from resources.control.configs import ConfigStore
from resources.control.database import open_control
from resources.control.workspace.automation import written_levels
from resources.control.workspace.night import apply_workspace, load_night
from resources.control.workspace.reading import read_workspace

NIGHT, LATER = date(2017, 12, 3), date(2017, 12, 10)
J, S, P = Product.JOURNEYS, Product.SEQUENCING, Product.PERSONALIZATION
WORKSPACE = "version: 1\nworkspace: acme\ntime_zone: America/New_York\ncurrency: USD\n"
SEQUENCE = "name: back\nsegment: buyers\nsteps: [{template: hello}]\n"


@pytest.fixture
def store(tmp_path):
    engine = open_control(f"sqlite:///{tmp_path / 'control.sqlite'}")
    yield ConfigStore(engine, "acme")
    engine.dispose()


@pytest.fixture
def night_of(write_workspace, store):
    """The levels of a night after applying files."""

    def run(files, *, on=NIGHT):
        reading = read_workspace(write_workspace(files))
        assert reading.config is not None, reading.problems
        apply_workspace(store, reading.config, author="ann", reason="test", effective_on=on)
        return load_night(store, on).automation

    return run


def test_programmes_of_which_nothing_is_said_are_automatic(night_of):
    assert night_of({}) == {J: {"welcome": "auto"}, S: {"back": "auto"}, P: {"spring": "auto"}}


def test_a_programme_names_its_own_level_and_else_has_that_of_its_product(night_of):
    defaults = "automation: {default: approval, personalization: manual}\n"
    levels = night_of(
        {"workspace.yml": WORKSPACE + defaults, "sequences/back.yml": SEQUENCE + "automation: auto\n"}
    )
    assert levels == {J: {"welcome": "approval"}, S: {"back": "auto"}, P: {"spring": "manual"}}


def test_a_campaign_has_its_own_level_or_that_of_all_campaigns(night_of):
    campaigns = (
        "campaigns:\n"
        "  spring: {offers: [ten_off], templates: [hello], automation: approval}\n"
        "  autumn: {offers: [ten_off], templates: [hello]}\n"
    )
    assert night_of({"personalization.yml": campaigns})[P] == {"spring": "approval", "autumn": "auto"}


def test_levels_have_a_first_night_and_are_part_of_the_hash(night_of, store):
    night_of({})
    before = load_night(store, NIGHT).content_hash
    store.automate("sequences/back", Automation.MANUAL, author="ann", reason="x", effective_on=LATER)
    assert load_night(store, NIGHT).automation[S] == {"back": "auto"}
    later = load_night(store, LATER)
    assert later.automation[S] == {"back": "manual"}
    assert load_night(store, NIGHT).content_hash == before != later.content_hash


def test_a_level_that_no_file_names_stays_as_it_was_set_by_hand(night_of, store):
    night_of({})
    store.automate("personalization", Automation.APPROVAL, author="ann", reason="x", effective_on=NIGHT)
    levels = night_of({"guardrails.yml": "maximum_plan_size: 7\n"}, on=LATER)
    assert levels[P] == {"spring": "approval"}


def test_only_levels_that_are_written_are_applied(write_workspace):
    config = read_workspace(write_workspace({"sequences/back.yml": SEQUENCE + "automation: manual\n"})).config
    assert written_levels(config) == {"sequences/back": Automation.MANUAL}


@pytest.mark.parametrize("level", ["automatic", "AUTO", "yes"])
def test_an_unknown_level_is_a_problem_with_its_line(write_workspace, level):
    reading = read_workspace(write_workspace({"sequences/back.yml": f"{SEQUENCE}automation: {level}\n"}))
    assert reading.config is None
    assert "sequences/back.yml:4: automation:" in str(reading.problems[0])
