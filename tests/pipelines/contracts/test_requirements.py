from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.source_tables import SOURCE_TABLES


def test_every_source_table_has_a_requirement():
    assert list(REQUIREMENTS) == list(SOURCE_TABLES)
    assert all(requirement.table is SOURCE_TABLES[name] for name, requirement in REQUIREMENTS.items())


def test_rows_are_at_least_one_and_trust_needs_no_fewer():
    for requirement in REQUIREMENTS.values():
        assert 1 <= requirement.minimum_rows <= requirement.useful_rows


def test_the_sentence_says_what_is_off_and_what_switches_it_on():
    assert REQUIREMENTS["costs"].sentence == (
        "this switches off measured channel costs: the costs of `catalogue.yml` count; "
        "1 row switches it on, 28 make it reliable"
    )
    assert REQUIREMENTS["consents"].sentence.endswith("1 row switches it on")
