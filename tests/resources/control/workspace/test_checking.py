import pytest

from resources.control.workspace.checking import check_file
from resources.control.workspace.schemas import FILE_KINDS
from resources.control.workspace.yaml_loader import load_yaml


def _check(file, text):
    loaded = load_yaml(text.encode(), file=file)
    assert loaded.problems == ()
    return check_file(loaded.root, FILE_KINDS[file], file=file)


def _problems(file, text):
    checked = _check(file, text)
    assert checked.settings is None
    return [
        str(problem).removeprefix(f"{file}:").lstrip() for problem in (*checked.problems, *checked.general)
    ]


def test_clock_times_become_times_never_numbers():
    settings = _check("guardrails.yml", "quiet_hours: {start: 22:00, end: 7:05}\n").settings
    assert (settings.quiet_hours.start.hour, settings.quiet_hours.start.minute) == (22, 0)
    assert (settings.quiet_hours.end.hour, settings.quiet_hours.end.minute) == (7, 5)


def test_a_sexagesimal_number_is_no_clock_time():
    assert _problems("guardrails.yml", "quiet_hours: {start: 1320, end: 08:00}\n") == [
        "1: quiet_hours.start: `1320` cannot be read — write a clock time as HH:MM, for example 22:00"
    ]


WORKSPACE = "version: 1\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("jurisdictions: [NO, on, 5]", "jurisdictions[2]: expected text, found a number — put it in quotes"),
        ("jurisdictions: [true]", "jurisdictions[0]: expected text, found true or false — put it in quotes"),
        (
            "jurisdictions: NO",
            (
                "jurisdictions: expected a list, found text"
                " — write [value], or each entry on its own line after a dash"
            ),
        ),
        ("seed: '5'", "seed: expected a whole number, found text — write it without quotes"),
        ("seed: 1e3", "seed: expected a whole number, found a number — write it without a decimal point"),
        (
            "seed: yes",
            "seed: expected a whole number, found text — write it without quotes",
        ),
        (
            "seed: ~",
            (
                "seed: expected a whole number, found nothing"
                " — write a whole number, or leave the line out if it is optional"
            ),
        ),
        ("seed: -1", "seed: `-1` is out of range — write a value that is at least 0"),
        ("first_night: 20200101", "first_night: `20200101` is not a date — write a date as YYYY-MM-DD"),
        ("first_night: 2020-02-30", "first_night: `2020-02-30` is not a date — write a date as YYYY-MM-DD"),
        (
            "maximum_shrink_rate: 1.5",
            "maximum_shrink_rate: `1.5` is out of range — write a value that is at most 1.0",
        ),
        (
            "bucket_count: 3",
            (
                "bucket_count: the bucket count must be a power of two, "
                "so that doubling splits each bucket in two"
                " — change it so that this holds"
            ),
        ),
        (
            "consent_basis: short",
            "consent_basis: `short` is too short — write at least 20 characters",
        ),
        (
            "consent_without_record: alow",
            "consent_without_record: `alow` is not allowed here — did you mean allow? known are allow, deny",
        ),
    ],
)
def test_wrong_values_say_what_to_write(line, problem):
    assert _problems("workspace.yml", WORKSPACE + line + "\n") == [f"5: {problem}"]


def test_norway_and_other_words_stay_text():
    settings = _check("workspace.yml", WORKSPACE + "jurisdictions: [NO, on, yes, off]\n").settings
    assert settings.jurisdictions == ("NO", "on", "yes", "off")


def test_a_name_that_is_no_name_and_a_currency_that_is_none_are_explained():
    text = WORKSPACE.replace("acme", "NO").replace("USD", "usd").replace("UTC", "Mars/Base")
    assert _problems("workspace.yml", text) == [
        (
            "2: workspace: `NO` is not a name — write lower-case letters, digits and underscores, "
            "starting with a letter (at most 63)"
        ),
        "3: time_zone: unknown time zone — write an IANA name such as America/New_York",
        "4: currency: `usd` is not a currency — write three capital letters, for example USD",
    ]


def test_a_rule_about_the_whole_file_is_kept_apart():
    checked = _check("workspace.yml", WORKSPACE + "consent_without_record: allow\n")
    assert checked.problems == ()
    assert [problem.what for problem in checked.general] == [
        "consent_without_record: allow needs consent_basis, the written legal basis for it"
    ]


def test_unknown_and_missing_keys_name_what_belongs_there():
    assert _problems("guardrails.yml", "caps:\n  - nam: x\n    max: 1\n    window: 1d\n") == [
        "2: caps[0]: `name` is missing — add `name:` under `caps[0]`",
        (
            "2: caps[0].nam: unknown key — did you mean name? "
            "known are channel, max, name, per, purpose, tag, window, zone"
        ),
    ]


def test_a_missing_key_at_the_top_belongs_to_the_file():
    assert _problems("destinations.yml", "destinations:\n  out: {kind: files}\n") == [
        "2: destinations.out: `channels` is missing — add `channels:` under `destinations.out`"
    ]
    [first, *_] = _problems("workspace.yml", "version: 1\n")
    assert first == "`workspace` is missing — add `workspace:` to the file"


def test_wrong_keys_are_reported_at_the_key():
    assert _problems("catalogue.yml", "channels:\n  email: {}\n  fax: {}\n") == [
        "3: channels.fax: `fax` is not allowed here — known are email, post, push, sms"
    ]


def test_money_keeps_two_decimals_exactly():
    settings = _check("catalogue.yml", "channels: {email: {cost: 0.1}, sms: {cost: 1e3}}\n").settings
    assert {channel: str(terms.cost) for channel, terms in settings.channels.items()} == {
        "email": "0.10",
        "sms": "1000.00",
    }
    [problem] = _problems("catalogue.yml", "channels: {email: {cost: 0.125}}\n")
    assert "an amount of money has at most two decimals" in problem


def test_each_mistake_in_a_rule_is_reported_once_where_it_is():
    text = """\
segments:
  broken:
    rule:
      all:
        - {trait: order_count, at_least: '3'}
        - {segmnt: other}
        - not: {trait: spend_amount, equals: [1]}
        - {trait: recency_days, is_known: yes}
        - {trait: recency_days}
        - 3
  empty: {rule: {all: []}}
"""
    assert _problems("segments.yml", text) == [
        (
            "5: segments.broken.rule.all[0].at_least: expected a number, found text"
            " — write a number without quotes and without a unit"
        ),
        (
            "6: segments.broken.rule.all[1]: expected a rule, found a mapping"
            " — write one of all, any, not, segment, trait or event"
        ),
        (
            "7: segments.broken.rule.all[2].not.equals: "
            "expected text, a number, or true or false, found a list"
            " — write a single value"
        ),
        (
            "8: segments.broken.rule.all[3].is_known: expected true or false, found text"
            " — write true or false; yes, no, on and off are text in YAML 1.2"
        ),
        (
            "9: segments.broken.rule.all[4]: a condition compares: equals, one_of, at_least, at_most, "
            "more_than, less_than or is_known — change it so that this holds"
        ),
        (
            "10: segments.broken.rule.all[5]: expected a rule, found a number"
            " — write one of all, any, not, segment, trait or event"
        ),
        "11: segments.empty.rule.all: has too few entries — write at least 1",
    ]


def test_values_of_files_with_secrets_are_never_shown():
    text = "connections:\n  main: {kind: hunter2, path: 5, password: hunter2}\n"
    problems = _problems("connections.yml", text)
    assert problems
    assert not any("hunter2" in problem for problem in problems)


def test_places_that_the_loader_reported_are_not_reported_again():
    loaded = load_yaml(b"version: 1\nworkspace: 012\ntime_zone: UTC\ncurrency: USD\n", file="workspace.yml")
    assert len(loaded.problems) == 1
    assert check_file(loaded.root, FILE_KINDS["workspace.yml"], file="workspace.yml").problems == ()


def test_a_mapping_where_a_list_belongs_and_the_reverse():
    assert _problems("guardrails.yml", "caps: {a: 1}\nholdout: [1]\n") == [
        "1: caps: expected a list, found a mapping — write a list, or leave the line out if it is optional",
        "2: holdout: expected a mapping, found a list — write `key: value` lines without dashes",
    ]


def test_limit_names_that_are_used_twice_concern_the_file():
    text = "caps: [{name: x, max: 1, window: 1d}]\nminimum_gaps: [{name: x, gap: 1h}]\n"
    assert _problems("guardrails.yml", text) == [
        "limit names are used twice: x — change it so that this holds"
    ]
