import pytest


def _first_parts(problems):
    return [problem.split(" — ")[0] for problem in problems]


def test_every_name_that_a_programme_uses_must_exist(problems_of):
    problems = problems_of(
        {
            "personalization.yml": "campaigns:\n"
            "  spring:\n    offers: [ten_off, gone]\n    templates: [helo]\n    audience: byers\n",
            "journeys/welcome.yml": "name: welcome\nentry: {segment: nobody, initial: include}\nnodes:\n"
            "  - {id: a, message: {template: x, offer: y}}\n  - {id: b, wait_for: 1d}\n"
            "  - {id: c, exit: done}\n",
            "sequences/back.yml": "name: back\nsegment: nobody\nsteps:\n  - {template: hello, offer: z}\n",
        }
    )
    assert _first_parts(problems) == [
        "journeys/welcome.yml:2: entry.segment: unknown segment `nobody`",
        "journeys/welcome.yml:4: nodes[0].message.offer: unknown offer `y`",
        "journeys/welcome.yml:4: nodes[0].message.template: unknown template `x`",
        "personalization.yml:3: campaigns.spring.offers[1]: unknown offer `gone`",
        "personalization.yml:4: campaigns.spring.templates[0]: unknown template `helo`",
        "personalization.yml:5: campaigns.spring.audience: unknown segment `byers`",
        "sequences/back.yml:2: segment: unknown segment `nobody`",
        "sequences/back.yml:4: steps[0].offer: unknown offer `z`",
    ]
    assert "did you mean hello?" in problems[4]


def test_without_a_catalogue_nothing_is_known(problems_of):
    problems = problems_of({"catalogue.yml": None})
    assert "unknown template `hello` — no template is defined" in problems[0] + problems[1]


@pytest.mark.parametrize("file", ["journeys/welcome.yml", "sequences/back.yml"])
def test_a_programme_is_named_like_its_file(problems_of, write_workspace, file):
    text = (write_workspace() / file).read_text()
    name = file.split("/")[1].removesuffix(".yml")
    assert problems_of({file: text.replace(f"name: {name}", "name: other")}) == [
        f"{file}:1: name: the name `other` is not the file's name — write name: {name}, or rename the file"
    ]


def test_an_offer_on_a_category_needs_products_and_order_lines(warnings_of):
    catalogue = (
        "channels: {email: {}, sms: {}}\ntemplates: {hello: {channel: email}, ping: {channel: sms}}\n"
        "offers:\n  ten_off: {name: x, category: BEEF}\n"
    )
    assert _first_parts(warnings_of({"catalogue.yml": catalogue})) == [
        (
            "catalogue.yml:4: offers.ten_off.category: nobody can lean to the category of offer `ten_off` "
            "without `products` and `order_lines`"
        )
    ]
    sources = "sources:\n" + "".join(
        f"  {name}: {{connection: main, table: t}}\n"
        for name in ("customers", "orders", "order_lines", "products")
    )
    assert warnings_of({"catalogue.yml": catalogue, "sources.yml": sources}) == []


def test_a_channel_without_destination_is_a_warning(warnings_of):
    destinations = "destinations:\n  out: {kind: files, channels: [email]}\n"
    assert _first_parts(warnings_of({"destinations.yml": destinations})) == [
        "catalogue.yml:4: templates.ping.channel: no destination takes channel `sms`"
    ]


def test_a_name_that_two_programmes_share_is_a_warning(warnings_of):
    campaigns = "campaigns:\n  welcome: {offers: [ten_off], templates: [hello]}\n"
    assert _first_parts(warnings_of({"personalization.yml": campaigns})) == [
        "personalization.yml:2: campaigns.welcome: journeys/welcome.yml has the same name"
    ]
