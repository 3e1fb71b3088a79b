def _first_parts(problems):
    return [problem.split(" — ")[0] for problem in problems]


def test_segments_and_programmes_that_guardrails_name_must_exist(problems_of):
    problems = problems_of(
        {
            "guardrails.yml": "excluded_segments: [buyers, staff]\n"
            "holdout:\n  programmes: {welcome: 0.1, back: 0.1, spring: 0.1, welcom: 0.1}\n"
        }
    )
    assert _first_parts(problems) == [
        "guardrails.yml:1: excluded_segments[1]: unknown segment `staff`",
        "guardrails.yml:3: holdout.programmes.welcom: unknown journey, sequence or campaign `welcom`",
    ]
    assert "did you mean welcome?" in problems[1]


def test_a_cap_of_zero_names_the_programmes_that_it_stops(warnings_of):
    caps = (
        "caps:\n"
        "  - {name: a, max: 0, window: 1d}\n"
        "  - {name: b, max: 0, window: 1d, channel: sms}\n"
        "  - {name: c, max: 0, window: 1d, purpose: service}\n"
        "  - {name: d, max: 0, window: 1d, channel: push}\n"
        "  - {name: e, max: 1, window: 1d}\n"
    )
    assert _first_parts(warnings_of({"guardrails.yml": caps})) == [
        "guardrails.yml:2: caps[0].max: a cap of 0 stops all messages of back, spring, welcome",
        "guardrails.yml:3: caps[1].max: a cap of 0 stops all messages on sms of back",
        "guardrails.yml:4: caps[2].max: a cap of 0 stops all messages of back",
    ]


def test_a_capacity_of_zero_is_the_same(warnings_of):
    assert _first_parts(warnings_of({"guardrails.yml": "capacity: {email: 0, sms: 5}\n"})) == [
        (
            "guardrails.yml:1: capacity.email: "
            "a capacity of 0 stops all messages on email of back, spring, welcome"
        )
    ]


def test_a_purpose_that_no_template_has_is_a_warning(warnings_of):
    caps = "".join(f"  - {{name: {p}, max: 1, window: 1d, purpose: {p}}}\n" for p in ("servce", "marketing"))
    assert _first_parts(warnings_of({"guardrails.yml": "caps:\n" + caps})) == [
        "guardrails.yml:2: caps[0].purpose: no template has the purpose `servce`"
    ]


def test_every_limit_names_programmes_and_segments_that_exist(problems_of):
    problems = problems_of(
        {
            "guardrails.yml": "capacities:\n"
            "  - {name: a, max: 5, programme: welcom}\n"
            "  - {name: b, max: 5, tag: sale}\n"
            "budgets:\n  - {name: c, amount: 5, per: night, programme: sprin}\n"
            "minimums:\n"
            "  - {name: d, programme: bac, count: 1}\n"
            "  - {name: e, segment: buyer, count: 1}\n"
            "exclusions:\n"
            "  - {name: f, one: {programmes: [spring]}, other: {programmes: [nobody]}, within: 7d}\n"
        }
    )
    assert _first_parts(problems) == [
        "guardrails.yml:2: capacities[0].programme: unknown journey, sequence or campaign `welcom`",
        "guardrails.yml:5: budgets[0].programme: unknown journey, sequence or campaign `sprin`",
        "guardrails.yml:7: minimums[0].programme: unknown journey, sequence or campaign `bac`",
        "guardrails.yml:8: minimums[1].segment: unknown segment `buyer`",
        (
            "guardrails.yml:10: exclusions[0].other.programmes[0]: "
            "unknown journey, sequence or campaign `nobody`"
        ),
    ]


def test_what_a_message_falls_back_on_must_exist(problems_of):
    sequence = (
        "name: back\nsegment: buyers\non_loss: fallback\n"
        "steps:\n  - {template: note, fallbacks: [note_by_postt]}\n"
    )
    assert any(
        "unknown template `note_by_postt`" in problem
        for problem in problems_of({"sequences/back.yml": sequence})
    )
