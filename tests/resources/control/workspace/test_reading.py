import re
from datetime import timedelta

import pytest

from pipelines.contracts.codes import Channel
from resources.control.workspace.problems import Problem, in_order, suggestion
from resources.control.workspace.reading import read_workspace


def test_a_valid_folder_becomes_a_config(write_workspace):
    reading = read_workspace(write_workspace())
    assert reading.problems == ()
    config = reading.config
    assert config.workspace.workspace == "acme"
    assert config.connector.sources["orders"].lookback == timedelta(days=3)
    assert set(config.enrichment.segments) == {"buyers", "quiet"}
    assert config.personalization.catalogue.templates["hello"].channel is Channel.EMAIL
    assert config.personalization.campaigns["spring"].audience == "buyers"
    assert set(config.journeys) == {"welcome"}
    assert set(config.sequences) == {"back"}


def test_the_least_that_works_has_documented_defaults(write_workspace):
    optional = ["segments.yml", "catalogue.yml", "guardrails.yml", "personalization.yml"]
    folder = write_workspace(dict.fromkeys([*optional, "journeys/welcome.yml", "sequences/back.yml"]))
    config = read_workspace(folder).config
    assert config.guardrails.holdout.universal == 0.02
    assert config.journeys == config.sequences == config.enrichment.segments == {}
    assert set(config.destinations.destinations) == {"outgoing_files"}


def test_problems_of_all_files_are_reported_at_once_by_file_and_line(problems_of):
    problems = problems_of(
        {
            "workspace.yml": "version: 2\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\nworkspace: b\n",
            "sources.yml": "sources:\n  customers: {connection: man, table: c}\n"
            "  oders: {connection: main, table: o}\n",
            "segments.yml": "segments:\n  a: {rule: {segment: b}}\n  c: {rule: {segment: c}}\n",
            "guardrails.yml": "caps: [\n",
            "journeys/welcome.yml": "name: hello\n",
        }
    )
    places = [re.match(r"([\w/.]+)(?::(\d+))?:", problem).groups() for problem in problems]
    assert places == sorted(places, key=lambda place: (place[0], int(place[1] or 0)))
    text = "\n".join(problems)
    for expected in (
        "guardrails.yml:2: the file ends too early: a bracket, brace or quote is opened and never closed",
        "journeys/welcome.yml:1: name: the name `hello` is not the file's name",
        "personalization.yml:2: campaigns.spring.audience: unknown segment `buyers`",
        "segments.yml:2: segments.a.rule.segment: unknown segment `b`",
        "segments.yml:3: segments.c: the segment refers to itself: c → c",
        "sequences/back.yml:2: segment: unknown segment `quiet`",
        "sources.yml:1: sources: the required source `orders` is missing",
        "sources.yml:2: sources.customers.connection: unknown connection `man` — did you mean main?",
        "sources.yml:3: sources.oders: unknown source `oders` — did you mean orders?",
        "workspace.yml:1: version: `2` is not allowed here — known are 1",
        "workspace.yml:5: workspace: the key is written twice, first in line 2",
    ):
        assert expected in text


def test_a_general_complaint_is_dropped_where_every_place_is_named(problems_of):
    problems = problems_of(
        {"catalogue.yml": "templates:\n  hello: {channel: email}\n  ping: {channel: push}\n"}
    )
    assert [problem for problem in problems if problem.startswith("catalogue.yml")] == [
        (
            "catalogue.yml:2: templates.hello.channel: channel `email` is not among the channels"
            " — add `email:` with its cost under `channels`"
        ),
        (
            "catalogue.yml:3: templates.ping.channel: channel `push` is not among the channels"
            " — add `push:` with its cost under `channels`"
        ),
    ]


def test_a_general_complaint_about_another_rule_stays_beside_named_places(problems_of):
    problems = problems_of(
        {
            "guardrails.yml": "excluded_segments: [gone]\n"
            "caps: [{name: x, max: 1, window: 1d}, {name: x, max: 2, window: 2d}]\n"
        }
    )
    assert [problem.split(" — ")[0] for problem in problems] == [
        "guardrails.yml: limit names are used twice: x",
        "guardrails.yml:1: excluded_segments[0]: unknown segment `gone`",
    ]


def test_further_checks_run_on_the_files_as_written(write_workspace):
    def refuse(findings):
        findings.problem(
            "segments.yml", findings.folder.root("segments.yml").at("segments", "quiet"), "no", "yes"
        )

    reading = read_workspace(write_workspace(), checks=(refuse,))
    assert [str(problem) for problem in reading.problems] == ["segments.yml:3: segments.quiet: no — yes"]
    assert reading.config is None


@pytest.mark.parametrize("file", ["workspace.yml", "connections.yml", "sources.yml", "journeys/welcome.yml"])
def test_no_config_comes_of_a_folder_with_an_empty_file(write_workspace, file):
    reading = read_workspace(write_workspace({file: ""}))
    assert reading.config is None
    assert f"{file}: the file is empty" in "\n".join(map(str, reading.problems))


def test_problems_come_without_doubles_and_in_order():
    def problem(file, line):
        return Problem(file=file, line=line, where="", what="w", remedy="r")

    given = [problem("b", 2), problem("b", 10), problem("a", 3), problem("b", 2)]
    assert [(found.file, found.line) for found in in_order(given)] == [("a", 3), ("b", 2), ("b", 10)]


def test_suggestions_name_the_closest_and_what_there_is():
    assert suggestion("chanel", {"channel", "cost"}) == "did you mean channel? known are channel, cost"
    assert suggestion("zzz", {"channel", "cost"}) == "known are channel, cost"
    assert suggestion("x", set(), none="no offer is defined") == "no offer is defined"
    many = suggestion("zzz", {f"name_{number:02}" for number in range(25)})
    assert many.endswith("name_19, …")


@pytest.mark.parametrize(
    "broken",
    [
        "segments.yml",
        "catalogue.yml",
        "connections.yml",
        "sources.yml",
        "personalization.yml",
        "journeys/welcome.yml",
    ],
)
def test_what_an_unreadable_file_defines_is_not_called_unknown(problems_of, broken):
    guardrails = "holdout:\n  programmes: {welcome: 0.1, spring: 0.1}\n"
    assert problems_of({broken: "a: [1\nb: 2\n", "guardrails.yml": guardrails}) == [
        (
            f"{broken}:1: a bracket or brace is opened and never closed"
            " — close it, or separate the entries with commas"
        )
    ]


def test_an_alias_in_place_of_names_makes_them_unknown_not_absent(problems_of):
    problems = problems_of({"segments.yml": "segments: *all\n"})
    assert problems == [
        "segments.yml:1: segments: `*all` is an alias — write the value out: aliases are not read"
    ]
